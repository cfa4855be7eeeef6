"""A connection's side of the socket, on a clock and a socket of the test's own."""

import asyncio
import logging
import socket

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.frames import Type
from plait.rpc.lifetime import Lifetimes
from plait.rpc.transport import Link, peer_of
from tests.rpc.clock import FakeTransport, ManualLoop
from tests.rpc.http2.ends import RESPONSE, End

GREETING = frames.PREFACE + frames.settings({})
OPEN = frames.headers(1, b"\x83\x86\x84", end=False, largest=99)
QUICK = Lifetimes(greeting=10.0, keepalive=60.0, keepalive_timeout=20.0, age=600.0, age_grace=30.0)


class ServingLink(Link):
    """A server's link to streams that write down what they hear."""

    lingers = True

    def __init__(self, loop, lifetimes=QUICK):
        super().__init__(loop, lifetimes)
        self.end_ = End(server=True)
        self.heard = []

    def made(self):
        self.end_.wake = self.wake
        self.end_.pong = self.pong
        self.connection = Connection(self.end_, server=True, ours=self.end_.ours)
        self.end_.connection = self.connection
        return self.connection

    def closed(self, error):
        self.heard.append("closed")

    def turned(self):
        self.heard.append("turned")


class Wire:
    """A link, its loop, its transport."""

    def __init__(self, *, lifetimes=QUICK, greets=True, **extra):
        self.loop = ManualLoop()
        self.link = ServingLink(self.loop, lifetimes)
        self.transport = FakeTransport(self.link, **extra)
        self.link.connection_made(self.transport)
        if greets:
            self.link.data_received(GREETING)
            self.transport.written.clear()

    def frames(self):
        """Take what was written, as type and payload."""
        data, found = b"".join(self.transport.written), []
        self.transport.written.clear()
        while data:
            size = int.from_bytes(data[:3])
            found.append((data[3], data[9 : 9 + size]))
            data = data[9 + size :]
        return found

    def goodbye(self):
        """Return the payload of the PING that asks whether the end was heard."""
        return next(payload for kind, payload in self.frames() if kind == Type.PING)


@pytest.fixture
def wire():
    return Wire()


# Writes.


def test_what_one_read_brings_about_goes_out_in_one_write(wire):
    wire.link.data_received(frames.ping(b"12345678") * 3 + OPEN)

    assert wire.transport.written == [frames.ping(b"12345678", ack=True) * 3]


def test_what_tasks_send_goes_out_together_at_the_end_of_the_turn(wire):
    wire.link.data_received(OPEN)
    stream = wire.link.end_.streams[1]

    stream.send_head(RESPONSE)
    stream.send_data(b"a")
    assert wire.transport.written == []
    wire.loop.advance()

    assert len(wire.transport.written) == 1
    assert wire.link.heard == ["turned"]


def test_a_connection_that_is_gone_writes_nothing(wire):
    wire.link.data_received(OPEN)
    stream = wire.link.end_.streams[1]
    wire.transport.lose()

    wire.link.connection.write(b"x")
    wire.loop.advance()

    assert wire.transport.written == []
    assert wire.link.heard == ["closed", "turned"]
    assert stream.heard[-1] == ("closed", ErrorCode.CANCEL, True)
    assert wire.loop.idle()


def test_data_wait_while_the_socket_is_full(wire):
    wire.link.data_received(OPEN)
    wire.link.pause_writing()
    stream = wire.link.end_.streams[1]
    stream.send_head(RESPONSE)
    stream.send_data(b"a" * 100)
    wire.loop.advance()
    assert [kind for kind, _ in wire.frames()] == [Type.HEADERS]

    wire.link.resume_writing()
    wire.loop.advance()

    assert wire.frames() == [(Type.DATA, b"a" * 100)]


@pytest.mark.parametrize(("more", "dropped"), [(2**20, False), (2**20 + 1, True)])
def test_who_does_not_take_what_is_sent_is_dropped(wire, more, dropped, caplog):
    caplog.set_level(logging.INFO)
    wire.transport.unsent = 1000
    wire.link.pause_writing()

    wire.transport.unsent = 1000 + more
    wire.link.data_received(frames.ping(b"12345678"))

    assert wire.transport.aborted is dropped
    assert ("does not read" in caplog.text) is dropped


