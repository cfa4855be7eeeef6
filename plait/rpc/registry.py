"""The methods that a server serves: by name, or by whoever answers for a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from plait.rpc.handled import Handled, handled_of
from plait.rpc.metadata import Pair, pairs_of
from plait.rpc.request import Request

_MOST_REMEMBERED = 1024  # paths


@dataclass(frozen=True, slots=True)
class Details(grpc.HandlerCallDetails):
    """What a `grpc.GenericRpcHandler` is asked with."""

    method: str
    invocation_metadata: tuple[Pair, ...]


class Registry:
    """Finds handlers. Registered ones come first, then generic ones in the order they came."""

    def __init__(self) -> None:
        self.registered: dict[bytes, Handled] = {}
        self._generic: list[Any] = []
        self._read: dict[str, tuple[Any, Handled]] = {}

    def add(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Register the methods of a service by their names; raises TypeError as `handled_of`."""
        for name, handler in handlers.items():
            path = f"/{service}/{name}"
            self.registered[path.encode()] = handled_of(path, handler)

    def add_generic(self, handler: Any) -> None:
        """Ask a `grpc.GenericRpcHandler` for methods that are not registered, once a call."""
        self._generic.append(handler)

    def found(self, request: Request) -> Handled | None:
        """Return what handles a call of a method that is not registered, if anyone does."""
        if not self._generic:
            return None
        details = Details(request.path, pairs_of(request.fields))
        for generic in self._generic:
            handler = generic.service(details)
            if handler is not None:
                return self._handled(request.path, handler)
        return None

    def _handled(self, path: str, handler: Any) -> Handled:
        """Read a handler, or recall how it was read the last time."""
        known = self._read.get(path)
        if known is not None and known[0] is handler:
            return known[1]
        if len(self._read) >= _MOST_REMEMBERED:
            self._read.clear()
        handled = handled_of(path, handler)
        self._read[path] = handler, handled
        return handled
