"""The newest traces in memory, within bounds that no sender can move; pure, no I/O."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from plait.console.span import Origin, Span
from plait.console.summary import Summary, summarize

_TRACE_BYTES = 1536  # an empty trace and its summary, rounded up in the same way


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the store may hold; sizes in bytes of memory. A span fits a trace, a trace the store."""

    traces: int = 2000
    trace_spans: int = 10_000
    span_bytes: int = 256 * 1024
    trace_bytes: int = 16 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0 < self.span_bytes < self.trace_bytes < self.total_bytes:
            raise ValueError(
                f"expected span_bytes < trace_bytes < total_bytes, found {self.span_bytes}, "
                f"{self.trace_bytes}, {self.total_bytes}"
            )
        if self.traces < 1 or self.trace_spans < 1:
            raise ValueError(
                f"expected room for a trace and a span, found {self.traces} and {self.trace_spans}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace as it is now: its spans in the order of their arrival, and how many were refused.

    `version` grows with every change of this trace.
    """

    trace_id: str
    spans: tuple[Span, ...]
    refused: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which traces to find; what is empty or zero matches all. `min_duration` in nanoseconds.

    Service and operation must meet in one span; `failed` and `min_duration` are about the trace.
    """

    service: str = ""
    operation: str = ""
    failed: bool | None = None
    min_duration: int = 0
    limit: int = 100


@dataclass(slots=True)
class _Trace:
    spans: dict[str, Span] = field(default_factory=dict[str, Span])
    origins: dict[Origin, Origin] = field(default_factory=dict[Origin, Origin])
    size: int = _TRACE_BYTES
    refused: int = 0
    version: int = 0
    summary: Summary | None = None


class TraceStore:
    """Keeps the newest traces; the one that began first goes first, whole.

    Spans come in any order and at any time, and join their trace while it is kept. A span that
    came before (same id) is ignored. The spans of a trace that had to go begin it anew.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._size = 0
        self._evicted = 0
        self._version = 0

    @property
    def size(self) -> int:
        """Bytes of memory, as counted against the limit."""
        return self._size

    @property
    def version(self) -> int:
        """A number that grows with every change, so that readers know when to look again."""
        return self._version

    @property
    def evicted(self) -> int:
        """How many traces had to go."""
        return self._evicted

    def __len__(self) -> int:
        return len(self._traces)

    def add(self, spans: Iterable[Span]) -> Counter[str]:
        """Keep the spans, evict what is too much, and return how many were refused, by reason."""
        refused: Counter[str] = Counter()
        for span in spans:
            if reason := self._add(span):
                refused[reason] += 1
        return refused

    def get(self, trace_id: str) -> Trace | None:
        """Return the trace, or None if it never came or had to go."""
        found = self._traces.get(trace_id)
        if found is None:
            return None
        spans = tuple(found.spans.values())
        return Trace(trace_id=trace_id, spans=spans, refused=found.refused, version=found.version)

    def search(self, query: Query) -> list[Summary]:
        """Return what matches, the newest first.

        All summaries are looked at: they are at most `Limits.traces`, and made once per change.
        """
        found = [summary for summary in self._summaries() if _matches(summary, query)]
        found.sort(key=lambda summary: summary.start, reverse=True)
        return found[: query.limit]

    def operations(self) -> Mapping[str, frozenset[str]]:
        """Return the operations of every service in the store."""
        found: dict[str, set[str]] = {}
        for summary in self._summaries():
            for service, operation in summary.operations:
                found.setdefault(service, set()).add(operation)
        return {service: frozenset(names) for service, names in found.items()}

    def _add(self, span: Span) -> str:
        """Keep one span; return why not, or nothing."""
        limits = self._limits
        if span.size > limits.span_bytes:
            return f"larger than {limits.span_bytes} bytes"
        trace = self._traces.get(span.trace_id) or _Trace()
        if span.span_id in trace.spans:
            return ""
        grown = span.size + (0 if span.origin in trace.origins else span.origin.size)
        trace.version = self._version = self._version + 1
        if len(trace.spans) >= limits.trace_spans or trace.size + grown > limits.trace_bytes:
            trace.refused += 1
            return f"beyond {limits.trace_spans} spans or {limits.trace_bytes} bytes of one trace"
        self._keep(trace, span, grown)
        self._evict()
        return ""

    def _keep(self, trace: _Trace, span: Span, grown: int) -> None:
        if not trace.spans:
            self._traces[span.trace_id] = trace
            self._size += trace.size
        # Each export brings its own copy of an origin; one is kept, for one is counted.
        origin = trace.origins.setdefault(span.origin, span.origin)
        trace.spans[span.span_id] = span if origin is span.origin else replace(span, origin=origin)
        trace.size += grown
        trace.summary = None
        self._size += grown

    def _evict(self) -> None:
        limits = self._limits
        while len(self._traces) > limits.traces or self._size > limits.total_bytes:
            _, oldest = self._traces.popitem(last=False)
            self._size -= oldest.size
            self._evicted += 1

    def _summaries(self) -> Iterator[Summary]:
        for trace_id, trace in self._traces.items():
            if trace.summary is None:
                trace.summary = summarize(trace_id, trace.spans.values())
            yield trace.summary


def _matches(summary: Summary, query: Query) -> bool:
    return (
        _has(summary, query.service, query.operation)
        and query.failed in {None, summary.failed}
        and summary.duration >= query.min_duration
    )


def _has(summary: Summary, service: str, operation: str) -> bool:
    if service and operation:
        return (service, operation) in summary.operations
    if service:
        return any(name == service for name, _ in summary.services)
    if operation:
        return any(name == operation for _, name in summary.operations)
    return True
