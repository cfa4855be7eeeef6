"""Calls as their caller sees them: grpc.aio's four call objects, on attempts of our own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from plait.rpc.clientstream import ClientStream
from plait.rpc.framing import ENCODINGS
from plait.rpc.metadata import Pair
from plait.rpc.response import Response, Trailers, metadata_of
from plait.rpc.status import Ended

if TYPE_CHECKING:
    from plait.rpc.channel import Channel
    from plait.rpc.clientlink import ClientLink, ClientMethod

_EXPIRED = Ended(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
CANCELLED = Ended(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")


NOTHING = object()


class ConnectFailed(Exception):
    """There is no connection, and the call does not wait for one."""


class Call:
    """What every call has: how it began, how it ended, and a way to end it."""

    __slots__ = (
        "_answer",
        "_callbacks",
        "_channel",
        "_compression",
        "_expires",
        "_head",
        "_loop",
        "_metadata",
        "_method",
        "_opening",
        "_retried",
        "_timer",
        "_trailers",
        "_waiters",
        "ended",
        "stream",
    )

    def __init__(  # noqa: PLR0913 - what a stub is called with
        self,
        channel: "Channel",
        method: "ClientMethod",
        metadata: Sequence[Pair],
        timeout: float | None,
        *,
        wait_for_ready: bool,
        compression: grpc.Compression,
    ) -> None:
        self._channel = channel
        self._compression = compression
        self._method = method
        self._metadata = metadata
        self._loop = loop = asyncio.get_running_loop()
        self._expires = None if timeout is None else loop.time() + timeout
        self._timer = None if timeout is None else loop.call_later(timeout, self._expire)
        self._head: Response | None = None
        self._trailers: Trailers | None = None
        self._callbacks: list[Callable[[Any], None]] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._retried = False
        self._answer: Any = NOTHING
        self.ended: Ended | None = None
        self.stream: ClientStream | None = None
        channel.calls.add(self)
        self._begin(wait_for_ready=wait_for_ready)

    # What callers use.

    def cancel(self) -> bool:
        """End the call; return whether it was still running."""
        return self._give_up(CANCELLED)

    def cancelled(self) -> bool:
        return self.ended is not None and self.ended.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self.ended is not None

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self.ended is not None:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, None where there is none."""
        return None if self._expires is None else max(0.0, self._expires - self._loop.time())

    async def initial_metadata(self) -> tuple[Pair, ...]:
        """Return the metadata of the answer's head, once it has come."""
        while self._head is None and self.ended is None:
            await self._changed()
        only_trailers = self._head is None or self._head.ended is not None
        return () if only_trailers or self._head is None else metadata_of(self._head.fields)

    async def trailing_metadata(self) -> tuple[Pair, ...]:
        await self._end()
        return metadata_of(self._trailers.fields) if self._trailers else ()

    async def code(self) -> grpc.StatusCode:
        return (await self._end()).code

    async def details(self) -> str:
        return (await self._end()).message

    async def debug_error_string(self) -> str:
        ended = await self._end()
        return f"{self._method.path}: {ended.code.name}: {ended.message}"

    async def wait_for_connection(self) -> None:
        """Wait until the call is on its way to the server.

        Raises:
            AioRpcError: it has ended before.
        """
        while self.stream is None and self.ended is None:
            await self._changed()
        if self.stream is None:
            raise self._error()

    # What attempts tell.

    def headed(self, head: Response) -> None:
        self._head = head
        self._wake()

    def came(self) -> None:
        """A reader waits on the stream itself."""

    def over(self, ended: Ended, trailers: Trailers | None, *, untouched: bool) -> None:
        if untouched and not self._retried and self.ended is None and self._can_repeat():
            self._retried = True
            self.stream = None
            self._begin(wait_for_ready=True)
            return
        self._trailers = trailers
        self._conclude(ended)

    # How an attempt begins.

    def _begin(self, *, wait_for_ready: bool) -> None:
        link = self._channel.ready()
        if link is not None:
            self._open(link)
        else:
            self._opening = self._loop.create_task(self._open_later(wait_for_ready=wait_for_ready))

    async def _open_later(self, *, wait_for_ready: bool) -> None:
        try:
            link = await self._channel.connected(wait_for_ready=wait_for_ready)
        except ConnectFailed as failed:
            self._conclude(Ended(grpc.StatusCode.UNAVAILABLE, str(failed)))
            return
        if self.ended is None:
            self._open(link)
            self._wake()

    def _open(self, link: "ClientLink") -> None:
        packed = ENCODINGS[self._compression]
        self.stream = link.open(self._method, self._metadata, self._expires, self, packed)
        self._send_first(self.stream)

    def _send_first(self, stream: ClientStream) -> None:
        """Send what is there to send when the stream has opened."""

    def _can_repeat(self) -> bool:
        """Whether the call can be sent once more, if no handler has seen it."""
        return False

    # How a call ends.

    def _expire(self) -> None:
        self._give_up(_EXPIRED)

    def _give_up(self, ended: Ended) -> bool:
        if self.ended is not None:
            return False
        self._retried = True
        if self.stream is not None:
            self.stream.give_up(ended)
        else:
            self._conclude(ended)
        return True

    def _conclude(self, ended: Ended) -> None:
        if self.ended is not None:
            return
        self.ended = ended
        self._channel.calls.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._opening is not None and self.stream is None:
            self._opening.cancel()
        self._wake()
        for callback in self._callbacks or ():
            callback(self)

    async def _end(self) -> Ended:
        while self.ended is None:
            await self._changed()
        return self.ended

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _error(self) -> grpc.aio.AioRpcError:
        assert self.ended is not None
        head = self._head
        return grpc.aio.AioRpcError(
            self.ended.code,
            grpc.aio.Metadata(*(metadata_of(head.fields) if head and not head.ended else ())),
            grpc.aio.Metadata(*(metadata_of(self._trailers.fields) if self._trailers else ())),
            self.ended.message,
            f"{self._method.path}: {self.ended.code.name}: {self.ended.message}",
        )
