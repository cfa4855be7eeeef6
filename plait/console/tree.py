"""The tree of a trace's spans, whole even where senders left something out; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from plait.console.span import Kind, Span

_MISSING = "not received: under way, lost, or made by a caller that sends its spans elsewhere"
_CIRCLE = "its parents lead back to itself; shown without them"
_BACKWARDS = "ended before it began, by its own clock"


@dataclass(slots=True, eq=False)
class Node:
    """A span in its place; `span` is None for a parent that was not received.

    `start` and `end` are nanoseconds since 1970, after `shift` was added to correct a clock.
    """

    span_id: str
    span: Span | None
    start: int
    end: int
    shift: int = 0
    depth: int = 0
    below: int = 0
    children: list["Node"] = field(default_factory=list["Node"])
    notes: list[str] = field(default_factory=list[str])


def grow(spans: Iterable[Span]) -> list[Node]:
    """Return all nodes, every parent before its children, siblings by time, the root first."""
    nodes = {span.span_id: _node(span) for span in spans}
    tops = _attach(nodes)
    tops += _broken_circles(nodes, tops)
    tops.sort(key=_place_on_top)
    ordered = _walk(tops)
    for node in reversed(ordered):
        node.below = sum(1 + child.below for child in node.children)
    return ordered


def _node(span: Span) -> Node:
    notes = [_BACKWARDS] if span.end < span.start else []
    end = span.start + span.duration
    return Node(span_id=span.span_id, span=span, start=span.start, end=end, notes=notes)


def _attach(nodes: dict[str, Node]) -> list[Node]:
    """Hang every node under its parent; return the roots, and a stand-in per missing parent."""
    tops: list[Node] = []
    missing: dict[str, Node] = {}
    for node in nodes.values():
        parent_id = _parent_id(node)
        parent = nodes.get(parent_id) or missing.get(parent_id)
        if not parent_id:
            tops.append(node)
            continue
        if parent is None:
            parent = Node(parent_id, None, node.start, node.end, notes=[_MISSING])
            missing[parent_id] = parent
        if parent.span is None:
            parent.start = min(parent.start, node.start)
            parent.end = max(parent.end, node.end)
        parent.children.append(node)
    return [*tops, *missing.values()]


def _broken_circles(nodes: dict[str, Node], tops: list[Node]) -> list[Node]:
    """Cut each circle of parents at its earliest span; return these."""
    left = dict(nodes)
    _take_away(left, tops)
    cut: list[Node] = []
    while left:
        circle = _circle_above(next(iter(left.values())), nodes)
        first = min(circle, key=lambda node: (node.start, node.span_id))
        nodes[_parent_id(first)].children.remove(first)
        first.notes.append(_CIRCLE)
        cut.append(first)
        _take_away(left, [first])
    return cut


def _take_away(left: dict[str, Node], tops: Iterable[Node]) -> None:
    todo = list(tops)
    while todo:
        node = todo.pop()
        left.pop(node.span_id, None)
        todo += node.children


def _circle_above(node: Node, nodes: dict[str, Node]) -> list[Node]:
    seen: dict[str, Node] = {}
    while node.span_id not in seen:
        seen[node.span_id] = node
        node = nodes[_parent_id(node)]
    path = list(seen.values())
    return path[path.index(node) :]


def _parent_id(node: Node) -> str:
    return node.span.parent_id if node.span else ""


def _place_on_top(node: Node) -> tuple[bool, int, str]:
    is_root = node.span is not None and not node.span.parent_id
    return not is_root, node.start, node.span_id


def _walk(tops: list[Node]) -> list[Node]:
    ordered: list[Node] = []
    todo = tops[::-1]
    while todo:
        node = todo.pop()
        ordered.append(node)
        for child in node.children:
            child.depth = node.depth + 1
            _correct_clock(child, node)
        node.children.sort(key=lambda child: (child.start, child.span_id))
        todo += reversed(node.children)
    return ordered


def _correct_clock(node: Node, parent: Node) -> None:
    """Move a span as its clock must be wrong: with its own process, or into its caller's span."""
    span, caller = node.span, parent.span
    if span is None or caller is None:
        return
    if span.origin.resource == caller.origin.resource:
        _move(node, parent.shift)
    elif span.kind is Kind.SERVER and caller.kind is Kind.CLIENT:
        late = node.start > parent.end and not caller.error  # after an error it may be the truth
        if node.start < parent.start or late:
            # Nothing is known but that it happened within: the middle is the best guess.
            spare = (parent.end - parent.start) - (node.end - node.start)
            by = parent.start + max(0, spare) // 2 - node.start
            _move(node, by)
            node.notes.append(f"moved by {by / 1e6:+.3f} ms: its clock differs from its caller's")


def _move(node: Node, by: int) -> None:
    node.shift += by
    node.start += by
    node.end += by
