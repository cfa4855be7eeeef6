"""One end of a connection: what it makes of what the peer sends."""

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.patience import Limits
from plait.rpc.http2.settings import Settings
from tests.rpc.http2.ends import REQUEST, RESPONSE, End, exchange, pair

SETTINGS = frames.settings({})
OPEN = frames.headers(1, b"\x83\x86\x44\x02/a", end=False, largest=16384)
OPEN_AND_END = frames.headers(1, b"\x83\x86\x44\x02/a", end=True, largest=16384)


def served(**how) -> End:
    """Return a server whose client has greeted it."""
    server = End(server=True, **how)
    server.connection.start()
    server.connection.receive(frames.PREFACE + SETTINGS)
    server.sent()
    return server


def failure(end: End) -> ErrorCode | None:
    return end.connection.failure.code if end.connection.failure else None


def resets(end: End) -> list[tuple[int, int]]:
    """Return stream and code of each RST_STREAM that an end sends."""
    found, data = [], end.sent()
    while data:
        size = int.from_bytes(data[:3])
        if data[3] == frames.Type.RST_STREAM:
            found.append((int.from_bytes(data[5:9]), int.from_bytes(data[9:13])))
        data = data[9 + size :]
    return found


def test_a_request_and_its_response_go_through():
    client, server = pair()
    asked = client.request()
    asked.send_data(b"ping", end=True)
    exchange(client, server)
    answering = server.streams[1]

    answering.send_head(RESPONSE)
    answering.send_data(b"pong")
    answering.send_trailers([(b"grpc-status", b"0")])
    exchange(client, server)

    assert answering.heard == [
        ("head", REQUEST, False),
        ("data", b"ping", True),
        ("closed", None, True),
    ]
    assert asked.heard == [
        ("head", RESPONSE, False),
        ("data", b"pong", False),
        ("trailers", [(b"grpc-status", b"0")]),
        ("closed", None, True),
    ]
    assert client.connection.streams == server.connection.streams == {}


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_bytes_may_come_in_any_pieces(size):
    server = End(server=True)
    data = frames.PREFACE + SETTINGS + OPEN + frames.frame(0, 1, 1, b"hello")

    for start in range(0, len(data), size):
        server.connection.receive(data[start : start + size])

    assert server.streams[1].data() == b"hello"


def test_many_streams_are_open_at_the_same_time():
    client, server = pair()
    asked = [client.request(end=True) for _ in range(1000)]
    exchange(client, server)

    for stream in reversed(server.streams.values()):
        stream.send_head([*RESPONSE, (b"x", b"%d" % stream.id)], end=True)
    exchange(client, server)

    assert [stream.heard[0][1][1] for stream in asked] == [
        (b"x", b"%d" % stream.id) for stream in asked
    ]


def test_an_interim_response_is_passed_over():
    client, server = pair()
    asked = client.request(end=True)
    exchange(client, server)

    server.streams[1].send_head([(b":status", b"103")])
    server.streams[1].send_head(RESPONSE, end=True)
    exchange(client, server)

    assert asked.heard == [("head", RESPONSE, True), ("closed", None, True)]


def test_an_interim_response_does_not_end_a_stream():
    client, server = pair()
    asked = client.request(end=True)
    exchange(client, server)

    server.streams[1].send_head([(b":status", b"103")], end=True)
    exchange(client, server)

    assert asked.heard == [("closed", ErrorCode.PROTOCOL_ERROR, False)]


def test_a_long_head_goes_through_continuations():
    client, server = pair()

    client.request([*REQUEST, (b"x", b"v" * 40_000)])
    exchange(client, server)

    assert server.streams[1].heard[0][1][-1] == (b"x", b"v" * 40_000)


def test_waking_happens_once_for_all_that_is_written():
    client, _ = pair()
    before = client.woken

    client.request()
    client.request()

    assert client.woken == before + 1


# Flow control.


