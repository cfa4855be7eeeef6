"""A client that speaks frames: it may say what no well-behaved client says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import hpack

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.frames import Type

PATIENCE = 10.0  # seconds, for what must come


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ends(self) -> bool:
        return self.kind in (Type.DATA, Type.HEADERS) and bool(self.flags & frames.END_STREAM)


@dataclass
class Answer:
    """What came on one stream."""

    head: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: ErrorCode | None = None

    @property
    def status(self) -> str | None:
        return self.trailers.get("grpc-status", self.head.get("grpc-status"))

    @property
    def message(self) -> str | None:
        return self.trailers.get("grpc-message", self.head.get("grpc-message"))


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.decoder, self.encoder = hpack.Decoder(), hpack.Encoder()
        self.next = 1

    def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))

    def greet(self, settings: dict[int, int] | None = None) -> None:
        self.send(frames.PREFACE, frames.settings(settings or {}))

    def head(
        self,
        path: str = "/test.Echo/Unary",
        *more: tuple[str, str],
        end: bool = False,
        without: str = "",
    ) -> int:
        """Send the head of a call and return its stream."""
        fields = [
            *((":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test")),
            *(("te", "trailers"), ("content-type", "application/grpc")),
        ]
        names = {name for name, _ in more} | {without}
        fields = [pair for pair in fields if pair[0] not in names]
        fields = [
            *(p for p in more if p[0][0] == ":"),
            *fields,
            *(p for p in more if p[0][0] != ":"),
        ]
        stream, self.next = self.next, self.next + 2
        self.send(frames.headers(stream, self.encoder.encode(fields), end=end, largest=16384))
        return stream

    def data(self, stream: int, data: bytes = b"", *, end: bool = False) -> None:
        self.send(frames.frame(0, frames.END_STREAM if end else 0, stream, data))

    def call(self, message: bytes = b"", path: str = "/test.Echo/Unary", *more) -> int:
        """Send a whole call with one message."""
        stream = self.head(path, *more)
        self.data(stream, framed(message), end=True)
        return stream

    async def frame(self) -> Frame | None:
        """Return the next frame, None at the end of the connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self.reader.readexactly(9)
                payload = await self.reader.readexactly(int.from_bytes(head[:3]))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return Frame(head[3], head[4], int.from_bytes(head[5:]), payload)

    async def frames(self) -> AsyncIterator[Frame]:
        while (frame := await self.frame()) is not None:
            yield frame

    async def until(self, kind: Type, stream: int | None = None) -> Frame:
        """Return the next frame of a type, passing over others."""
        async for frame in self.frames():
            if frame.kind == Type.HEADERS:
                self.decoder.decode(frame.payload)
            if frame.kind == kind and stream in (None, frame.stream):
                return frame
        raise EOFError(f"the connection ended before {kind.name}")

    async def answer(self, stream: int) -> Answer:
        """Return what comes on a stream until it ends."""
        answer = Answer()
        async for frame in self.frames():
            headers = {}
            if frame.kind == Type.HEADERS:
                headers = dict(self.decoder.decode(frame.payload))
            if frame.stream != stream:
                continue
            if frame.kind == Type.HEADERS and not answer.head:
                answer.head = headers
            elif frame.kind == Type.HEADERS:
                answer.trailers = headers
            elif frame.kind == Type.DATA:
                answer.data += frame.payload
            elif frame.kind == Type.RST_STREAM:
                answer.reset = ErrorCode(int.from_bytes(frame.payload))
                return answer
            if frame.ends:
                return answer
        raise EOFError(f"the connection ended before stream {stream}")

    async def goaway(self) -> tuple[ErrorCode, bytes]:
        """Return the code and the reason of the last GOAWAY, once the connection has ended."""
        found = None
        async for frame in self.frames():
            if frame.kind == Type.GOAWAY:
                _, code, debug = frames.goaway_of(frame.payload)
                found = ErrorCode(code), debug
        assert found is not None
        return found

    async def ended(self) -> bool:
        """Wait for the end of the connection."""
        async for _ in self.frames():
            pass
        return True

    async def echoes(self) -> bool:
        """Whether a call on this connection is answered."""
        answer = await self.answer(self.call(b"hello"))
        self.writer.write(frames.window_update(0, len(answer.data)))  # or it runs dry one day
        return answer.data == framed(b"re: hello") and answer.status == "0"


@asynccontextmanager
async def peer(
    target: str, settings: dict[int, int] | None = None, *, greets: bool = True, **how
) -> AsyncIterator[Peer]:
    """Connect to `host:port`; greets as a client does, unless told otherwise."""
    host, _, port = target.rpartition(":")
    place = {} if "sock" in how else {"host": host, "port": int(port)}
    reader, writer = await asyncio.open_connection(**place, **how)
    one = Peer(reader, writer)
    if greets:
        one.greet(settings)
    try:
        yield one
    finally:
        writer.close()
