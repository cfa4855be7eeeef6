"""Which routes could one request mean, neither being the more specific? Found at start."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from plait.gateway.rest.router import Route, Target
from plait.gateway.rest.template import ONE, REST

_Entry = tuple[tuple[str, ...], Route[Target]]


def ambiguous(
    routes: Sequence[Route[Target]],
) -> Iterator[tuple[Route[Target], Route[Target], str]]:
    """Yield each pair of routes that one request could mean, with a path that shows it.

    Two routes of one HTTP method and one `:verb` conflict if some path fits both, and neither fits
    only paths that fit the other: the same shape twice (`/v1/{a}` and `/v1/{b}`), or crosswise
    (`/v1/a/*` and `/v1/*/b`); or if the narrower one comes second when they are read segment by
    segment, as the router does (`/**/a` beside `/*/**`).
    """
    groups: dict[tuple[str, str], list[_Entry[Target]]] = defaultdict(list)
    for route in routes:
        groups[route.verb, route.template.verb].append((route.template.shape, route))
    for (_, verb), group in groups.items():
        for (shape, one), (other_shape, other) in _pairs(group, 0):
            if path := _undecided(shape, other_shape):
                yield one, other, f"{path}:{verb}" if verb else path


def _pairs(
    entries: Sequence[_Entry[Target]], at: int
) -> Iterator[tuple[_Entry[Target], _Entry[Target]]]:
    """Yield the pairs whose literals agree up to the first wildcard of either."""
    wild: list[_Entry[Target]] = []
    by_literal: dict[str, list[_Entry[Target]]] = defaultdict(list)
    for entry in entries:
        segment = entry[0][at] if at < len(entry[0]) else ""
        (wild if segment in {ONE, REST} else by_literal[segment]).append(entry)
    yield from combinations(wild, 2)
    for literal, group in by_literal.items():
        yield from product(wild, group)
        yield from _pairs(group, at + 1) if literal else combinations(group, 2)


def _undecided(first: Sequence[str], second: Sequence[str]) -> str:
    if _apart(first, second):
        return ""
    meets = _meeting(first, second)
    if meets is None or _decided(first, second):
        return ""
    return "/" + "/".join(segment if segment != ONE else "x" for segment in meets)


def _decided(first: Sequence[str], second: Sequence[str]) -> bool:
    """Say whether one is narrower than the other, and comes first segment by segment too."""
    inside, around = _within(first, second), _within(second, first)
    if inside == around:
        return False
    narrower, wider = (first, second) if inside else (second, first)
    for one, other in zip(narrower, wider, strict=False):
        if one != other:
            return not (one == REST and other == ONE)
    return True


def _apart(first: Sequence[str], second: Sequence[str]) -> bool:
    """Say quickly that no path fits both: literals differ before any `**`."""
    for a, b in zip(first, second, strict=False):
        if REST in (a, b):
            return False
        if a != b and ONE not in (a, b):
            return True
    return len(first) != len(second) and REST not in first and REST not in second


def _lengths(first: Sequence[str], second: Sequence[str]) -> range:
    """All numbers of segments that can matter: beyond it a `**` only grows by more of the same."""
    return range(len(first) + len(second) + 1)


def _stretched(segments: Sequence[str], length: int) -> list[str] | None:
    if REST not in segments:
        return list(segments) if len(segments) == length else None
    at = segments.index(REST)
    more = length - (len(segments) - 1)
    return None if more < 0 else [*segments[:at], *([ONE] * more), *segments[at + 1 :]]


def _meeting(first: Sequence[str], second: Sequence[str]) -> list[str] | None:
    for length in _lengths(first, second):
        a, b = _stretched(first, length), _stretched(second, length)
        if a is None or b is None:
            continue
        if all(x == y or ONE in (x, y) for x, y in zip(a, b, strict=True)):
            return [y if x == ONE else x for x, y in zip(a, b, strict=True)]
    return None


def _within(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Say whether every path that fits `inner` fits `outer`."""
    for length in _lengths(inner, outer):
        a, b = _stretched(inner, length), _stretched(outer, length)
        if a is None:
            continue
        if b is None or any(y not in (x, ONE) for x, y in zip(a, b, strict=True)):
            return False
    return True
