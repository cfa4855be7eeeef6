"""Lays the spans of a trace out as the rows of a waterfall; pure.

Nothing that a sender says is taken for granted: parents may be missing or go in circles, clocks
may differ, times may run backwards. Every span becomes exactly one row, and what is odd about it
becomes a note in that row.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from plait.console.critical import critical_path
from plait.console.span import Span
from plait.console.tree import Node, grow

Segment = tuple[int, int]  # nanoseconds since the trace began: from, to


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: a span, or the place of a parent that was not received (`span` is None).

    `offset`, `width`, `own` (time in which no child was at work) and `critical` (the parts that
    the whole trace waited for) are nanoseconds, after `shift` was added to correct a clock.
    `children` counts the rows one level below, `below` all rows underneath.
    """

    span_id: str
    span: Span | None
    depth: int
    offset: int
    width: int
    own: int
    shift: int
    children: int
    below: int
    critical: tuple[Segment, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The rows, parents before their children; `start` in nanoseconds since 1970."""

    start: int
    duration: int
    depth: int
    rows: tuple[Row, ...]


def lay_out(spans: Iterable[Span]) -> Waterfall:
    """Return the waterfall of these spans, at least one."""
    nodes = grow(spans)
    start = min(node.start for node in nodes)
    critical = critical_path(nodes[0])
    return Waterfall(
        start=start,
        duration=max(node.end for node in nodes) - start,
        depth=max(node.depth for node in nodes) + 1,
        rows=tuple(_row(node, start, critical.get(node.span_id, ())) for node in nodes),
    )


def _row(node: Node, start: int, critical: tuple[Segment, ...]) -> Row:
    return Row(
        span_id=node.span_id,
        span=node.span,
        depth=node.depth,
        offset=node.start - start,
        width=node.end - node.start,
        own=_own(node) if node.span else 0,
        shift=node.shift,
        children=len(node.children),
        below=node.below,
        critical=tuple((begin - start, end - start) for begin, end in critical),
        notes=tuple(node.notes),
    )


def _own(node: Node) -> int:
    """Return how long no child was at work; children come by start."""
    own, covered = node.end - node.start, node.start
    for child in node.children:
        begin, end = max(child.start, covered), min(child.end, node.end)
        if end > begin:
            own -= end - begin
            covered = end
    return own
