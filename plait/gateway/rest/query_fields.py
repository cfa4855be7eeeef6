"""Query parameters to the fields of a message: `price.units=1`, `labels[a]=b`, `lines[0].sku=x`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from protobuf import (
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    Message,
    ScalarType,
)

from plait.errors import Violation
from plait.gateway.rest.explain import refusal
from plait.gateway.rest.fields import (
    Element,
    Reader,
    TextError,
    elements_of,
    expected,
    has_text,
    is_single,
    oneof_of,
    reader,
)
from plait.gateway.rest.names import nearest
from plait.gateway.rest.output import SYSTEM
from plait.gateway.rest.secrets import reader_of

MAX_DEPTH = 32
"""How many names a parameter may have, joined by dots."""

_Filled = set[tuple[int, int]]
"""Single fields that a parameter has set: the id of their message, and their number."""

_NAME = re.compile(r"(?P<name>[^.\[\]]+)(?:\[(?P<index>[^\]]*)\])?(?:\.|$)")
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


class _Refused(Exception):
    """Why one parameter is refused, and the id of the rule."""

    def __init__(self, problem: str, rule: str = "query.value") -> None:
        super().__init__(problem)
        self.rule = rule


class QueryFields:
    """The query parameters that a message takes; compiled once per route.

    Args:
        message: the request.
        bound: fields that come from elsewhere, by path of proto names; the value says from where,
            for example `the path`. A parameter for one of them, or for a part of it, is refused.
    """

    def __init__(self, message: DescMessage, bound: Mapping[str, str]) -> None:
        self._message = message
        self._bound = bound
        self._plain: dict[str, tuple[DescField, Reader]] = {}
        for field in message.fields:
            if _is_plain(field) and field.name not in bound:
                entry = (field, reader_of(field))
                self._plain |= {field.name: entry, field.json_name: entry}

    def fill(self, message: Message[Any], pairs: Iterable[tuple[str, str]]) -> None:
        """Set the fields that parameters name; system parameters are left alone.

        Raises:
            InvalidRequest: with a violation for each parameter that is unknown, refused or wrong.
        """
        problems: list[Violation] = []
        filled: _Filled = set()
        for name, text in pairs:
            if name in SYSTEM:
                continue
            try:
                self._one(message, name, text, filled)
            except (_Refused, TextError) as error:
                rule = error.rule if isinstance(error, _Refused) else "query.value"
                problems.append(Violation(field=name, description=str(error), rule=rule))
        if problems:
            raise refusal(problems, "the query")

    def _one(self, message: Message[Any], name: str, text: str, filled: _Filled) -> None:
        if plain := self._plain.get(name):
            field, read = plain
            place = (id(message), field.number)
            if place not in filled:
                setattr(message, field.local_name, read(text))
                filled.add(place)
                return
        self._fill(message, name, text, filled)

    def _fill(self, message: Message[Any], name: str, text: str, filled: _Filled) -> None:
        if name.startswith("$"):
            hint = nearest(name, SYSTEM)
            raise _Refused(f"there is no such system parameter{hint}", "query.unknown")
        *parents, (leaf, index) = _steps(name)
        descriptor, path, fields = self._message, "", list[DescField]()
        for parent, parent_index in parents:
            field, path = self._field(descriptor, parent, path)
            fields.append(field)
            message = _inside(message, field, parent_index)
            descriptor = type(message).desc()
        field, path = self._field(descriptor, leaf, path)
        place = (id(message), field.number)
        _set(message, (*fields, field), index, text, first=place not in filled)
        filled.add(place)

    def _field(self, message: DescMessage, name: str, path: str) -> tuple[DescField, str]:
        for field in message.fields:
            if name in {field.json_name, field.name}:
                path = f"{path}.{field.name}" if path else field.name
                if source := self._bound.get(path):
                    raise _Refused(f"this field comes from {source}", "query.bound")
                return field, path
        hint = nearest(name, (field.json_name for field in message.fields))
        raise _Refused(f'there is no field "{name[:64]}"{hint}', "query.unknown")


def _is_plain(field: DescField) -> bool:
    """Say whether a field is set by one parameter, and setting it touches no other."""
    return is_single(field) and has_text(elements_of(field)) and oneof_of(field) is None


def _steps(name: str) -> list[tuple[str, str | None]]:
    steps: list[tuple[str, str | None]] = []
    position = 0
    while position < len(name):
        found = _NAME.match(name, position)
        if found is None or len(steps) == MAX_DEPTH:
            raise _Refused(
                "expected names of fields joined by dots, such as price.units, labels[key] or "
                "lines[0].sku",
                "query.unknown",
            )
        steps.append((found["name"], found["index"]))
        position = found.end()
    if not steps or name.endswith("."):
        raise _Refused("expected the name of a field", "query.unknown")
    return steps


def _inside(message: Message[Any], field: DescField, index: str | None) -> Message[Any]:
    """Return the message inside of which the parameter goes on, made if it is not there."""
    element = elements_of(field)
    if not isinstance(element, DescMessage) or has_text(element):
        raise _Refused(f'"{field.json_name}" is no object: expected {_shape(field, element)}')
    if isinstance(field.value, DescFieldValueMap):
        entries: dict[Any, Message[Any]] = message[field]
        return entries.setdefault(_map_key(field.value.key, index), element.type())
    if isinstance(field.value, DescFieldValueList):
        return _item(message[field], element, field, index)
    if index is not None:
        raise _Refused(f'"{field.json_name}" is no array: expected {_shape(field, element)}')
    if message[field] is None:
        _check_oneof(message, field)
        message[field] = element.type()
    found: Message[Any] = message[field]
    return found


def _item(
    items: list[Message[Any]], element: DescMessage, field: DescField, index: str | None
) -> Message[Any]:
    if index is None or not _INDEX.fullmatch(index) or int(index) > len(items):
        raise _Refused(
            f'"{field.json_name}" is an array of objects: expected '
            f"{field.json_name}[{len(items)}].<field>=... next; indices start at 0 without gaps"
        )
    if int(index) == len(items):
        items.append(element.type())
    return items[int(index)]


def _set(
    message: Message[Any],
    path: Sequence[DescField],
    index: str | None,
    text: str,
    *,
    first: bool,
) -> None:
    field = path[-1]
    element = elements_of(field)
    is_map = isinstance(field.value, DescFieldValueMap)
    if not has_text(element) or (index is not None) is not is_map:
        raise _Refused(f"expected {_shape(field, element)}")
    value = reader_of(*path)(text)
    if isinstance(field.value, DescFieldValueMap):
        key, entries = _map_key(field.value.key, index), message[field]
        if key in entries:
            raise _Refused("expected this parameter once, found it again", "query.repeated")
        entries[key] = value
    elif isinstance(field.value, DescFieldValueList):
        message[field].append(value)
    elif first:
        _check_oneof(message, field)
        message[field] = value
    else:
        raise _Refused("expected this parameter once, found it again", "query.repeated")


def _map_key(kind: ScalarType, index: str | None) -> Any:
    if index is None:
        raise _Refused("expected the key of the map in brackets")
    return reader(kind)(index)


def _check_oneof(message: Message[Any], field: DescField) -> None:
    oneof = oneof_of(field)
    for other in oneof.fields if oneof is not None else ():
        if other is not field and other in message:
            name = other.json_name
            raise _Refused(f'expected one of "{name}" and this, found both', "query.oneof")


def _shape(field: DescField, element: Element) -> str:
    """Say how a field is written in a query."""
    name = field.json_name
    text = has_text(element)
    if isinstance(field.value, DescFieldValueMap):
        return f"{name}[<key>]=..." if text else f"{name}[<key>].<field>=..."
    if isinstance(field.value, DescFieldValueList):
        return f"{name}=... once for each element" if text else f"{name}[0].<field>=..."
    return f"{name}=<{expected(element)}>" if text else f"{name}.<field>=..."
