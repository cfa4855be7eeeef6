"""Templates as OpenAPI writes paths: each `*` a named parameter, resources by their own names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protobuf import DescMessage, Registry

from plait.gateway.contracts import Contracts, Method
from plait.gateway.rest.constraints import Schema
from plait.gateway.rest.schemas import Schemas
from plait.gateway.rest.template import ONE, REST, Template, Variable
from plait.gateway.rules import field_of

_NAMED = re.compile(r"\{(\w+)(?:=[^}]*)?\}")
_OR_EMPTY = "^$|"
_META = re.compile(r"[|]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path of OpenAPI: `text`, and the parameter of each `{...}` in it, in order."""

    text: str
    names: tuple[str, ...]


class Paths:
    """Turns templates into paths; templates of the same shape become the same path."""

    def __init__(self, contracts: Contracts, schemas: Schemas) -> None:
        self._contracts = contracts
        self._schemas = schemas
        self._patterns = [*_patterns(contracts)]
        self._known: dict[str, Path] = {}

    def path(self, template: Template) -> Path:
        """Return the path of a template."""
        shape = "/".join(template.segments) + f":{template.verb}"
        if shape not in self._known:
            self._known[shape] = self._named(template)
        return self._known[shape]

    def parameters(self, method: Method, template: Template) -> Iterator[Schema]:
        """Yield the parameters of a path, as a method describes them."""
        names = iter(self.path(template).names)
        for index, segment in enumerate(template.segments):
            if segment not in {ONE, REST}:
                continue
            variable = _variable_at(template, index)
            schema, about = self._segment(method, template, variable, index)
            parameter: Schema = {
                "name": next(names),
                "in": "path",
                "required": True,
                "schema": schema,
            }
            yield {**parameter, "description": about} if about else parameter

    def _named(self, template: Template) -> Path:
        names: list[str] = []
        for index, segment in enumerate(template.segments):
            if segment in {ONE, REST}:
                names.append(_unused(self._name(template, index), names))
        left = iter(names)
        parts = [f"{{{next(left)}}}" if s in {ONE, REST} else s for s in template.segments]
        verb = f":{template.verb}" if template.verb else ""
        return Path(text="/" + "/".join(parts) + verb, names=tuple(names))

    def _name(self, template: Template, index: int) -> str:
        variable = _variable_at(template, index)
        if variable is None:
            return "segment"
        segments = template.segments[variable.start : variable.end]
        if len(segments) > 1:
            for pattern in self._patterns:
                if name := _name_in(pattern, segments, index - variable.start):
                    return name
        return variable.field.rpartition(".")[2]

    def _segment(
        self, method: Method, template: Template, variable: Variable | None, index: int
    ) -> tuple[Schema, str]:
        """Return the schema and the description of one segment."""
        if variable is None:
            return {"type": "string", "minLength": 1}, ""
        field = field_of(method.request, variable.field)
        schema = self._schemas.field(field)
        about = str(schema.pop("description", ""))
        segments = template.segments[variable.start : variable.end]
        if segments == (ONE,):
            return _never_empty(schema), about
        part: Schema = {"type": "string"}
        if template.segments[index] == REST:
            about = f"{about}\n\nMay hold slashes; write them as they are.".strip()
            return part, about
        if pattern := _part(str(schema.get("pattern", "")).removeprefix(_OR_EMPTY), segments):
            part["pattern"] = pattern
        return part | {"minLength": 1}, about


def _patterns(contracts: Contracts) -> Iterator[Sequence[str]]:
    """Yield the patterns of all resources, as segments."""
    for message in _messages(contracts.registry):
        resource = contracts.message(message).resource
        for pattern in resource.patterns if resource else ():
            yield pattern.split("/")


def _messages(registry: Registry) -> Iterator[DescMessage]:
    for element in registry:
        if isinstance(element, DescMessage):
            yield element


def _name_in(pattern: Sequence[str], segments: Sequence[str], index: int) -> str:
    """Return what a pattern of a resource calls a segment; empty if it does not fit so far."""
    if len(pattern) <= index:
        return ""
    for written, segment in zip(pattern[: index + 1], segments, strict=False):
        if (segment == ONE) != bool(_NAMED.fullmatch(written)):
            return ""
        if segment not in {ONE, written}:
            return ""
    found = _NAMED.fullmatch(pattern[index])
    return found[1] if found else ""


def _variable_at(template: Template, index: int) -> Variable | None:
    inside = (each for each in template.variables if each.start <= index < each.end)
    return next(inside, None)


def _part(pattern: str, segments: Sequence[str]) -> str:
    """Return what a pattern for a whole name (`^products/[a-z]+$`) says of its only `*`."""
    if segments.count(ONE) != 1 or _META.search(pattern):
        return ""
    at = segments.index(ONE)
    before = "^" + "".join(f"{segment}/" for segment in segments[:at])
    after = "".join(f"/{segment}" for segment in segments[at + 1 :]) + "$"
    if not (pattern.startswith(before) and pattern.endswith(after)):
        return ""
    return f"^{pattern[len(before) : len(pattern) - len(after)]}$"


def _never_empty(schema: Schema) -> Schema:
    """Return the schema of a value that is a whole segment: a path has no empty ones."""
    pattern = str(schema.get("pattern", "")).removeprefix(_OR_EMPTY)
    if schema.get("type") != "string":
        return schema
    return schema | {"minLength": 1} | ({"pattern": pattern} if pattern else {})


def _unused(name: str, names: Sequence[str]) -> str:
    if name not in names:
        return name
    return next(f"{name}{number}" for number in range(2, 100) if f"{name}{number}" not in names)
