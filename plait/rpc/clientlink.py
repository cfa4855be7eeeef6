"""A connection to a server: begins calls on it and tells the channel how it fares."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.rpc import framing
from plait.rpc.clientstream import Caller, ClientStream
from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.hpack import Header
from plait.rpc.http2.stream import Stream
from plait.rpc.metadata import Pair, fields_of
from plait.rpc.response import Response, Trailers, response_of, trailers_of
from plait.rpc.timeouts import timeout_of
from plait.rpc.transport import Link

if TYPE_CHECKING:
    from plait.rpc.channel import Channel

_USUAL: tuple[Header, ...] = (
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
    (b"user-agent", b"plait"),
    (b"grpc-accept-encoding", framing.ACCEPTED),
)


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """A method as a stub knows it."""

    path: str
    serialize: Callable[[Any], bytes]
    parse: Callable[[bytes], Any]


class ClientLink(Link):
    """A connection to a server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: "Channel") -> None:
        super().__init__(loop, channel.lifetimes)
        self.greeted: asyncio.Future[None] = loop.create_future()
        self._channel = channel
        self._heads: dict[str, tuple[int, bytes]] = {}

    def has_room(self) -> bool:
        """Whether another call can begin."""
        connection = self.connection
        return (
            not self.ending
            and self.transport is not None
            and len(connection.streams) < connection.peer.max_concurrent_streams
        )

    def open(
        self,
        method: ClientMethod,
        metadata: Sequence[Pair],
        expires: float | None,
        caller: Caller,
        encoding: bytes = framing.IDENTITY,
    ) -> ClientStream:
        """Begin a call: send its head."""
        connection = self.connection
        stream = ClientStream(
            connection,
            connection.next_stream(),
            largest=self._channel.max_message,
            caller=caller,
            freed=self._freed,
        )
        connection.open(stream)
        fields = fields_of(metadata)
        if expires is not None:
            fields.append((b"grpc-timeout", timeout_of(expires - self.loop.time())))
        if encoding != framing.IDENTITY:
            stream.encoding = encoding
            fields.append((b"grpc-encoding", encoding))
        usual = self._usual_head(method.path)
        block = usual + connection.encoder.encode(fields) if fields else usual
        connection.write_block(stream.id, block, end=False)
        return stream

    def _freed(self) -> None:
        """Hear that a call is over: another one may wait for its place."""
        self.close_if_unused()
        self._channel.settled(self)

    def _usual_head(self, path: str) -> bytes:
        """Return the part of a head that every call of a method repeats."""
        encoder = self.connection.encoder
        known = self._heads.get(path)
        if known is not None and known[0] == encoder.generation:
            return known[1]
        before = encoder.generation
        encoder.prime((b":path", path.encode()))
        block = encoder.encode(
            [
                (b":method", b"POST"),
                (b":scheme", b"https" if self._channel.is_secure() else b"http"),
                (b":path", path.encode()),
                (b":authority", self._channel.authority.encode()),
                *_USUAL,
            ]
        )
        if before == encoder.generation:
            self._heads[path] = before, block
        return block

    # What the transport calls.

    def made(self) -> Connection:
        self._channel.came(self)
        authority = (b":authority", self._channel.authority.encode())
        return Connection(
            self, server=False, ours=self._channel.settings, primed=(*_USUAL, authority)
        )

    def closed(self, error: Exception | None) -> None:
        if not self.greeted.done():
            reason = f": {error}" if error else ""
            self.greeted.set_exception(
                ConnectionError(f"the server closed the connection before it spoke HTTP/2{reason}")
            )
        self._channel.lost(self)

    # What the connection calls.

    def first(self, headers: list[Header]) -> Response:
        return response_of(headers)

    def last(self, headers: list[Header]) -> Trailers:
        return trailers_of(headers)

    def accept(self, stream_id: int) -> Stream | None:
        """Servers open no streams here: push is off."""
        del stream_id
        return None

    def gone(self, last_stream: int, code: ErrorCode, debug: bytes) -> None:
        del code, debug
        self.ending = self.told = True
        self._channel.retire(self)
        for stream in tuple(self.connection.streams.values()):
            if stream.id > last_stream and isinstance(stream, ClientStream):
                stream.untouched = True
                stream.lose("the server is going away")
        self.close_if_unused()

    def settled(self) -> None:
        if not self.greeted.done():
            self.greeted.set_result(None)
        self._channel.settled(self)
