"""What one end sends, where its connection's tests do not reach it."""

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.outgoing import widened
from tests.rpc.http2.ends import exchange, pair


def test_large_data_go_out_in_frames_that_the_peer_takes():
    client, _server = pair()
    asked = client.request()
    client.sent()

    asked.send_data(b"x" * 40_000, end=True)

    sent, sizes = client.sent(), []
    while sent:
        size = int.from_bytes(sent[:3])
        sizes.append((size, sent[4]))
        sent = sent[9 + size :]
    assert sizes == [(16384, 0), (16384, 0), (7232, 1)]


@pytest.mark.parametrize(
    ("change", "room"),
    [({}, True), ({"send_left": 9}, False), ({"paused": True}, False)],
)
def test_there_is_room_if_windows_frames_and_the_socket_have_it(change, room):
    client, _ = pair()
    asked = client.request()

    for name, value in change.items():
        setattr(client.connection, name, value)

    assert client.connection.room_for(asked, 10) is room


def test_there_is_no_room_beyond_the_streams_window_or_the_largest_frame():
    client, _ = pair()
    asked = client.request()

    assert client.connection.room_for(asked, 16384)
    assert not client.connection.room_for(asked, 16385)
    asked.send_left = 9
    assert not client.connection.room_for(asked, 10)


def test_what_is_blocked_stays_blocked_until_it_has_gone_out():
    client, server = pair(slow=True)
    asked = client.request()
    asked.send_data(b"x" * 300_000, end=True)
    exchange(client, server)
    answering, read = server.streams[1], 0

    while (came := len(answering.data())) < 300_000:
        answering.consumed(came - read)
        read = came
        exchange(client, server)

    assert not asked.local_open


def test_frames_are_never_so_large_that_one_stream_holds_up_the_others():
    client, _ = pair()
    client.connection.receive(
        frames.settings({4: 2**20, 5: 2**20}) + frames.window_update(0, 2**20)
    )
    asked = client.request()
    client.sent()

    asked.send_data(b"x" * 100_000)

    assert int.from_bytes(client.sent()[:3]) == 65_536
    assert not client.connection.room_for(asked, 65_537)


def test_what_waits_of_all_streams_is_counted():
    client, _ = pair()
    client.connection.receive(frames.settings({4: 10}))
    first, second = client.request(), client.request()

    first.send_data(b"x" * 30)
    second.send_data(b"x" * 15)
    assert client.connection.unsent == 25
    client.connection.widen_stream(first, 5)
    assert client.connection.unsent == 20
    first.reset(ErrorCode.CANCEL)
    assert client.connection.unsent == 5
    client.connection.lost(ErrorCode.CANCEL)

    assert client.connection.unsent == 0


def test_a_stream_that_waits_for_its_own_window_is_not_asked_when_the_connections_opens():
    client, _ = pair()
    client.connection.receive(frames.settings({4: 10}))
    asked = client.request()
    asked.send_data(b"x" * 30)
    client.sent()

    client.connection.widen_connection(1000)
    assert client.sent() == b""
    client.connection.receive(frames.settings({4: 12}))
    assert client.sent().endswith(b"xx")
    client.connection.widen_stream(asked, 18)

    assert client.sent().endswith(b"x" * 18)
    assert asked.waiting_bytes == 0


def test_a_stream_that_waits_for_the_connection_goes_on_when_the_socket_has_room():
    client, _ = pair()
    asked = client.request()
    client.sent()
    client.connection.paused = True
    asked.send_data(b"x" * 30)

    client.connection.widen_stream(asked, 1)
    assert client.sent() == b""
    client.connection.resume()

    assert client.sent().endswith(b"x" * 30)


@pytest.mark.parametrize(
    ("left", "increment", "code"),
    [
        (0, 0, ErrorCode.PROTOCOL_ERROR),
        (1, 2**31 - 1, ErrorCode.FLOW_CONTROL_ERROR),
    ],
)
def test_a_window_is_widened_within_its_bounds(left, increment, code):
    assert widened(0, 2**31 - 1) == 2**31 - 1
    with pytest.raises(ConnectionFailed) as refused:
        widened(left, increment)

    assert refused.value.code is code
