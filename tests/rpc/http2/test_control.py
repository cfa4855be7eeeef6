"""Settings, pings, windows and ends, where the connection's tests do not reach them."""

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode, StreamFailed
from plait.rpc.http2.frames import Type
from plait.rpc.http2.settings import Settings
from tests.rpc.http2.ends import End, exchange, pair


def test_pings_that_were_asked_for_are_no_nuisance():
    client, server = pair()

    for _ in range(5000):
        client.connection.ping(b"12345678")
        exchange(client, server)
        server.connection.tick()

    assert client.connection.failure is None
    assert client.heard.count(("pong", b"12345678")) == 5000


def test_a_connection_asks_for_the_bandwidth_while_much_comes_and_widens_its_window():
    client, server = pair(ours=Settings(initial_window_size=2**22))
    asked = client.request()
    before = client.connection.send_left

    for _ in range(6):
        asked.send_data(b"x" * 2**22)
        exchange(client, server)

    assert client.connection.send_left > before
    assert server.connection.failure is None


def test_a_goaway_says_which_streams_were_taken_in():
    client, server = pair()
    client.request()
    exchange(client, server)

    server.connection.go_away(ErrorCode.NO_ERROR, b"bye")
    exchange(client, server)

    assert client.heard[-1] == ("gone", 1, ErrorCode.NO_ERROR, b"bye")


def test_a_window_update_of_a_stream_that_has_ended_is_passed_over():
    client, server = pair()
    client.request(end=True)
    exchange(client, server)
    server.streams[1].send_head([(b":status", b"200")], end=True)

    server.connection.receive(frames.window_update(1, 5) + frames.window_update(1, 0))

    assert server.connection.failure is None


def test_a_smaller_window_lets_nothing_out():
    client, _ = pair()
    asked = client.request()
    asked.send_data(b"x" * 70_000)
    client.sent()

    client.connection.receive(frames.settings({4: 60_000}))

    assert client.sent() == frames.settings_ack()


def test_more_for_all_streams_lets_out_what_each_may_send():
    client, _ = pair()
    client.connection.receive(frames.settings({4: 0}))
    streams = [client.request() for _ in range(3)]
    for stream in streams:
        stream.send_data(b"x" * 10, end=True)
    client.sent()

    client.connection.receive(frames.settings({4: 10}))

    assert [stream.local_open for stream in streams] == [False] * 3
    assert client.sent().count(b"x" * 10) == 3


def test_settings_are_told_to_the_owner_after_they_hold():
    client, _ = pair()
    seen = []
    client.settled = lambda: seen.append(client.connection.peer.max_concurrent_streams)

    client.connection.receive(frames.settings({3: 7}))

    assert seen == [7]


def test_a_server_greets_with_its_settings_and_its_window():
    server = End(server=True, ours=Settings(max_concurrent_streams=9))
    server.connection.start()
    server.connection.receive(frames.PREFACE)

    sent = server.sent()

    assert (sent[3], sent[9:15]) == (Type.SETTINGS, b"\0\3\0\0\0\t")
    assert sent[15 + 3] == Type.WINDOW_UPDATE


def test_how_a_stream_fails_is_the_connections():
    class Bare(End):
        pass

    from plait.rpc.http2.control import Control  # noqa: PLC0415 - it is not used by itself

    with pytest.raises(NotImplementedError):
        Control.fail(Bare(server=True).connection, None, StreamFailed(ErrorCode.CANCEL, ""))  # type: ignore[arg-type]
