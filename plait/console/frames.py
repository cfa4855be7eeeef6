"""Takes an export apart into its spans or metrics without making objects of what may be hostile.

A parser makes an object of fifty to a hundred bytes from two bytes on the wire, so that 16 MiB can
fill gigabytes. The three outer levels are therefore walked by hand, within a bound, and what is
inside is parsed one span or one metric at a time, if it is not too large. Requests for traces and
for metrics have the same shape, with the same field numbers (protobuf.dev, Encoding).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from plait.console.encoding import Malformed, TooMany

MAX_FIELDS = 100_000
"""How many groups and items together a request may hold; an exporter's usual batch has 512."""

_GROUPS = 1  # resource_spans, resource_metrics
_RESOURCE, _SCOPED = 1, 2  # of a group: resource; scope_spans, scope_metrics
_SCOPE, _ITEMS = 1, 2  # of what is scoped: scope; spans, metrics
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}


@dataclass(slots=True)
class Group:
    """The items, each a serialized Span or Metric, that share a resource and a scope."""

    resource: bytes = b""
    scope: bytes = b""
    items: list[memoryview] = field(default_factory=list[memoryview])


def groups(body: bytes, limit: int = MAX_FIELDS) -> list[Group]:
    """Return the groups of an export, in its order.

    Raises `Malformed` if the outer levels are no protobuf, `TooMany` for more than `limit` fields.
    """
    walk = _Walk(limit)
    found: list[Group] = []
    for number, outer in walk.fields(memoryview(body)):
        if number == _GROUPS:
            found += _scoped(walk, outer)
    return found


def _scoped(walk: "_Walk", outer: memoryview) -> list[Group]:
    resource = b""
    found: list[Group] = []
    for number, inner in walk.fields(outer):
        if number == _RESOURCE:
            resource = bytes(inner)
        elif number == _SCOPED:
            found.append(_group(walk, inner))
    for group in found:  # the resource may come after them
        group.resource = resource
    return found


def _group(walk: "_Walk", inner: memoryview) -> Group:
    group = Group()
    for number, value in walk.fields(inner):
        if number == _SCOPE:
            group.scope = bytes(value)
        elif number == _ITEMS:
            group.items.append(value)
    return group


class _Walk:
    """Reads fields, all levels together no more than so many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def fields(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Yield number and value of the fields that have a length; pass over the others."""
        at = 0
        while at < len(data):
            if self._left == 0:
                raise TooMany(f"expected at most {self._limit} fields; send smaller batches")
            self._left -= 1
            tag, at = _varint(data, at)
            kind = tag & 7
            if kind == _BYTES:
                size, at = _varint(data, at)
                value, at = data[at : at + size], at + size
                if at <= len(data):
                    yield tag >> 3, value
            elif kind == _VARINT:
                _, at = _varint(data, at)
            elif kind in _FIXED:
                at += _FIXED[kind]
            else:
                raise Malformed(f"expected a binary export, found wire type {kind}")
            if at > len(data):
                raise Malformed("expected a binary export, found only its beginning")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, min(at + 10, len(data))):
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise Malformed("expected a binary export, found a number without an end")
