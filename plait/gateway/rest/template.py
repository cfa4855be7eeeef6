"""Path templates of google.api.http: text to segments and variables, and back."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

ONE = "*"
"""The segment of a template that stands for exactly one segment of a path."""

REST = "**"
"""The segment of a template that stands for zero or more segments of a path."""

_LITERAL = re.compile(r"(?:%[0-9A-Fa-f]{2}|[^\x00-\x20\x7f%/:*{}=?#\\\"<>^`|])+")
_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TemplateError(ValueError):
    """A template that breaks the grammar of google/api/http.proto.

    Attributes:
        position: the offset of the first character that does not fit, from 0.
    """

    def __init__(self, template: str, position: int, problem: str) -> None:
        super().__init__(f'{problem} at position {position} of the template "{template}"')
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A field that a part of the path fills: segments `start` to `end` (exclusive)."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template.

    Attributes:
        segments: literals as they are written, `ONE` and at most one `REST`.
        variables: from left to right; they neither nest nor overlap.
        verb: what follows the last `:`, or empty.
    """

    segments: tuple[str, ...]
    variables: tuple[Variable, ...] = ()
    verb: str = ""

    def __str__(self) -> str:
        """Write the template, in the shortest form that parses to the same value."""
        by_start = {variable.start: variable for variable in self.variables}
        parts: list[str] = []
        index = 0
        while index < len(self.segments):
            if variable := by_start.get(index):
                parts.append(self._variable(variable))
                index = variable.end
            else:
                parts.append(self.segments[index])
                index += 1
        return "/" + "/".join(parts) + (f":{self.verb}" if self.verb else "")

    @property
    def shape(self) -> tuple[str, ...]:
        """The segments with literals decoded: those of one shape and verb fit the same paths."""
        return tuple(_plain(segment) for segment in self.segments)

    def _variable(self, variable: Variable) -> str:
        segments = self.segments[variable.start : variable.end]
        if segments == (ONE,):
            return f"{{{variable.field}}}"
        return f"{{{variable.field}={'/'.join(segments)}}}"


def parse(text: str) -> Template:
    """Read a template of google.api.http (google/api/http.proto, "Path template syntax").

    Beyond its grammar a `**` may be followed by a tail of fixed length.

    Raises:
        TemplateError: `text` is none; its message says where and what was expected.
    """
    reader = _Reader(text=text)
    reader.take("/", 'expected "/"')
    reader.segments_of()
    verb = reader.literal("a verb") if reader.skip(":") else ""
    if not reader.at_end:
        raise reader.wrong('expected "/", ":" or the end')
    return Template(segments=tuple(reader.segments), variables=tuple(reader.variables), verb=verb)


def _plain(segment: str) -> str:
    decoded = unquote(segment)
    return segment if decoded in {ONE, REST} else decoded


@dataclass(slots=True, kw_only=True)
class _Reader:
    text: str
    position: int = 0
    segments: list[str] = field(default_factory=list[str])
    variables: list[Variable] = field(default_factory=list[Variable])

    @property
    def at_end(self) -> bool:
        return self.position == len(self.text)

    def wrong(self, expected: str, position: int | None = None) -> TemplateError:
        at = self.position if position is None else position
        found = f'found "{self.text[at]}"' if at < len(self.text) else "found the end"
        return TemplateError(self.text, at, f"{expected}, {found}")

    def refused(self, position: int, problem: str) -> TemplateError:
        return TemplateError(self.text, position, problem)

    def skip(self, symbol: str) -> bool:
        if not self.text.startswith(symbol, self.position):
            return False
        self.position += len(symbol)
        return True

    def take(self, symbol: str, expected: str) -> None:
        if not self.skip(symbol):
            raise self.wrong(expected)

    def literal(self, what: str) -> str:
        found = _LITERAL.match(self.text, self.position)
        if found is None:
            raise self.wrong(f"expected {what}")
        self.position = found.end()
        return found.group()

    def segments_of(self, *, inside_variable: bool = False) -> None:
        self.segment(inside_variable=inside_variable)
        while self.skip("/"):
            self.segment(inside_variable=inside_variable)

    def segment(self, *, inside_variable: bool) -> None:
        start = self.position
        if self.skip(REST):
            if REST in self.segments:
                raise self.refused(start, 'a second "**"')
            self.segments.append(REST)
        elif self.skip(ONE):
            self.segments.append(ONE)
        elif self.skip("{"):
            if inside_variable:
                raise self.refused(start, "a variable inside of a variable")
            self.variable()
        else:
            self.segments.append(self.literal('a literal, "*", "**" or "{"'))

    def variable(self) -> None:
        at, start = self.position, len(self.segments)
        name = self.field_path()
        if self.skip("="):
            self.segments_of(inside_variable=True)
        else:
            self.segments.append(ONE)
        self.take("}", 'expected "}"')
        if any(variable.field == name for variable in self.variables):
            raise self.refused(at, f'the variable "{name}" for the second time')
        self.variables.append(Variable(field=name, start=start, end=len(self.segments)))

    def field_path(self) -> str:
        start = self.position
        self.identifier()
        while self.skip("."):
            self.identifier()
        return self.text[start : self.position]

    def identifier(self) -> None:
        found = _IDENT.match(self.text, self.position)
        if found is None:
            raise self.wrong("expected the name of a field")
        self.position = found.end()
