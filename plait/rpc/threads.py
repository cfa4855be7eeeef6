"""Handlers that are plain functions: they run in threads, with a context of their own kind.

At most as many run at once as the pool has threads; the others wait. A thread cannot be stopped: a
handler whose call has ended runs on until it returns, reads, or asks `context.is_active`.
"""

import asyncio
import contextvars
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Never

import grpc

from plait.rpc.metadata import Pair

if TYPE_CHECKING:
    from plait.rpc.context import Context

_END = object()


class Threads:
    """A bounded pool, made when it is first needed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function in a thread, with the context variables of the task."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="grpc")
        run = partial(contextvars.copy_context().run, act, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self) -> None:
        """Start no more; those that run are not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


async def one_answer(threads: Threads, act: Callable[..., Any], asked: Any, call: "Context") -> Any:
    """Return what a plain function answers.

    Raises:
        TypeError: it returns a coroutine, so it only looks like a plain function.
    """
    answer = await threads.run(act, _for_thread(asked, call), ThreadContext(call))
    if inspect.isawaitable(answer):
        raise TypeError(
            f"the handler of {call.request.path} returns an awaitable, but is no coroutine "
            "function: write it with async def, or mark what wraps it"
        )
    return answer


async def answers(
    threads: Threads, act: Callable[..., Any], asked: Any, call: "Context"
) -> AsyncGenerator[Any, None]:
    """Yield what a plain generator function yields."""
    found: Iterator[Any] = iter(
        await threads.run(act, _for_thread(asked, call), ThreadContext(call)) or ()
    )
    try:
        while (answer := await threads.run(next, found, _END)) is not _END:
            yield answer
    except GeneratorExit:  # the call is over: what the generator holds is let go of
        close = getattr(found, "close", None)
        if close is not None:
            await threads.run(close)
        raise


def _for_thread(asked: Any, call: "Context") -> Any:
    return _Requests(asked, call.link.loop) if call.handled.request_streams else asked


class _Requests(Iterator[Any]):
    """The messages of a caller's stream, for a thread."""

    def __init__(self, requests: AsyncIterator[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._requests = requests
        self._loop = loop

    def __next__(self) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        except CancelledError:
            raise grpc.RpcError("the call has ended") from None
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self) -> Any:
        return await anext(self._requests)


class ThreadContext(grpc.ServicerContext):
    """The shape of grpcio's context for threads, on a call that lives in the event loop."""

    def __init__(self, call: "Context") -> None:
        self._call = call

    def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: Iterable[Pair] = ()
    ) -> Never:
        """End the call with an error; raises, so that the handler ends as well."""
        raise self._call.aborted(code, details, trailing_metadata)

    def abort_with_status(self, status: grpc.Status) -> Never:
        raise self._call.aborted(status.code, status.details, status.trailing_metadata or ())

    def send_initial_metadata(self, initial_metadata: Sequence[Pair]) -> None:
        sending = self._call.send_initial_metadata(initial_metadata)
        asyncio.run_coroutine_threadsafe(sending, self._call.link.loop).result()

    def cancel(self) -> bool:
        """End the call with CANCELLED."""
        self._call.link.loop.call_soon_threadsafe(self._call.cancel)
        return True

    def is_active(self) -> bool:
        return not self._call.done()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Call back in the event loop's thread when the call ends; False if it has ended."""
        if self._call.done():
            return False

        def told(context: Any) -> None:
            del context
            callback()

        self._call.link.loop.call_soon_threadsafe(self._call.add_done_callback, told)
        return True

    def time_remaining(self) -> Any:
        """Return the seconds until the deadline, None where there is none."""
        return self._call.time_remaining()

    def invocation_metadata(self) -> tuple[Pair, ...]:
        return self._call.invocation_metadata()

    def set_trailing_metadata(self, trailing_metadata: Iterable[Pair]) -> None:
        self._call.set_trailing_metadata(trailing_metadata)

    def trailing_metadata(self) -> tuple[Pair, ...]:
        return self._call.trailing_metadata()

    def set_code(self, code: grpc.StatusCode) -> None:
        self._call.set_code(code)

    def code(self) -> grpc.StatusCode:
        return self._call.code()

    def set_details(self, details: str) -> None:
        self._call.set_details(details)

    def details(self) -> str:
        return self._call.details()

    def set_compression(self, compression: grpc.Compression) -> None:
        self._call.set_compression(compression)

    def disable_next_message_compression(self) -> None:
        self._call.disable_next_message_compression()

    def peer(self) -> str:
        return self._call.peer()

    def peer_identities(self) -> Iterable[bytes] | None:
        return self._call.peer_identities()

    def peer_identity_key(self) -> str | None:
        return self._call.peer_identity_key()

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:  # type: ignore[override] # grpcio's own values are iterables too
        return self._call.auth_context()
