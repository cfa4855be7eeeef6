"""Two ends of a connection in memory, and streams that write down what they hear."""

from dataclasses import dataclass, field
from typing import Any

from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.headers import NO_LENGTH, check_fields, request_head, response_head
from plait.rpc.http2.hpack import Header
from plait.rpc.http2.patience import Limits
from plait.rpc.http2.settings import Settings
from plait.rpc.http2.stream import Stream

REQUEST: list[Header] = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a"),
    (b":authority", b"b"),
]
RESPONSE: list[Header] = [(b":status", b"200")]


@dataclass
class Head:
    headers: list[Header]
    length: int = NO_LENGTH
    interim: bool = False


class Listening(Stream):
    """Keeps what it hears; data are consumed at once unless `slow` is set."""

    def __init__(self, connection: Connection, stream_id: int, *, slow: bool = False) -> None:
        super().__init__(connection, stream_id)
        self.heard: list[Any] = []
        self.slow = slow

    def on_head(self, head: Any, *, end: bool) -> None:
        self.heard.append(("head", head.headers, end))

    def on_data(self, data: bytes, *, end: bool) -> None:
        self.heard.append(("data", data, end))
        if not self.slow:
            self.consumed(len(data))

    def on_trailers(self, trailers: Any) -> None:
        self.heard.append(("trailers", trailers.headers))

    def on_writable(self) -> None:
        self.heard.append("writable")

    def on_closed(self, code: ErrorCode | None, *, remote: bool) -> None:
        self.heard.append(("closed", code, remote))

    def data(self) -> bytes:
        return b"".join(each[1] for each in self.heard if each[0] == "data")


@dataclass
class End:
    """One end: owns a connection and its streams."""

    server: bool
    ours: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    accepting: bool = True
    slow: bool = False
    primed: tuple[Header, ...] = ()
    woken: int = 0
    heard: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams: dict[int, Listening] = {}
        self.connection = Connection(
            self, server=self.server, ours=self.ours, limits=self.limits, primed=self.primed
        )

    def sent(self) -> bytes:
        """Take what is to be sent."""
        data = b"".join(self.connection.out)
        self.connection.out.clear()
        return data

    def request(self, headers: list[Header] | None = None, *, end: bool = False) -> Listening:
        stream = Listening(self.connection, self.connection.next_stream(), slow=self.slow)
        self.connection.open(stream)
        self.streams[stream.id] = stream
        stream.send_head(REQUEST if headers is None else headers, end=end)
        return stream

    # What the connection tells its owner.

    def wake(self) -> None:
        self.woken += 1

    def first(self, headers: list[Header]) -> Head:
        head = request_head(headers) if self.server else response_head(headers)
        interim = head.pseudo.get(b":status", b"2")[:1] == b"1"
        return Head(headers, length=head.length, interim=interim)

    def last(self, headers: list[Header]) -> Head:
        check_fields(headers)
        return Head(headers)

    def accept(self, stream_id: int) -> Stream | None:
        if not self.accepting:
            return None
        self.streams[stream_id] = Listening(self.connection, stream_id, slow=self.slow)
        return self.streams[stream_id]

    def gone(self, last_stream: int, code: ErrorCode, debug: bytes) -> None:
        self.heard.append(("gone", last_stream, code, debug))

    def pong(self, data: bytes) -> None:
        self.heard.append(("pong", data))

    def settled(self) -> None:
        self.heard.append("settled")


def exchange(client: End, server: End) -> None:
    """Carry bytes until neither end has anything to say."""
    while (to_server := client.sent()) + (to_client := server.sent()):
        server.connection.receive(to_server)
        client.connection.receive(to_client)


def pair(**how: Any) -> tuple[End, End]:
    """Return a client and a server that have greeted each other; `how` goes to the server."""
    client, server = End(server=False), End(server=True, **how)
    client.connection.start()
    server.connection.start()
    exchange(client, server)
    return client, server