def test_data_wait_for_the_window_and_go_on_when_it_opens():
    client, server = pair(slow=True)
    asked = client.request()
    asked.send_data(b"x" * 200_000, end=True)
    exchange(client, server)
    answering = server.streams[1]
    came = len(answering.data())

    while len(answering.data()) < 200_000:
        answering.consumed(came)
        exchange(client, server)
        came = len(answering.data()) - came if len(answering.data()) > came else 0

    assert asked.waiting_bytes == 0
    assert "writable" not in asked.heard  # it has ended
    assert answering.heard[-1] == ("data", b"x" * len(answering.heard[-1][1]), True)


def test_a_stalled_stream_holds_no_more_than_its_window():
    client, server = pair(slow=True)
    client.request().send_data(b"x" * 1_000_000)
    exchange(client, server)

    assert len(server.streams[1].data()) == 65_535


def test_a_stalled_stream_does_not_stall_the_others():
    client, server = pair(slow=True, ours=Settings(initial_window_size=1000))
    first, second = client.request(), client.request()
    first.send_data(b"x" * 5000)
    second.send_data(b"y" * 500, end=True)
    exchange(client, server)

    assert (len(server.streams[1].data()), server.streams[3].data()) == (1000, b"y" * 500)


def test_streams_that_wait_for_the_connections_window_have_turns():
    client, server = pair(slow=True)
    streams = [client.request() for _ in range(3)]
    for stream in streams:
        stream.send_data(b"x" * 60_000, end=True)
    exchange(client, server)

    for _ in range(20):
        for stream in server.streams.values():
            stream.consumed(sum(len(h[1]) for h in stream.heard if h[0] == "data"))
            stream.heard = [h for h in stream.heard if h[0] != "data"] + [
                h for h in stream.heard if h[0] == "data" and h[2]
            ]
        exchange(client, server)

    assert all(stream.waiting_bytes == 0 for stream in streams)


def test_trailers_wait_behind_data():
    client, server = pair()
    asked = client.request(end=True)
    exchange(client, server)
    server.connection.send_left = 10
    answering = server.streams[1]

    answering.send_head(RESPONSE)
    answering.send_data(b"x" * 30)
    answering.send_trailers([(b"a", b"b")])
    assert answering.local_open
    server.connection.widen_connection(100)
    exchange(client, server)

    assert asked.data() == b"x" * 30
    assert ("trailers", [(b"a", b"b")]) in asked.heard


def test_a_smaller_initial_window_takes_back_what_was_given():
    client, _server = pair()
    asked = client.request()
    client.connection.receive(frames.settings({4: 10}))

    asked.send_data(b"x" * 20)

    assert asked.waiting_bytes == 10
    client.connection.receive(frames.settings({4: 0}))
    assert asked.send_left == -10


def test_a_larger_initial_window_lets_out_what_waits_behind_the_ack():
    client, _ = pair()
    client.connection.receive(frames.settings({4: 0}))
    asked = client.request()
    asked.send_data(b"x" * 20)
    client.sent()

    client.connection.receive(frames.settings({4: 100}))

    sent = client.sent()
    assert sent.startswith(frames.settings_ack())
    assert sent.endswith(b"x" * 20)


def test_a_full_socket_holds_data_back_and_nothing_else():
    client, _ = pair()
    asked = client.request()
    client.sent()
    client.connection.paused = True

    asked.send_data(b"data")
    client.connection.receive(frames.ping(b"12345678"))

    assert client.sent() == frames.ping(b"12345678", ack=True)
    client.connection.resume()
    assert client.sent().endswith(b"data")


def test_windows_follow_the_bandwidth():
    client, server = pair(ours=Settings(initial_window_size=65_536))
    asked = client.request()

    for _ in range(8):
        asked.send_data(b"x" * 1_000_000)
        exchange(client, server)

    assert server.streams[1].receive.size > 500_000


