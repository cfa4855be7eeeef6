"""The client's end of one request: reads its body, writes the answer, notices when it goes away."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from plait.errors import Error, Internal
from plait.gateway.edge.asgi import Receive, Scope, Send
from plait.gateway.edge.http import Response, Stream
from plait.gateway.errors import BodyTimedOut, BodyTooLarge

_LINGER = 1.0  # seconds, and
_LINGER_BYTES = 64 * 1024 * 1024  # bytes that a refused client may go on sending before it is cut

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # a value of a contract's field may hold a line break
_BODILESS = frozenset({204, 304})

_log = logging.getLogger(__name__)


class ClientGone(Exception):
    """The client has closed its connection; nobody waits for an answer."""


class Connection:
    """One request on its connection.

    Args:
        scope: ASGI's description of the request.
        receive: ASGI's.
        send: ASGI's.
        body_pause: seconds that the client may pause in the middle of the body.
        write_pause: seconds that the client may read nothing.
        heartbeat: seconds without a message after which a stream says that it is still there.

    Attributes:
        gone: the client went away; the task that made this object has been cancelled.
        started: the head of the answer has been sent.
        broken: the error that ended a stream after its first message.
    """

    def __init__(  # noqa: PLR0913 - the three of ASGI and three times
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        body_pause: float,
        write_pause: float,
        heartbeat: float,
    ) -> None:
        self._receive = receive
        self._send = send
        self._body_pause = body_pause
        self._write_pause = write_pause
        self._heartbeat = heartbeat
        self._length, self._expects = _declared(scope)
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self._read = self._wrote = False
        self._writing = asyncio.Lock()
        self._stream: Stream | None = None
        self.gone = False
        self.started = False
        self.broken: Error | None = None

    async def read(self, limit: int, within: float) -> bytes:
        """Return the whole body (see `plait.gateway.edge.http.Body`)."""
        pieces = [piece async for piece in self.chunks(limit, within)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self, limit: int, within: float) -> AsyncGenerator[bytes]:
        """Yield the body piece by piece (see `plait.gateway.edge.http.Body`)."""
        if self._length is not None and self._length > limit:
            raise _too_large(limit)
        size, clock = 0, asyncio.get_running_loop().time
        until = clock() + within
        while not self._read:
            left = until - clock()
            if size and left <= 0:  # it comes so fast that nothing ever waits for it
                raise _too_slow(within)
            piece = await self._piece(left, within)
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            if piece:
                yield piece

    async def write(self, response: Response, *, head: bool = False) -> None:
        """Write an answer, without its body for HEAD; a stream until it ends.

        An error within a stream is written in its framing and kept in `broken`.

        Raises:
            ClientGone: the client reads nothing any more.
        """
        if response.stream is not None:
            await self._write_stream(response, response.stream, head=head)
            return
        await self._linger()
        bodiless = response.status in _BODILESS
        await self._start(response, () if bodiless else (_length(response.body),))
        await self._put(b"" if head or bodiless else response.body, more=False)

    async def break_off(self, error: Error, response: Response) -> None:
        """End what is going on: `response` if nothing was sent yet, `error` in a running stream."""
        if not self.started:
            await self.write(response)
        elif self._stream is not None:
            await self._last_words(self._stream, error)

    async def close(self) -> None:
        """Look after the client no longer; to be called once the answer is written."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch

    async def _write_stream(self, response: Response, stream: Stream, *, head: bool) -> None:
        try:
            await self._start(response)
            if head:
                await self._put(b"", more=False)
                return
            self._stream = stream
            async with self._beating(stream.idle):
                broken = await self._pump(stream)
            self._stream = None
            if broken is None:
                await self._put(b"", more=False)
            else:
                await self._last_words(stream, broken)
        finally:
            await stream.close()

    async def _pump(self, stream: Stream) -> Error | None:
        """Write each chunk when the client has room for it; return what broke the stream."""
        try:
            async for chunk in stream.chunks:
                async with self._writing:
                    await self._put(chunk)
                self._wrote = True
        except Error as error:
            return error
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - logged; the client must still see that the stream broke
            _log.exception("a stream broke because of a bug")
            return Internal("a bug")
        return None

    async def _last_words(self, stream: Stream, error: Error) -> None:
        self.broken = error
        last = stream.broken(error)
        if last is not None:
            await self._put(last)
            await self._put(b"", more=False)

    @asynccontextmanager
    async def _beating(self, idle: bytes) -> AsyncGenerator[None]:
        if not idle:
            yield
            return
        task = asyncio.create_task(self._beat(idle), name="heartbeat")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beat(self, idle: bytes) -> None:
        with suppress(ClientGone):
            while True:
                self._wrote = False
                await asyncio.sleep(self._heartbeat)
                if not self._wrote:
                    async with self._writing:
                        await self._put(idle)

    async def _piece(self, left: float, within: float) -> bytes:
        """Return the next piece; there are `left` seconds of the `within` for the whole body."""
        try:
            async with asyncio.timeout(min(self._body_pause, left)):
                message = await self._receive()
        except TimeoutError as error:
            raise (
                _too_slow(within) if left < self._body_pause else _stopped(self._body_pause)
            ) from error
        if message["type"] == "http.disconnect":
            self._leave()
            raise ClientGone
        if not message.get("more_body", False):
            self._read = True
            self._watch = asyncio.create_task(self._until_gone(), name="client gone")
        body: bytes = message.get("body", b"")
        return body

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        self.gone = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel("the client went away")

    async def _linger(self) -> None:
        """Take what is left of a refused body: a client that still sends would not see the answer.

        Not for one that waits to be asked for its body (RFC 9110 section 10.1.1).
        """
        if self._read or self._expects:
            return
        with suppress(BodyTimedOut, BodyTooLarge):
            async for _ in self.chunks(_LINGER_BYTES, _LINGER):
                pass

    async def _start(self, response: Response, more: tuple[tuple[str, str], ...] = ()) -> None:
        self.started = True
        headers = [
            (name.encode("latin-1"), _CONTROL.sub(" ", value).encode("latin-1", "replace"))
            for name, value in (*response.headers, *more)
        ]
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await self._send(start)

    async def _put(self, data: bytes, *, more: bool = True) -> None:
        """Write a piece and wait until the client has room for it; one that never has is gone."""
        try:
            async with asyncio.timeout(self._write_pause):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError as error:
            self._leave()
            raise ClientGone from error


def _declared(scope: Scope) -> tuple[int | None, bool]:
    """Return the Content-Length, if there is one, and whether the client waits for 100 Continue."""
    length, expects = None, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"expect":
            expects = True
    return length, expects


def _length(body: bytes) -> tuple[str, str]:
    return "content-length", str(len(body))


def _stopped(pause: float) -> BodyTimedOut:
    return BodyTimedOut(f"nothing more of the body came for {pause:g} s; expected all of it")


def _too_slow(within: float) -> BodyTimedOut:
    return BodyTimedOut(f"the body was not complete after {within:g} s; expected all of it by then")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is too large; expected at most {limit} bytes", limit=str(limit))
