"""A method that a server serves: the handler that generated code registers, looked at once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any


class Way(Enum):
    """How a handler answers."""

    COROUTINE = "a coroutine"  # returns the answer, or writes the answers by `context.write`
    GENERATOR = "an async generator"  # yields the answers
    FUNCTION = "a plain function"  # runs in a thread


@dataclass(frozen=True, slots=True)
class Handled:
    """A handler and the shape of its method."""

    path: str
    request_streams: bool
    response_streams: bool
    parse: Callable[[bytes], Any]
    serialize: Callable[[Any], bytes]
    act: Callable[[Any, Any], Any]
    way: Way


def handled_of(path: str, handler: Any) -> Handled:
    """Read a `grpc.RpcMethodHandler`; a (de)serializer that is None hands bytes on.

    Raises:
        TypeError: the handler is an async generator although the method has one answer.
    """
    request, response = bool(handler.request_streaming), bool(handler.response_streaming)
    shape = f"{'stream' if request else 'unary'}_{'stream' if response else 'unary'}"
    act: Callable[[Any, Any], Any] = getattr(handler, shape)
    way = _way(act)
    if way is Way.GENERATOR and not response:
        raise TypeError(f"{path} has one answer, and its handler yields: return it instead")
    return Handled(
        path=path,
        request_streams=request,
        response_streams=response,
        parse=handler.request_deserializer or _as_it_is,
        serialize=handler.response_serializer or _as_it_is,
        act=act,
        way=way,
    )


def _way(act: Callable[..., Any]) -> Way:
    while isinstance(act, partial):
        act = act.func
    called = act if inspect.isroutine(act) else type(act).__call__
    if inspect.iscoroutinefunction(called):
        return Way.COROUTINE
    return Way.GENERATOR if inspect.isasyncgenfunction(called) else Way.FUNCTION


def _as_it_is(data: Any) -> Any:
    return data
