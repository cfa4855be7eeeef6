"""A call that this process makes: the RPC inside the interceptors, and what its caller holds."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from google.protobuf.message import DecodeError

from plait.errors import Cancelled, Internal
from plait.mesh.call import Call, Interceptor, Metadata, is_cancelled


class Wire(Protocol):
    """An RPC that has been sent, in bytes.

    Raises errors of `plait.errors`, and CancelledError once it is cancelled. Its end sets
    `initial`, `trailing` and `status` of the call, before the error is raised.
    """

    async def answer(self) -> bytes:
        """Wait for the one answer."""
        ...

    async def read(self) -> bytes | None:
        """Wait for the next answer; None after the last."""
        ...

    async def write(self, data: bytes) -> bool:
        """Send a message; False if the RPC has ended, of which the reading side says more."""
        ...

    async def done_writing(self) -> None:
        """Say that no further message comes."""
        ...

    async def initial_metadata(self) -> Metadata:
        """Wait for what comes before the first answer."""
        ...

    def cancel(self) -> None:
        """End the RPC if it still runs."""
        ...


class Transport(Protocol):
    """Where calls go."""

    @property
    def service(self) -> str:
        """The short name of the service that is called."""
        ...

    def start(self, call: Call, request: bytes, *, wait_for_ready: bool | None) -> Wire:
        """Send the call's metadata and, unless its client streams, the request."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in a task that ends with the transport at the latest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller asks for: a message, or an iterable of them where its method streams."""

    content: Any
    serialize: Callable[[Any], bytes] | None
    parse: Callable[[bytes], Any] | None
    wait_for_ready: bool | None


class Attempt:
    """One RPC: sent on entering, ended on leaving, its messages shown to the interceptors."""

    def __init__(
        self, transport: Transport, call: Call, request: Request, stack: Sequence[Interceptor]
    ) -> None:
        self.call = call
        self.transport = transport
        self.stack = stack
        self._request = request
        self._wire: Wire | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_started(self) -> bool:
        return self._wire is not None

    async def __aenter__(self) -> Self:
        streams = self.call.method.client_streaming
        first = b"" if streams else self._serialized(self._request.content)
        wait_for_ready = self._request.wait_for_ready
        self._wire = self.transport.start(self.call, first, wait_for_ready=wait_for_ready)
        if streams:
            self._writer = asyncio.ensure_future(self._write_all(self._wire))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._wire is not None
        self._wire.cancel()
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    async def answer(self) -> Any:
        assert self._wire is not None
        with self._translated():
            return self._parsed(await self._wire.answer())

    async def read(self) -> tuple[Any] | None:
        """Return the next answer, in a tuple of one; None after the last."""
        assert self._wire is not None
        with self._translated():
            data = await self._wire.read()
            return None if data is None else (self._parsed(data),)

    async def initial_metadata(self) -> Metadata:
        assert self._wire is not None
        with self._translated():
            return await self._wire.initial_metadata()

    def cancelled(self) -> Cancelled:
        return Cancelled(f"the call of {self.transport.service} was cancelled on this side")

    def _serialized(self, message: Any) -> bytes:
        self.call.sending(message)
        return self._request.serialize(message) if self._request.serialize else message

    def _parsed(self, data: bytes) -> Any:
        try:
            message = self._request.parse(data) if self._request.parse else data
        except DecodeError as error:
            raise Internal(
                f"an answer of {self.call.method.path} from {self.transport.service} is not what "
                f"the contract says: are both built from the same contracts?",
                reason="MALFORMED_MESSAGE",
            ) from error
        self.call.received(message)
        return message

    async def _write_all(self, wire: Wire) -> None:
        try:
            async with aclosing(_each(self._request.content)) as messages:
                async for message in messages:
                    if not await wire.write(self._serialized(message)):
                        return
            await wire.done_writing()
        except Exception:
            wire.cancel()  # wakes the reading side, which raises this error to the caller
            raise

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            failure = self._write_failure()
            if failure is not None:
                raise failure from None
            raise self.cancelled() from error

    def _write_failure(self) -> BaseException | None:
        if self._writer is None or not self._writer.done() or self._writer.cancelled():
            return None
        return self._writer.exception()


class Answer(Coroutine[Any, Any, Any]):
    """A call with one answer, sent when it is awaited: `product = await stub.GetProduct(request)`.

    After that `call` has the metadata and the status of the answer.
    """

    def __init__(self, attempt: Attempt) -> None:
        self.call = attempt.call
        self._work = _answered(attempt)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()

    def send(self, value: Any, /) -> Any:
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()


class Stream(AsyncIterator[Any]):
    """A call with a stream of answers: `async for product in stub.ExportProducts(request)`.

    It is sent at once. Leaving it ends the RPC: by `break`, `aclose()`, `cancel()` or a cancelled
    task. The interceptors run in a task of their own, because a consumer may come for each
    message from another one; the messages do not pass through it.
    """

    _finished = True

    def __init__(self, attempt: Attempt) -> None:
        self.call = attempt.call
        self._attempt = attempt
        self._turns = _Turns()
        self._loop = asyncio.get_running_loop()
        self._task = attempt.transport.spawn(_streamed(attempt, self._turns))
        self._finished = False

    async def __anext__(self) -> Any:
        if self._finished:
            raise StopAsyncIteration
        try:
            await self._turns.begun.wait()
            if self._attempt.is_started:
                message = await self._attempt.read()
                if message is not None:
                    return message[0]
        except asyncio.CancelledError:
            self.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - raised by the task, once the interceptors have seen it
            self._turns.error = error
        self._finished = True
        self._turns.over.set()
        await self._left()
        raise StopAsyncIteration

    async def initial_metadata(self) -> Metadata:
        """Return the metadata that came before the first message; waits for it."""
        await self._turns.begun.wait()
        if not self._attempt.is_started:
            await self._left()
        return await self._attempt.initial_metadata()

    def cancel(self) -> bool:
        """End the RPC; returns whether it was still running."""
        self._finished = True
        return self._task.cancel()

    async def aclose(self) -> None:
        """End the RPC and wait until nothing is left of it."""
        self.cancel()
        await asyncio.wait([self._task])

    async def _left(self) -> None:
        try:
            await self._task
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise self._attempt.cancelled() from error

    def __del__(self) -> None:
        if not self._finished and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)


class _Turns:
    """What the consumer of a stream and the task around it tell each other."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()  # the RPC was sent, or refused
        self.over = asyncio.Event()  # the consumer has seen the end
        self.error: Exception | None = None


async def _answered(attempt: Attempt) -> Any:
    async with AsyncExitStack() as stack:
        for interceptor in attempt.stack:
            await stack.enter_async_context(interceptor(attempt.call))
        await stack.enter_async_context(attempt)
        return await attempt.answer()


async def _streamed(attempt: Attempt, turns: _Turns) -> None:
    try:
        async with AsyncExitStack() as stack:
            for interceptor in attempt.stack:
                await stack.enter_async_context(interceptor(attempt.call))
            await stack.enter_async_context(attempt)
            turns.begun.set()
            await turns.over.wait()
            if turns.error is not None:
                raise turns.error
    finally:
        turns.begun.set()


async def _each(messages: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[Any]:
    """Yield the messages; a generator of the caller is closed when no more of it is wanted."""
    if not isinstance(messages, AsyncIterable):
        for message in messages:
            yield message
        return
    try:
        async for message in messages:
            yield message
    finally:
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()
