"""A call that this process serves: the handler, inside the interceptors, in one task."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from plait.errors import Code, InvalidArgument
from plait.mesh.call import Call, Interceptor, Status, handling, is_cancelled
from plait.mesh.method import Method
from plait.mesh.status import INTERNAL_MESSAGE

_log = logging.getLogger(__name__)


class Context(Protocol):
    """The servicer's side of an RPC on the wire, in bytes."""

    async def read_bytes(self) -> bytes | None:
        """Return the next request message; None after the last."""
        ...

    async def write_bytes(self, data: bytes) -> None:
        """Send a response message; waits while the caller is slower."""
        ...

    def raise_for_code(self) -> None:
        """Raise the error that the servicer has set without raising it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A servicer's method and how its messages are read and written (None: they are bytes)."""

    method: Method
    act: Callable[[Any, Any], Any]
    parse: Callable[[bytes], Any] | None
    serialize: Callable[[Any], bytes] | None

    def parsed(self, call: Call, data: bytes) -> Any:
        """Parse a request message and show it to the interceptors."""
        try:
            message = self.parse(data) if self.parse else data
        except DecodeError as error:
            raise InvalidArgument(
                f"a request message of {self.method.path} cannot be parsed: expected the protobuf "
                f"message of its contract, found {len(data)} other bytes",
                reason="MALFORMED_MESSAGE",
            ) from error
        call.received(message)
        return message

    def serialized(self, call: Call, message: Any) -> bytes:
        """Show a response message to the interceptors and serialize it."""
        call.sending(message)
        return self.serialize(message) if self.serialize else message


class Requests(AsyncIterator[Any]):
    """The messages of a client's stream, as a servicer iterates over them."""

    def __init__(self, handler: Handler, call: Call, context: Context) -> None:
        self._handler = handler
        self._call = call
        self._context = context

    async def __anext__(self) -> Any:
        data = await self._context.read_bytes()
        if data is None:
            raise StopAsyncIteration
        return self._handler.parsed(self._call, data)


async def serve_call(
    handler: Handler,
    call: Call,
    request: bytes,
    context: Context,
    stack: Sequence[Interceptor],
) -> bytes:
    """Run the handler inside the interceptors, set `call.status`, return the one answer if any.

    Raises nothing but CancelledError, where the caller has gone away. A call that was cancelled
    because the server is stopping ends like any other.
    """
    answer = b""
    try:
        with handling(call):
            async with AsyncExitStack() as surroundings:
                for interceptor in stack:
                    await surroundings.enter_async_context(interceptor(call))
                answer = await _handle(handler, call, request, context)
                call.status = call.status or Status(code=Code.OK)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and call.stopping:
            task.uncancel()
        elif is_cancelled():
            raise
        _check_told(call, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
        _check_told(call, error)
    return answer


def _check_told(call: Call, error: BaseException) -> None:
    """Leave the call with the status that the interceptors have made of the error, if they have."""
    if error is not call.error or call.status is None:
        _log.error("an interceptor failed around %s", call.method.path, exc_info=error)
        call.status = Status(code=Code.INTERNAL, message=INTERNAL_MESSAGE)


async def _handle(handler: Handler, call: Call, request: bytes, context: Context) -> bytes:
    streamed = handler.method.client_streaming
    messages = Requests(handler, call, context) if streamed else handler.parsed(call, request)
    result = _begun(handler, messages, context)
    if inspect.isasyncgen(result):
        async with aclosing(result):
            async for message in result:
                await context.write_bytes(handler.serialized(call, message))
        context.raise_for_code()
        return b""
    if not inspect.isawaitable(result):
        name = handler.method.name
        raise TypeError(
            f"the servicer's {name} returned {type(result).__name__} at once; plait is async only: "
            f"write `async def {name}`"
        )
    message = await result
    context.raise_for_code()
    return b"" if handler.method.server_streaming else handler.serialized(call, message)


def _begun(handler: Handler, messages: Any, context: Context) -> Any:
    try:
        return handler.act(messages, context)
    except NotImplementedError:
        context.raise_for_code()  # what generated base classes do in a method that nobody wrote
        raise