def test_no_window_grows_for_a_reader_who_does_not_read():
    client, server = pair(ours=Settings(initial_window_size=65_536))
    slow, quick = client.request(), client.request()
    exchange(client, server)
    server.streams[1].slow = True

    slow.send_data(b"x" * 1_000_000)
    for _ in range(8):
        quick.send_data(b"x" * 1_000_000)
        exchange(client, server)

    assert server.streams[3].receive.size > 500_000
    assert len(server.streams[1].data()) == 65_536


@pytest.mark.parametrize("excess", [0, 1])
def test_more_than_the_connections_window_ends_the_connection(excess):
    server = served(slow=True, ours=Settings(initial_window_size=2**22, max_frame_size=2**22))
    for stream in (1, 3, 5, 7, 9):
        server.connection.receive(frames.headers(stream, b"\x83\x86\x84", end=False, largest=99))

    for stream in (1, 3, 5, 7):
        server.connection.receive(frames.frame(0, 0, stream, b"x" * 2**22))
    server.connection.receive(frames.frame(0, 0, 9, b"x" * excess))

    assert failure(server) is (ErrorCode.FLOW_CONTROL_ERROR if excess else None)


def test_more_than_the_streams_window_ends_the_stream():
    server = served(ours=Settings(initial_window_size=10), slow=True)
    server.connection.receive(OPEN)

    server.connection.receive(frames.frame(0, 0, 1, b"x" * 11))

    assert resets(server) == [(1, ErrorCode.FLOW_CONTROL_ERROR)]
    assert failure(server) is None


@pytest.mark.parametrize(
    ("stream", "increment", "code"),
    [
        (0, 0, ErrorCode.PROTOCOL_ERROR),
        (0, 2**31 - 65_535, ErrorCode.FLOW_CONTROL_ERROR),
        (0, 2**31 - 65_536, None),
    ],
)
def test_a_window_update_of_the_connection_has_bounds(stream, increment, code):
    server = served()

    server.connection.receive(frames.window_update(stream, increment))

    assert failure(server) is code


@pytest.mark.parametrize(
    ("increment", "codes"),
    [(0, [(1, 1)]), (2**31 - 65_535, [(1, 3)]), (2**31 - 65_536, [])],
)
def test_a_window_update_of_a_stream_ends_only_the_stream(increment, codes):
    server = served()
    server.connection.receive(OPEN)

    server.connection.receive(frames.window_update(1, increment))

    assert resets(server) == codes
    assert failure(server) is None


def test_settings_that_make_a_window_too_large_end_the_connection():
    server = served()
    server.connection.receive(OPEN + frames.window_update(1, 2**31 - 65_536))

    server.connection.receive(frames.settings({4: 65_536}))

    assert failure(server) is ErrorCode.FLOW_CONTROL_ERROR


# The order of things.


def test_a_server_greets_who_speaks_http2():
    server = End(server=True)
    server.connection.start()
    assert server.sent() == b""

    server.connection.receive(frames.PREFACE)

    assert server.sent().startswith(SETTINGS)


def test_who_speaks_http1_is_answered_in_http1():
    server = End(server=True)
    server.connection.start()

    server.connection.receive(b"GET / HTTP/1.1\r\n")

    assert failure(server) is ErrorCode.HTTP_1_1_REQUIRED
    head, _, text = server.sent().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-length: %d" % len(text) in head


@pytest.mark.parametrize("begin", [b"\x16\x03\x01\x02\0", b"PRI * HTTP/1.1\r\n", b"\0" * 24])
def test_a_connection_begins_with_the_preface(begin):
    server = End(server=True)
    server.connection.start()

    server.connection.receive(begin)

    assert failure(server) is ErrorCode.PROTOCOL_ERROR
    assert server.sent()[3] == frames.Type.GOAWAY


def test_the_first_frame_is_settings():
    server = End(server=True)

    server.connection.receive(frames.PREFACE + frames.ping(b"12345678"))

    assert failure(server) is ErrorCode.PROTOCOL_ERROR


