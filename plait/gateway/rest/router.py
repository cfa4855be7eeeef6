"""Which route does a path lead to? A trie that prefers what is most specific, and backtracks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from plait.gateway.errors import MalformedPath
from plait.gateway.rest.template import ONE, REST, Template, Variable

Target = TypeVar("Target")

ANY = "*"
"""The HTTP method of a route that takes every method (`custom {kind: "*"}`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Target]):
    """A template, the HTTP method that it is for, and where it leads."""

    verb: str
    template: Template
    target: Target


@dataclass(frozen=True, slots=True)
class Found(Generic[Target]):
    """The target of a path's route, and the decoded text of each variable by its field path."""

    target: Target
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """There is such a path, but not for this HTTP method; `allow` is for the header Allow.

    It holds HEAD where there is GET, and always OPTIONS (RFC 9110 section 9.3.7).
    """

    allow: tuple[str, ...]


class Router(Generic[Target]):
    """Finds the route of a request; its cost does not depend on how many routes there are.

    Literals are preferred to `*`, `*` to `**`, segment by segment from the left. A path that ends
    with the `:verb` of a route that matches it leads there; any other colon is part of a value. No
    wildcard matches an empty segment, so a trailing slash is another path. Of routes with the
    same shape the last one counts: `plait.gateway.rest.conflicts` finds those.
    """

    def __init__(self, routes: Sequence[Route[Target]]) -> None:
        self._tries: dict[str, _Node[Target]] = {"": _Node()}
        for route in routes:
            template = route.template
            trie = self._tries.setdefault(template.verb, _Node())
            trie.place(template.segments).routes[route.verb] = _leaf(route)

    def find(self, verb: str, path: bytes) -> Found[Target] | WrongMethod | None:
        """Find the most specific route for an HTTP method and a raw path (undecoded, no query).

        None: no route of whatever method has this path (404). HEAD is looked up as it is: the
        handler asks again with GET if it gets `WrongMethod`.

        Raises:
            MalformedPath: an escape (`%zz`) is malformed, or a variable is not UTF-8 once decoded.
        """
        text = _ascii(path)
        if not text.startswith("/"):
            return None
        raw = text[1:].split("/") if text != "/" else []
        allow: set[str] = set()
        for trie, segments in self._readings(raw):
            literals = [_literal(segment) for segment in segments] if "%" in text else segments
            if leaf := _match(trie, literals, 0, verb, allow):
                return Found(leaf.target, leaf.variables(segments))
        return WrongMethod(_allow(allow)) if allow else None

    def _readings(self, raw: list[str]) -> list[tuple["_Node[Target]", list[str]]]:
        """Return the tries to ask, each with the segments that it should see: first with a verb."""
        plain = (self._tries[""], raw)
        if not raw or ":" not in raw[-1]:
            return [plain]
        last, _, verb = raw[-1].rpartition(":")
        trie = self._tries.get(verb) if verb else None
        return [plain] if trie is None else [(trie, [*raw[:-1], last]), plain]


@dataclass(frozen=True, slots=True)
class _Leaf(Generic[Target]):
    target: Target
    captures: tuple[Variable, ...]
    length: int
    rest: int  # where `**` stands, or the length if there is none
    many: frozenset[str]  # fields whose variable may hold slashes

    def variables(self, segments: list[str]) -> dict[str, str]:
        longer = len(segments) - self.length  # by how much `**` stretches what follows it
        values: dict[str, str] = {}
        for capture in self.captures:
            start = capture.start if capture.start <= self.rest else capture.start + longer
            end = capture.end if capture.end <= self.rest else capture.end + longer
            text = "/".join(segments[start:end])
            values[capture.field] = _decoded(text, capture.field in self.many)
        return values


def _leaf(route: Route[Target]) -> _Leaf[Target]:
    segments, variables = route.template.segments, route.template.variables
    parts = {variable.field: segments[variable.start : variable.end] for variable in variables}
    return _Leaf(
        target=route.target,
        captures=variables,
        length=len(segments),
        rest=segments.index(REST) if REST in segments else len(segments),
        many=frozenset(field for field, part in parts.items() if len(part) > 1 or REST in part),
    )


@dataclass(slots=True)
class _Node(Generic[Target]):
    routes: dict[str, _Leaf[Target]] = field(default_factory=dict[str, _Leaf[Target]])
    literals: "dict[str, _Node[Target]]" = field(default_factory=dict[str, "_Node[Target]"])
    one: "_Node[Target] | None" = None
    rest: "dict[int, _Node[Target]]" = field(default_factory=dict[int, "_Node[Target]"])
    """What follows a `**`, by its length; the longest first."""

    def place(self, segments: Sequence[str]) -> "_Node[Target]":
        if not segments:
            return self
        first, others = segments[0], segments[1:]
        if first == ONE:
            self.one = child = self.one or _Node()
        elif first == REST:
            child = self.rest.setdefault(len(others), _Node())
            self.rest = dict(sorted(self.rest.items(), reverse=True))
        else:
            child = self.literals.setdefault(_literal(first), _Node())
        return child.place(others)


def _match(
    node: _Node[Target], segments: list[str], at: int, verb: str, allow: set[str]
) -> _Leaf[Target] | None:
    if at == len(segments):
        if leaf := node.routes.get(verb) or node.routes.get(ANY):
            return leaf
        allow.update(node.routes)
    else:
        segment = segments[at]
        child = node.literals.get(segment)
        if child is not None and (leaf := _match(child, segments, at + 1, verb, allow)):
            return leaf
        child = node.one if segment else None
        if child is not None and (leaf := _match(child, segments, at + 1, verb, allow)):
            return leaf
    for tail, child in node.rest.items():
        end = len(segments) - tail
        if end < at or not all(segments[at:end]):
            continue
        if leaf := _match(child, segments, end, verb, allow):
            return leaf
    return None


def _allow(verbs: set[str]) -> tuple[str, ...]:
    implied = {"HEAD", "OPTIONS"} if "GET" in verbs else {"OPTIONS"}
    return tuple(sorted(verbs | implied))


def _ascii(path: bytes) -> str:
    try:
        return path.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedPath(
            f"the path has the byte 0x{path[error.start]:02x} at position {error.start}; "
            "characters that are not ASCII are percent-encoded (RFC 3986 section 2.1)"
        ) from None


def _literal(segment: str) -> str:
    """Decode a segment to compare it; one that has no UTF-8 text equals no literal."""
    if "%" not in segment:
        return segment
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return segment


def _decoded(text: str, many: bool) -> str:  # noqa: FBT001 - positional on the hot path
    if "%" not in text:
        return text
    escapes = text.split("%")[1:]
    wrong = next((e for e in escapes if len(e) < 2 or not _HEX.issuperset(e[:2])), None)
    if wrong is not None:
        raise MalformedPath(
            f'the path has the malformed escape "%{wrong[:2]}" in "{text}"; a "%" itself is "%25"'
        )
    if many:  # a slash in a name is not one that separates: it stays as it came
        text = text.replace("%2F", "%252F").replace("%2f", "%252f")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise MalformedPath(f'"{text}" in the path is not UTF-8 once it is decoded') from None


_HEX = frozenset("0123456789abcdefABCDEF")
