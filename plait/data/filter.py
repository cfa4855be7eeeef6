"""The language of filters (AIP-160): from text to a tree, or an error that says where.

expression = sequence { "AND" sequence }        sequence   = term { "OR" term }   (OR binds tighter)
term       = [ "NOT" | "-" ] simple             simple     = "(" expression ")" | comparison
comparison = field operator value               value      = "quoted" | word

A service says which fields there are and of which kind. `plait.data.conditions` makes SQL of a
tree; `matches` says what it means.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeVar

from plait.data.kinds import Fields, Kind, Operator, Value
from plait.errors import InvalidArgument, Violation

_MOST_COMPARISONS = 20
_MOST_DEPTH = 20

_Thing = TypeVar("_Thing")


class InvalidFilter(InvalidArgument):
    """The filter cannot be understood."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a value."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Not:
    """What its term does not let through."""

    term: "Filter"


@dataclass(frozen=True, slots=True)
class All:
    """What all terms let through."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one term lets through."""

    terms: tuple["Filter", ...]


Filter = Comparison | Not | All | AnyOf


def parse_filter(text: str, fields: Fields) -> Filter | None:
    """Return what the text says, None if it says nothing.

    Raises:
        InvalidFilter: with the character at which it is not understood; the first one is 1.
    """
    parser = _Parser(text, fields)
    return parser.whole() if parser.token.kind != "end" else None


def matches(
    wanted: Filter | None, thing: _Thing, values: Mapping[str, Callable[[_Thing], object]]
) -> bool:
    """Whether a filter lets a thing through: what its terms mean, for stores to be held to.

    Args:
        wanted: what is asked for; None lets everything through.
        thing: what is looked at.
        values: how to read each field of it: an amount in nanos, a set as a collection.
    """
    match wanted:
        case None:
            return True
        case Not(term):
            return not matches(term, thing, values)
        case All(terms):
            return all(matches(term, thing, values) for term in terms)
        case AnyOf(terms):
            return any(matches(term, thing, values) for term in terms)
        case Comparison(field, operator, value):
            return _MEANING[operator](values[field](thing), value)


def _holds(held: Any, value: Any) -> bool:
    """Whether a text holds another, upper and lower case alike, or a set holds a member."""
    return value.lower() in held.lower() if isinstance(held, str) else value in held


_MEANING: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.HAS: _holds,
}

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<operator><=|>=|!=|[=<>:])
      | (?P<open>\() | (?P<close>\)) | (?P<minus>-)
      | (?P<word>[^\s"()=<>!:]+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KEYWORDS = frozenset({"AND", "OR", "NOT"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"`{self.text[:50]}`"


class _Parser:
    """Reads one token ahead; each method reads one rule of the grammar."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._tokens = _tokens(text)
        self._fields = fields
        self._comparisons = 0
        self._depth = 0
        self.token = next(self._tokens)

    def whole(self) -> Filter:
        found = self._expression()
        if self.token.kind != "end":
            raise _wrong(self.token, "expected AND, OR or the end")
        return found

    def _expression(self) -> Filter:
        terms = [self._sequence()]
        while self._keyword("AND"):
            terms.append(self._sequence())
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _sequence(self) -> Filter:
        terms = [self._term()]
        while self._keyword("OR"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def _term(self) -> Filter:
        if self.token.kind == "minus":
            self._next()
            return Not(self._simple())
        return Not(self._simple()) if self._keyword("NOT") else self._simple()

    def _simple(self) -> Filter:
        opening = self.token
        if opening.kind != "open":
            return self._comparison()
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise _wrong(opening, f"expected at most {_MOST_DEPTH} parentheses inside each other")
        self._next()
        inner = self._expression()
        if self.token.kind != "close":
            raise _wrong(self.token, f"expected `)` for the `(` at character {opening.at}")
        self._depth -= 1
        self._next()
        return inner

    def _comparison(self) -> Comparison:
        field = self._next()
        if field.kind != "word" or field.text in _KEYWORDS:
            raise _wrong(field, "expected a field")
        kind = self._fields.get(field.text)
        if kind is None:
            raise _wrong(field, f"expected one of the fields {', '.join(self._fields)}")
        self._comparisons += 1
        if self._comparisons > _MOST_COMPARISONS:
            raise _wrong(field, f"expected at most {_MOST_COMPARISONS} comparisons")
        return Comparison(field.text, self._operator(field.text, kind), self._value(kind))

    def _operator(self, field: str, kind: Kind) -> Operator:
        token = self._next()
        if token.kind != "operator" or Operator(token.text) not in kind.operators:
            names = " ".join(each.value for each in Operator if each in kind.operators)
            raise _wrong(token, f"expected after `{field}` one of the operators {names}")
        return Operator(token.text)

    def _value(self, kind: Kind) -> Value:
        token = self._next()
        text = token.text
        if token.kind == "minus" and self.token.kind == "word" and self.token.at == token.at + 1:
            text += self._next().text
        elif token.kind == "string":
            text = _unquoted(token)
        elif token.kind != "word" or text in _KEYWORDS:
            raise _wrong(token, f"expected {kind.expected}")
        value = kind.read(text)
        if value is None:
            raise _wrong(token, f"expected {kind.expected}")
        return value

    def _keyword(self, word: str) -> bool:
        if self.token.kind != "word" or self.token.text != word:
            return False
        self._next()
        return True

    def _next(self) -> _Token:
        token = self.token
        if token.kind != "end":
            self.token = next(self._tokens)
        return token


def _tokens(text: str) -> Iterator[_Token]:
    if "\0" in text:  # which no database of texts can look for
        raise _wrong(_Token("text", "\\0", text.index("\0") + 1), "expected readable characters")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            expected = "a closing quote for the quote" if text[at] == '"' else "an operator"
            raise _wrong(_Token("text", text[at:], at + 1), f"expected {expected}")
        if found.lastgroup and found.lastgroup != "space":
            yield _Token(found.lastgroup, found.group(), at + 1)
        at = found.end()
    yield _Token("end", "", len(text) + 1)


def _unquoted(token: _Token) -> str:
    text = token.text[1:-1]
    for escaped in _ESCAPE.finditer(text):
        if escaped[1] not in '"\\':
            here = _Token("escape", escaped[0], token.at + 1 + escaped.start())
            raise _wrong(here, 'expected after a backslash in quotes `"` or another backslash')
    return _ESCAPE.sub(r"\1", text)


def _wrong(token: _Token, expected: str) -> InvalidFilter:
    message = f"{expected} at character {token.at}, found {token}"
    return InvalidFilter(
        f"filter: {message}",
        violations=[Violation(field="filter", description=message, rule="filter")],
    )
