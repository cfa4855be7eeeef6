"""One line about a trace, as lists show it and searches ask it; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from plait.console.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A trace in one line; times in nanoseconds.

    Name, service and code are those of the first span: the root, or while it is missing
    (`complete` is false) the earliest of those whose parent is missing. `start` and `duration` are
    the root's, for that is what the caller waited; while it is missing, the extent of all spans.
    `services` counts the spans of each, in order of appearance; `failed` says whether any span did.
    """

    trace_id: str
    name: str
    service: str
    code: str
    start: int
    duration: int
    spans: int
    errors: int
    complete: bool
    services: tuple[tuple[str, int], ...]
    operations: frozenset[tuple[str, str]]

    @property
    def failed(self) -> bool:
        return self.errors > 0


def first_span(spans: Iterable[Span]) -> Span:
    """Return the root of the trace, or where it is missing what stands nearest to it."""
    spans = list(spans)
    known = {span.span_id for span in spans}

    def nearness(span: Span) -> tuple[bool, bool, int, str]:
        return bool(span.parent_id), span.parent_id in known, span.start, span.span_id

    return min(spans, key=nearness)


def summarize(trace_id: str, spans: Iterable[Span]) -> Summary:
    """Return the line about these spans, at least one."""
    ordered = sorted(spans, key=lambda span: (span.start, span.span_id))
    first = first_span(ordered)
    complete = not first.parent_id
    start = first.start if complete else ordered[0].start
    end = max(span.end for span in ordered)
    return Summary(
        trace_id=trace_id,
        name=first.name,
        service=first.service,
        code=first.code,
        start=start,
        duration=first.duration if complete else max(0, end - start),
        spans=len(ordered),
        errors=sum(span.error for span in ordered),
        complete=complete,
        services=tuple(Counter(span.service for span in ordered).items()),
        operations=frozenset((span.service, span.name) for span in ordered),
    )
