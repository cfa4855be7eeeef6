"""Which parts of which spans a trace waited for: its critical path; pure.

The path is walked backwards from the end of the root: at each moment it is in the child that ended
last before, and in the span itself where no child was at work (as in Uber's CRISP, USENIX ATC 22).
"""

from collections.abc import Mapping

from plait.console.tree import Node

Segment = tuple[int, int]  # nanoseconds since 1970: from, to


def critical_path(root: Node) -> Mapping[str, tuple[Segment, ...]]:
    """Return the critical parts of every span under the root that has any, by span id, in order."""
    found: dict[str, tuple[Segment, ...]] = {}
    todo = [(root, root.start, root.end)]
    while todo:
        node, begin, limit = todo.pop()
        until = limit
        segments: list[Segment] = []
        for child in sorted(node.children, key=lambda one: (one.end, one.start), reverse=True):
            # What a child does before its parent began or after it ended holds up nobody.
            start, end = max(child.start, begin), min(child.end, limit)
            if end > until or end <= start:
                continue  # beside the path, or no time at all
            if end < until:
                segments.append((end, until))
            todo.append((child, start, end))
            until = start
        if begin < until:
            segments.append((begin, until))
        if segments:
            found[node.span_id] = tuple(reversed(segments))
    return found
