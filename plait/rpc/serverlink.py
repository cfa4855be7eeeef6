"""A connection that a client has opened: makes calls of its streams, and lets them begin."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from plait.rpc.context import Context
from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.headers import check_fields
from plait.rpc.http2.hpack import Header
from plait.rpc.request import Request, request_of
from plait.rpc.servercall import HEAD, OK_TRAILERS, ServerCall
from plait.rpc.transport import Link

if TYPE_CHECKING:
    from plait.rpc.server import Server

_PRIMED: tuple[Header, ...] = (HEAD[1], OK_TRAILERS[0])


class ServerLink(Link):
    """The server's end of a connection."""

    lingers = True

    def __init__(self, loop: asyncio.AbstractEventLoop, server: "Server") -> None:
        super().__init__(loop, server.lifetimes)
        self.server = server
        self.max_unread = server.max_unread
        self._watched: list[ServerCall] = []
        self._crowd: deque[asyncio.Future[None]] = deque()
        self._usual: tuple[int, bytes, bytes] = (-1, b"", b"")

    async def has_room(self) -> None:
        """Wait while the client leaves too many answers unread for another handler to begin."""
        while self.connection.unsent > self.max_unread:
            turn = self.loop.create_future()
            self._crowd.append(turn)
            await turn
        self.let_in()  # the next one looks after this one's first step

    def let_in(self) -> None:
        """Let the next handler look whether there is room for its answer."""
        while self._crowd and self.connection.unsent <= self.max_unread:
            turn = self._crowd.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def watch(self, call: ServerCall) -> None:
        """Arm a call's deadline unless it is over by the end of this turn."""
        self._watched.append(call)
        self.after_this_turn()

    def over(self, call: ServerCall) -> None:
        """Hear that a call's stream is over."""
        del call
        if self._crowd:
            self.let_in()
        if self.ending:
            self.close_if_unused()

    def stop(self) -> None:
        """End every call and close."""
        for stream in tuple(self.connection.streams.values()):
            cast("ServerCall", stream).stop()
        if self.connection.greeted:
            self.connection.go_away()
        self.close()

    def usual_blocks(self) -> tuple[bytes, bytes]:
        """Return the header blocks of an answer without metadata that ends well.

        From the second answer on they are three bytes, the same as long as nothing enters the
        peer's table.
        """
        encoder = self.connection.encoder
        generation, head, trailers = self._usual
        if generation != encoder.generation:
            before = encoder.generation
            head, trailers = encoder.encode(HEAD), encoder.encode(OK_TRAILERS)
            if before == encoder.generation:
                self._usual = before, head, trailers
        return head, trailers

    # What the transport calls.

    def made(self) -> Connection:
        self.server.came(self)
        return Connection(
            self, server=True, ours=self.server.settings, limits=self.server.limits, primed=_PRIMED
        )

    def refuses(self) -> bool:
        return self.server.stopping

    def closed(self, error: Exception | None) -> None:
        del error
        self.server.left(self)

    def turned(self) -> None:
        watched, self._watched = self._watched, []
        for call in watched:
            call.outlived_its_first_step()

    # What the connection calls.

    def first(self, headers: list[Header]) -> Request:
        return request_of(headers, self.server.registry.registered)

    def last(self, headers: list[Header]) -> list[Header]:
        check_fields(headers)
        return headers

    def accept(self, stream_id: int) -> Context:
        return Context(self, stream_id)

    def gone(self, last_stream: int, code: ErrorCode, debug: bytes) -> None:
        """The client will open no more streams; what runs, runs on."""

    def settled(self) -> None:
        """Nothing waits for it."""