# Failures.


@pytest.mark.parametrize("later", [False, True])
def test_a_peer_that_breaks_the_rules_is_told_and_left(wire, later, caplog):
    caplog.set_level(logging.INFO)
    if later:
        wire.link.after_this_turn()
    wire.link.data_received(frames.window_update(0, 0) + frames.ping(b"12345678"))
    wire.loop.advance()

    assert [kind for kind, _ in wire.frames()] == [Type.GOAWAY]
    assert wire.transport.ended
    assert not wire.transport.closing
    wire.loop.advance(1)
    assert wire.transport.closing
    assert [record.getMessage() for record in caplog.records] == [
        "ipv4:127.0.0.1:5000: connection ended: PROTOCOL_ERROR: a WINDOW_UPDATE of nothing"
    ]


def test_who_does_not_linger_closes_at_once(wire):
    wire.link.lingers = False

    wire.link.data_received(frames.window_update(0, 0))

    assert wire.transport.closing


@pytest.mark.parametrize(("count", "closed"), [(15, False), (16, True)])
def test_what_a_peer_sends_that_broke_the_rules_is_dropped_up_to_a_bound(wire, count, closed):
    wire.link.data_received(b"\xff" * 65_536)
    wire.frames()

    for _ in range(count):
        wire.link.data_received(b"\xff" * 65_536)
    wire.link.connection.ping(b"12345678")
    wire.loop.advance()

    assert wire.transport.closing is closed
    assert wire.frames() == []


def test_tls_is_not_closed_halfway():
    wire = Wire(ssl_object=Tls("h2"))

    wire.link.data_received(frames.window_update(0, 0))

    assert not wire.transport.ended


def test_who_does_not_take_the_last_words_is_dropped(wire):
    wire.link.close()
    wire.loop.advance(4.9)
    assert not wire.transport.aborted

    wire.loop.advance(0.1)

    assert wire.transport.aborted


def test_an_end_of_the_peers_bytes_is_the_end(wire):
    assert wire.link.eof_received() is False


# Lifetimes.


def test_a_peer_that_does_not_begin_is_dropped(caplog):
    caplog.set_level(logging.INFO)
    wire = Wire(greets=False)
    for _ in range(9):
        wire.link.data_received(frames.PREFACE[_ : _ + 1])
        wire.loop.advance(1)
    assert not wire.transport.aborted

    wire.loop.advance(1)

    assert wire.transport.aborted
    assert len(caplog.records) == 1


def test_a_peer_that_does_not_finish_a_header_block_is_dropped(wire):
    wire.loop.advance(100)
    wire.link.data_received(frames.frame(Type.HEADERS, 0, 1, b"\x83"))
    for _ in range(10):
        wire.loop.advance(1)
        wire.link.data_received(frames.frame(Type.CONTINUATION, 0, 1, b"\x86"))
    assert not wire.transport.aborted

    wire.loop.advance(1)

    assert wire.transport.aborted


def test_a_silent_peer_with_calls_is_asked_and_dropped_if_it_is_gone(wire):
    wire.link.data_received(OPEN)
    wire.loop.advance(60)
    assert [kind for kind, _ in wire.frames()] == [Type.PING]

    wire.loop.advance(20)

    assert wire.transport.aborted


def test_a_silent_peer_that_answers_is_kept(wire):
    wire.link.data_received(OPEN)
    wire.loop.advance(60)
    ((_, asked),) = wire.frames()

    wire.link.data_received(frames.ping(asked, ack=True))
    wire.loop.advance(30)

    assert not wire.transport.closing


def test_an_old_connection_is_ended(wire):
    wire.link.data_received(OPEN)
    for _ in range(20):
        wire.loop.advance(29)
        wire.link.data_received(frames.ping(b"12345678"))
    wire.frames()

    wire.loop.advance(20)

    assert frames.goaway_of(wire.frames()[0][1])[0] == 2**31 - 1
    assert wire.link.ending


# The end in two steps.