def test_a_failure_is_told_and_ends_every_stream():
    server = served()
    server.connection.receive(OPEN)

    server.connection.receive(frames.window_update(0, 0))
    server.connection.receive(OPEN_AND_END)

    assert frames.goaway_of(server.sent()[9:]) == (1, 1, b"a WINDOW_UPDATE of nothing")
    assert server.streams[1].heard[-1] == ("closed", ErrorCode.PROTOCOL_ERROR, True)
    assert list(server.streams) == [1]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frames.frame(0, 0, 0, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(0, 0, 1, b"x"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(1, 4, 0, b"\x82"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(1, 4, 2, b"\x82"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(2, 0, 0, b"12345"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(3, 0, 0, b"1234"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(3, 0, 1, b"1234"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(3, 0, 1, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame(4, 0, 1), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(4, 1, 0, b"123456"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame(4, 0, 0, b"12345"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame(5, 4, 1, b"\0\0\0\x02\x82"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(6, 0, 1, b"12345678"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(6, 0, 0, b"1234567"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame(7, 0, 1, b"\0" * 8), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(8, 0, 0, b"123"), ErrorCode.FRAME_SIZE_ERROR),
        (frames.window_update(1, 1), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(9, 4, 1, b"\x82"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(0, 0, 1, b"x" * 16385), ErrorCode.FRAME_SIZE_ERROR),
        (frames.frame(1, 4, 1, b"\x80"), ErrorCode.COMPRESSION_ERROR),
        (frames.frame(1, 0, 1, b"\x82") + frames.ping(b"12345678"), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(1, 0, 1, b"\x82") + frames.frame(9, 4, 3, b""), ErrorCode.PROTOCOL_ERROR),
        (frames.frame(1, 0, 1, b"\x82") + frames.frame(99, 0, 0), ErrorCode.PROTOCOL_ERROR),
    ],
    ids=[
        *("data on 0", "data on idle", "headers on 0", "headers on even", "priority on 0"),
        *("reset on 0", "reset on idle", "reset size", "settings on 1", "ack size"),
        *("settings size", "push", "ping on 1", "ping size", "goaway on 1", "window size"),
        *("window on idle", "lone continuation", "too large", "hpack", "interrupted"),
        *("other continuation", "unknown within"),
    ],
)
def test_what_the_rfc_calls_a_connection_error_ends_the_connection(data, code):
    server = served()

    server.connection.receive(data)

    assert failure(server) is code


@pytest.mark.parametrize("kind", [10, 99, 255])
def test_frames_of_unknown_types_are_passed_over(kind):
    server = served()

    server.connection.receive(frames.frame(kind, 0xFF, 5, b"x" * 50) + OPEN_AND_END)

    assert server.streams[1].heard[0][0] == "head"


def test_a_stream_that_was_skipped_cannot_be_opened_later():
    server = served()
    server.connection.receive(frames.headers(5, b"\x83\x86\x84", end=True, largest=16384))

    server.connection.receive(OPEN)

    assert failure(server) is ErrorCode.STREAM_CLOSED


@pytest.mark.parametrize("late", [frames.frame(0, 0, 1, b"x"), OPEN_AND_END], ids=["data", "head"])
def test_what_comes_after_the_end_of_a_stream_ends_the_stream(late):
    server = served()
    server.connection.receive(OPEN_AND_END)

    server.connection.receive(late)

    assert resets(server) == [(1, ErrorCode.STREAM_CLOSED)]


@pytest.mark.parametrize("late", [frames.frame(0, 0, 1, b"x"), OPEN_AND_END], ids=["data", "head"])
def test_what_comes_on_a_closed_stream_ends_the_connection(late):
    server = served()
    server.connection.receive(OPEN_AND_END)
    server.streams[1].send_head(RESPONSE, end=True)

    server.connection.receive(late)

    assert failure(server) is ErrorCode.STREAM_CLOSED


@pytest.mark.parametrize(
    "late",
    [frames.frame(0, 0, 1, b"x"), OPEN_AND_END, frames.reset(1, 8), frames.window_update(1, 9)],
    ids=["data", "head", "reset", "window"],
)
def test_what_was_on_its_way_to_a_stream_that_we_reset_is_passed_over(late):
    server = served()
    server.connection.receive(OPEN)
    server.streams[1].reset(ErrorCode.CANCEL)

    server.connection.receive(late)

    assert failure(server) is None
    assert resets(server) == [(1, ErrorCode.CANCEL)]


@pytest.mark.parametrize(("count", "passed_over"), [(500, True), (501, False)])
def test_as_many_resets_are_remembered_as_streams_may_be_open(count, passed_over):
    server = served(ours=Settings(max_concurrent_streams=500))
    for stream in range(1, 2 * count, 2):
        server.connection.receive(frames.headers(stream, b"\x83\x86\x84", end=False, largest=99))
        server.streams[stream].reset(ErrorCode.CANCEL)

    server.connection.receive(frames.frame(0, 1, 1, b"late"))

    assert failure(server) is (None if passed_over else ErrorCode.STREAM_CLOSED)


def test_data_to_a_stream_that_we_reset_count_on_the_connection_and_are_given_back():
    client, server = pair()
    asked = client.request()
    exchange(client, server)
    server.streams[1].reset(ErrorCode.CANCEL)
    asked.send_data(b"x" * 60_000)

    exchange(client, server)

    assert client.connection.send_left > 60_000


@pytest.mark.parametrize(
    "headers",
    [
        b"\x83\x86",
        b"\x83\x86\x84\x00\x01A\x01b",
        b"\x83\x86\x84\x00\x0aconnection\x01b",
        b"\x83\x86\x84\x0f\x0d\x015",
    ],
    ids=["no path", "upper case", "connection", "content-length"],
)
def test_a_malformed_head_ends_its_stream_only(headers):
    server = served()

    server.connection.receive(frames.headers(1, headers, end=True, largest=16384) + OPEN[:0])

    assert resets(server) == [(1, ErrorCode.PROTOCOL_ERROR)]
    assert failure(server) is None


def test_trailers_must_end_the_stream():
    server = served()
    server.connection.receive(OPEN)

    server.connection.receive(frames.headers(1, b"\x00\x01a\x01b", end=False, largest=16384))

    assert resets(server) == [(1, ErrorCode.PROTOCOL_ERROR)]


@pytest.mark.parametrize(
    ("data", "reset"),
    [
        (frames.frame(0, 1, 1, b"12345"), []),
        (frames.frame(0, 1, 1, b"1234"), [(1, 1)]),
        (frames.frame(0, 0, 1, b"123456"), [(1, 1)]),
        (frames.headers(1, b"", end=True, largest=16384), [(1, 1)]),
    ],
    ids=["as said", "short", "long", "trailers"],
)
def test_data_must_be_as_long_as_content_length_says(data, reset):
    server = served()
    server.connection.receive(
        frames.headers(1, b"\x83\x86\x84\x0f\x0d\x015", end=False, largest=16384)
    )

    server.connection.receive(data)

    assert resets(server) == reset


def test_data_before_the_head_of_an_answer_are_malformed():
    client, _ = pair()
    client.request(end=True)
    client.sent()

    client.connection.receive(frames.frame(0, 0, 1, b"x"))

    assert resets(client) == [(1, ErrorCode.PROTOCOL_ERROR)]


def test_padding_counts_for_the_windows_and_is_given_back():
    server = served(slow=True)
    server.connection.receive(OPEN)

    for _ in range(600):
        server.connection.receive(frames.frame(0, frames.PADDED, 1, b"\xff" + b"\0" * 255))

    assert failure(server) is None
    assert server.streams[1].data() == b""


# Streams that are refused, and the end of a connection.


def test_more_streams_than_agreed_are_refused():
    client, server = pair(ours=Settings(max_concurrent_streams=1))
    client.request()
    second = client.request()
    exchange(client, server)

    assert second.heard == [("closed", ErrorCode.REFUSED_STREAM, True)]


def test_an_owner_may_refuse_a_stream():
    client, server = pair(accepting=False)
    asked = client.request()
    exchange(client, server)

    assert asked.heard == [("closed", ErrorCode.REFUSED_STREAM, True)]


def test_the_table_of_headers_is_right_after_a_refused_stream():
    client, server = pair(accepting=False)
    client.connection.encoder.prime((b"x", b"1"))
    client.request([*REQUEST, (b"x", b"1")])
    exchange(client, server)

    server.accepting = True
    client.request([*REQUEST, (b"x", b"1")])
    exchange(client, server)

    assert server.streams[3].heard[0][1][-1] == (b"x", b"1")


def test_an_end_is_told_in_two_steps_and_nothing_on_its_way_is_lost():
    client, server = pair()
    server.connection.refuse_new()
    asked = client.request(end=True)
    exchange(client, server)
    server.connection.go_away()
    late = client.request(end=True)
    exchange(client, server)

    assert asked.id in server.streams
    assert late.id not in server.streams
    assert client.heard[-2:] == [
        ("gone", 2**31 - 1, ErrorCode.NO_ERROR, b""),
        ("gone", 1, ErrorCode.NO_ERROR, b""),
    ]
    assert failure(server) is None


def test_a_lost_connection_ends_every_stream():
    client, _ = pair()
    streams = [client.request() for _ in range(3)]

    client.connection.lost(ErrorCode.CANCEL)

    assert all(s.heard == [("closed", ErrorCode.CANCEL, True)] for s in streams)
    assert client.connection.is_lost


def test_a_reset_by_the_peer_is_heard():
    client, server = pair()
    asked = client.request()
    exchange(client, server)

    asked.reset(ErrorCode.CANCEL)
    exchange(client, server)

    assert server.streams[1].heard[-1] == ("closed", ErrorCode.CANCEL, True)
    assert asked.heard == [("closed", ErrorCode.CANCEL, False)]


def test_resetting_twice_does_nothing():
    client, _ = pair()
    asked = client.request()
    asked.reset(ErrorCode.CANCEL)
    client.sent()

    asked.reset(ErrorCode.CANCEL)

    assert client.sent() == b""


def test_pings_are_answered_and_answers_heard():
    client, server = pair()

    client.connection.ping(b"12345678")
    exchange(client, server)

    assert client.heard[-1] == ("pong", b"12345678")


def test_a_priority_frame_of_a_wrong_size_ends_its_stream():
    server = served()

    server.connection.receive(OPEN)

    server.connection.receive(frames.frame(2, 0, 1, b"1234"))
    server.connection.receive(frames.frame(2, 0, 1, b"\0\0\0\0\x10"))

    assert resets(server) == [(1, ErrorCode.FRAME_SIZE_ERROR)]
    assert server.streams[1].heard[-1] == ("closed", ErrorCode.FRAME_SIZE_ERROR, False)


def test_a_priority_frame_of_a_wrong_size_on_no_stream_is_told():
    server = served()

    server.connection.receive(frames.frame(2, 0, 1, b"1234"))

    assert resets(server) == [(1, ErrorCode.FRAME_SIZE_ERROR)]


def test_ids_of_streams_are_used_up_one_day():
    client, _ = pair()
    client.connection._next_local = 2**31 - 1

    assert [client.connection.next_stream(), client.connection.next_stream()] == [2**31 - 1, 0]


# Abuse.


@pytest.mark.parametrize(
    "nuisance",
    [
        frames.ping(b"12345678"),
        SETTINGS,
        frames.frame(0, 0, 1),
        frames.frame(2, 0, 1, b"\0\0\0\0\x10"),
        frames.window_update(1, 1),
        frames.frame(99, 0, 0),
        frames.goaway(0, ErrorCode.NO_ERROR),
        frames.reset(3, ErrorCode.CANCEL),
        frames.ping(b"12345678", ack=True),
        frames.settings_ack(),
    ],
    ids=[
        *("ping", "settings", "data", "priority", "window", "unknown", "goaway", "reset"),
        *("answers to no ping", "answers to no settings"),
    ],
)
def test_a_flood_of_frames_that_carry_no_call_ends_the_connection(nuisance):
    server = served(limits=Limits(nuisances=100, nuisances_a_second=10))
    third = frames.headers(3, b"\x83\x86\x84", end=True, largest=16384)
    server.connection.receive(OPEN + third + frames.reset(3, ErrorCode.CANCEL))

    server.connection.receive(nuisance * 120)

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM


def test_rapid_resets_end_the_connection():
    server = served(limits=Limits(resets=50))

    for stream in range(1, 201, 2):
        server.connection.receive(
            frames.headers(stream, b"\x83\x86\x84", end=True, largest=16384)
            + frames.reset(stream, ErrorCode.CANCEL)
        )

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM
    assert len(server.streams) == 51


def test_making_us_reset_counts_as_resetting():
    server = served(limits=Limits(resets=50))

    for stream in range(1, 201, 2):
        server.connection.receive(
            frames.headers(stream, b"\x83\x86\x84", end=True, largest=16384)
            + frames.window_update(stream, 0)
        )

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM


def test_time_forgives_resets():
    server = served(limits=Limits(resets=50, resets_a_second=50))

    for stream in range(1, 401, 2):
        server.connection.receive(
            frames.headers(stream, b"\x83\x86\x84", end=True, largest=16384)
            + frames.reset(stream, ErrorCode.CANCEL)
        )
        if stream % 50 == 1:
            server.connection.tick()

    assert failure(server) is None


def test_a_flood_of_continuations_ends_the_connection():
    server = served()
    server.connection.receive(frames.frame(1, 0, 1, b"\x82"))

    server.connection.receive(frames.frame(9, 0, 1, b"") * 40)

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM


def test_a_head_that_is_too_large_ends_its_stream_only():
    client, server = pair(ours=Settings(max_header_list_size=1000))
    asked = client.request([*REQUEST, (b"x", b"v" * 2000)])
    again = client.request()
    exchange(client, server)

    assert asked.heard == [("closed", ErrorCode.ENHANCE_YOUR_CALM, True)]
    assert again.heard == []
    assert failure(server) is None


def test_changes_of_windows_cost_patience_by_the_streams_that_they_touch():
    server = served(limits=Limits(nuisances=500, nuisances_a_second=10))
    for stream in range(1, 2 * 6400, 2):
        server.connection.receive(frames.headers(stream, b"\x83\x86\x84", end=True, largest=99))

    server.connection.receive(b"".join(frames.settings({4: size}) for size in (1, 2, 3, 4)))
    assert failure(server) is None
    server.connection.receive(b"".join(frames.settings({4: size}) for size in (5, 6)))

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM


def test_who_pings_too_often_is_told_so_in_grpcs_words():
    server = served(limits=Limits(nuisances=1))

    server.connection.receive(frames.ping(b"12345678") * 2)

    assert frames.goaway_of(server.sent()[-22:])[1:] == (
        ErrorCode.ENHANCE_YOUR_CALM,
        b"too_many_pings",
    )


def test_a_peer_that_lets_data_dribble_gets_no_credit_for_it():
    server = served(limits=Limits(nuisances=100), ours=Settings())
    server.connection.receive(frames.settings({4: 0}) + OPEN_AND_END)
    server.streams[1].send_data(b"x" * 10_000)

    server.connection.receive(frames.window_update(1, 1) * 120)

    assert failure(server) is ErrorCode.ENHANCE_YOUR_CALM


def test_a_flood_of_interim_responses_ends_the_connection():
    client = End(server=False, limits=Limits(nuisances=10))
    client.connection.start()
    client.connection.receive(SETTINGS)
    client.request(end=True)

    client.connection.receive(frames.headers(1, b"\x08\x03103", end=False, largest=99) * 11)

    assert failure(client) is ErrorCode.ENHANCE_YOUR_CALM
