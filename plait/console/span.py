"""A span as the console keeps it: what lists and waterfalls need at hand, the rest as bytes."""

from dataclasses import dataclass
from enum import IntEnum

# What CPython spends on one kept span beside its variable parts: the object, its integers, the
# headers of its strings and bytes, and its place in the trace and in the trace's summary. Measured
# on 3.11 (690 bytes), rounded up; a test compares the sum with what tracemalloc counts.
_OBJECT_BYTES = 768


class Kind(IntEnum):
    """The role of a span in a call (opentelemetry.proto.trace.v1.Span.SpanKind)."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who made a span: `resource` and `scope` are serialized OTLP messages of these names."""

    service: str
    resource: bytes = b""
    scope: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return _OBJECT_BYTES + len(self.service) + len(self.resource) + len(self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One finished operation; ids in lower-case hexadecimal, times in nanoseconds since 1970.

    `parent_id` is empty for the root of a trace. `code` is the status that the caller saw, as its
    protocol writes it (`200`, `NOT_FOUND`), or empty. `details` is a serialized OTLP Span that
    holds what only a reader of this span wants: attributes, events, links.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str
    kind: Kind = Kind.UNSPECIFIED
    start: int
    end: int
    error: bool = False
    code: str = ""
    origin: Origin
    details: bytes = b""

    @property
    def service(self) -> str:
        return self.origin.service

    @property
    def duration(self) -> int:
        """Nanoseconds; 0 where a clock went back."""
        return max(0, self.end - self.start)

    @property
    def size(self) -> int:
        """Bytes of memory, without the origin that many spans share."""
        return _OBJECT_BYTES + len(self.name) + len(self.code) + len(self.details)