def test_an_end_is_told_twice_and_calls_on_their_way_are_taken(wire):
    wire.link.end()
    wire.loop.advance()
    (first, payload), (kind, asked) = wire.frames()
    assert (first, kind, payload[:4]) == (Type.GOAWAY, Type.PING, b"\x7f\xff\xff\xff")

    wire.link.data_received(OPEN + frames.ping(asked, ack=True))

    assert wire.frames() == [(Type.GOAWAY, b"\0\0\0\1\0\0\0\0")]
    assert not wire.transport.closing
    wire.link.end_.streams[1].reset(ErrorCode.NO_ERROR)
    wire.link.close_if_unused()
    assert wire.transport.closing


def test_a_connection_is_not_closed_before_its_end_was_heard(wire):
    wire.link.data_received(OPEN)
    wire.link.end()
    wire.link.end_.streams[1].reset(ErrorCode.NO_ERROR)

    wire.link.close_if_unused()
    assert not wire.transport.closing
    wire.loop.advance()
    wire.link.data_received(frames.ping(wire.goodbye(), ack=True))

    assert wire.transport.closing


def test_who_does_not_say_that_it_has_heard_gets_a_second(wire):
    wire.link.end()
    wire.loop.advance(0.9)
    assert not wire.transport.closing

    wire.loop.advance(0.1)

    assert wire.transport.closing


def test_other_answers_to_pings_are_no_goodbye(wire):
    wire.link.end()

    wire.link.data_received(frames.ping(b"12345678", ack=True))

    assert not wire.link.told


def test_a_peer_that_has_not_greeted_is_left_at_once():
    wire = Wire(greets=False)

    wire.link.end()

    assert wire.transport.closing
    assert wire.transport.written == []


def test_ending_twice_is_ending_once(wire):
    wire.link.end()
    wire.loop.advance()
    wire.frames()

    wire.link.end()
    wire.loop.advance()

    assert wire.frames() == []


def test_what_is_gone_cannot_be_ended_closed_or_aborted(wire):
    wire.transport.lose()

    wire.link.end()
    wire.link.close()
    wire.link.abort()

    assert not wire.transport.closing
    assert wire.link.peer() == "unknown"
    assert wire.link.auth().identities is None


def test_an_abort_closes_at_once(wire):
    wire.link.abort()

    assert wire.transport.aborted


# What is refused, and what a peer is called.


class Tls:
    def __init__(self, protocol):
        self.protocol = protocol

    def selected_alpn_protocol(self):
        return self.protocol

    def getpeercert(self, *, binary_form=False):
        return {}


@pytest.mark.parametrize(("protocol", "dropped"), [("h2", False), (None, True), ("http/1.1", True)])
def test_tls_without_h2_is_dropped(protocol, dropped, caplog):
    caplog.set_level(logging.INFO)

    wire = Wire(greets=False, ssl_object=Tls(protocol))

    assert wire.transport.aborted is dropped
    assert ("TLS without ALPN h2" in caplog.text) is dropped
    wire.transport.lose()
    assert wire.loop.idle()


def test_what_tls_has_proven_is_looked_up_once():
    wire = Wire(ssl_object=Tls("h2"))

    assert wire.link.auth() is wire.link.auth()
    assert wire.link.auth().properties == {"transport_security_type": [b"ssl"]}


def test_a_connection_that_comes_too_late_is_dropped():
    class Late(ServingLink):
        def refuses(self):
            return True

    loop = ManualLoop()
    link = Late(loop)
    transport = FakeTransport(link)

    link.connection_made(transport)

    assert transport.aborted
    assert transport.written == []


def test_small_writes_do_not_wait_for_company():
    with socket.socket() as plain:
        Wire(socket=plain)

        assert plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        (("127.0.0.1", 5000), "ipv4:127.0.0.1:5000"),
        (("::1", 5000, 0, 0), "ipv6:%5B::1%5D:5000"),
        ("", "unix:"),
        (b"", "unix:"),
        (None, "unknown"),
    ],
)
def test_a_peer_is_called_as_grpcio_calls_it(name, peer):
    assert peer_of(name) == peer


def test_a_link_of_no_kind_makes_no_connection():
    link = Link(ManualLoop(), QUICK)

    with pytest.raises(NotImplementedError):
        link.made()
    assert link.closed(None) is link.turned() is None
    assert not link.refuses()
    assert isinstance(link, asyncio.Protocol)
