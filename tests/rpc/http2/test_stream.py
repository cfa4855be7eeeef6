"""One stream, where its connection's tests do not reach it."""

import pytest

from plait.rpc.http2.errors import ErrorCode, StreamFailed
from plait.rpc.http2.stream import Stream
from tests.rpc.http2.ends import RESPONSE, exchange, pair


def test_a_stream_that_hears_nothing_of_interest_may_leave_its_ears_out():
    client, _ = pair()
    stream = Stream(client.connection, client.connection.next_stream())

    stream.on_head(None, end=False)
    stream.on_data(b"", end=False)
    stream.on_trailers(None)
    stream.on_writable()
    stream.on_closed(None, remote=True)

    assert stream.local_open


def test_writing_goes_on_where_everything_has_gone_out():
    client, server = pair(slow=True)
    asked = client.request()
    asked.send_data(b"x" * 100_000)
    exchange(client, server)
    server.streams[1].consumed(65_535)
    exchange(client, server)

    assert asked.heard == ["writable"]


def test_data_behind_waiting_data_wait_their_turn():
    client, server = pair()
    asked = client.request()
    client.connection.send_left = 2
    asked.send_data(b"abc")
    asked.send_data(b"def", end=True)
    assert asked.waiting_bytes == 4

    client.connection.widen_connection(10)
    exchange(client, server)

    assert server.streams[1].data() == b"abcdef"
    assert not asked.local_open


def test_an_empty_end_goes_out_whatever_the_windows_say():
    client, server = pair()
    asked = client.request()
    client.connection.send_left = 0

    asked.send_data(b"", end=True)
    exchange(client, server)

    assert server.streams[1].heard[-1] == ("data", b"", True)


def test_a_reset_forgets_what_waits():
    client, _ = pair()
    asked = client.request()
    client.connection.send_left = 0
    asked.send_data(b"abc")

    asked.reset(ErrorCode.CANCEL)
    client.sent()
    client.connection.widen_connection(10)

    assert asked.waiting_bytes == 0
    assert client.sent() == b""


def test_the_last_to_end_finishes_the_stream():
    client, server = pair()
    asked = client.request()
    exchange(client, server)
    server.streams[1].send_head(RESPONSE, end=True)
    exchange(client, server)
    assert asked.id in client.connection.streams

    asked.send_data(b"", end=True)
    exchange(client, server)

    assert client.connection.streams == server.connection.streams == {}


def test_only_an_open_stream_takes_frames():
    client, _ = pair()
    stream = Stream(client.connection, 1)
    stream.remote_open = False

    with pytest.raises(StreamFailed, match="STREAM_CLOSED"):
        stream.check_open("DATA")
