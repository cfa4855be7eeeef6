"""JSON against a descriptor: every place where it does not fit, by the rules of proto3 JSON."""

import json
import math
from collections.abc import Iterable
from typing import Any, TypeGuard

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    Registry,
    ScalarType,
)

from plait.errors import Violation
from plait.gateway.rest.fields import (
    UNDER_VALUE,
    WRAPPERS,
    Element,
    elements_of,
    expected,
    oneof_of,
)
from plait.gateway.rest.names import nearest
from plait.gateway.rest.scalars import fits, map_key
from plait.gateway.rest.secrets import holds_secret, is_secret
from plait.gateway.rest.shown import cut, entry, kind_of, member, shown

MAX_DEPTH = 100
"""How deep messages may nest in the request, as protobuf parsers count (entries of maps too)."""

MAX_PROBLEMS = 20
"""How many problems are collected before the rest is not looked at."""

_GOOGLE = "google.protobuf."
_AS_TEXT = frozenset(f"{_GOOGLE}{name}" for name in ("Timestamp", "Duration", "FieldMask"))


class Doubled(dict[str, Any]):
    """A JSON object in which keys stand more than once: `twice` says which."""

    def __init__(self, members: dict[str, Any], twice: tuple[str, ...]) -> None:
        super().__init__(members)
        self.twice = twice


class Check:
    """Goes through a JSON value with its descriptor and collects `problems`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._secret: str | None = None  # the path of the secret in which the value lies
        self.problems: list[Violation] = []

    def field(self, field: DescField, value: Any, at: str, depth: int) -> None:
        """Check the value of a field that lies `depth` messages deep.

        What lies in a secret is told neither by its value nor by its place.
        """
        around = self._secret
        if around is None and is_secret(field):
            self._secret = at
        self._any_field(field, value, at, depth)
        self._secret = around

    def _any_field(self, field: DescField, value: Any, at: str, depth: int) -> None:
        element = elements_of(field)
        if value is None and not takes_null(element):
            return  # null is "not set"
        if isinstance(field.value, DescFieldValueList):
            self._list(element, value, at, depth)
        elif isinstance(field.value, DescFieldValueMap):
            self._map(field.value.key, element, value, at, depth)
        else:
            self.single(element, value, at, depth)

    def single(self, element: Element, value: Any, at: str, depth: int) -> None:
        """Check one value that lies `depth` messages deep."""
        if isinstance(element, DescMessage):
            self._message(element, value, at, depth)
        elif isinstance(element, DescEnum):
            self._enum(element, value, at)
        elif not fits(element, value):
            self._wrong(at, expected(element), value)

    def too_deep(self, at: str) -> None:
        """Note that the value at `at` lies too deep."""
        self._add(at, f"expected at most {MAX_DEPTH} levels of nested messages", "json.depth")

    def _add(self, at: str, description: str, rule: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            place = at if self._secret is None else self._secret
            self.problems.append(Violation(field=place, description=description, rule=rule))

    def _wrong(
        self, at: str, what: str, value: Any, hint: str = "", *, element: Element | None = None
    ) -> None:
        """Note a value that is something else than `what`, be it one of `element` or of none."""
        if self._secret is not None or (element is not None and holds_secret(element)):
            self._add(at, f"expected {what}, found {kind_of(value)}", "json.type")
        else:
            self._add(at, f"expected {what}, found {shown(value)}{hint}", "json.type")

    def _list(self, element: Element, value: Any, at: str, depth: int) -> None:
        if value is None:
            return
        if not is_array(value):
            self._wrong(at, "an array", value, element=element)
            return
        for index, item in enumerate(value):
            self._item(element, item, f"{at}[{index}]", depth)

    def _map(self, key: ScalarType, element: Element, value: Any, at: str, depth: int) -> None:
        if value is None:
            return
        if not is_object(value):
            self._wrong(at, "an object", value, element=element)
            return
        self._doubled(value, at)
        seen: dict[Any, str] = {}
        for name, item in value.items():
            inside = entry(at, name)
            canonical = map_key(key, name)
            if canonical is None:
                self._add(inside, f"expected {expected(key)} as the key", "json.type")
            elif canonical in seen:
                self._again(inside, seen[canonical])
            else:
                seen[canonical] = name
            self._item(element, item, inside, depth + 1)

    def _item(self, element: Element, value: Any, at: str, depth: int) -> None:
        if value is None and not takes_null(element):
            self._wrong(at, expected(element), value)
        elif len(self.problems) < MAX_PROBLEMS:
            self.single(element, value, at, depth)

    def _message(self, message: DescMessage, value: Any, at: str, depth: int) -> None:
        name = message.type_name
        if depth > MAX_DEPTH:
            self.too_deep(at)
        elif name in WRAPPERS:
            self.single(elements_of(message.fields[0]), value, at, depth + 1)
        elif name in _AS_TEXT:
            self._as_text(message, value, at)
        elif name == f"{_GOOGLE}Value":
            self._value(value, at, depth)
        elif name == f"{_GOOGLE}ListValue":
            self._list_value(value, at, depth)
        elif not is_object(value):
            self._wrong(at, "an object", value, element=message)
        elif name == f"{_GOOGLE}Struct":
            self._struct(value, at, depth)
        elif name == f"{_GOOGLE}Any":
            self._any(value, at, depth)
        else:
            self._members(message, value, at, depth)

    def _members(self, message: DescMessage, value: dict[str, Any], at: str, depth: int) -> None:
        self._doubled(value, at)
        known = {field.name: field for field in message.fields}
        known |= {field.json_name: field for field in message.fields}
        seen: dict[int, str] = {}
        chosen: dict[str, str] = {}
        for name, item in value.items():
            if len(self.problems) >= MAX_PROBLEMS:
                return
            inside = member(at, name)
            field = known.get(name)
            if field is None:
                self._unknown(inside, name, (field.json_name for field in message.fields))
                continue
            if field.number in seen:
                self._again(inside, seen[field.number])
            seen[field.number] = name
            oneof = oneof_of(field)
            if oneof is not None and (item is not None or takes_null(elements_of(field))):
                other = chosen.setdefault(oneof.name, name)
                if known[other] is not field:
                    self._add(
                        inside, f'expected one of "{other}" and this, found both', "json.oneof"
                    )
            self.field(field, item, inside, depth + 1)

    def _enum(self, enum: DescEnum, value: Any, at: str) -> None:
        if value is None and takes_null(enum):
            return
        names = [known.name for known in enum.values]
        if isinstance(value, str):
            if value not in names:
                self._wrong(at, expected(enum), value, nearest(value, names))
        elif (
            isinstance(value, float)
            or not fits(ScalarType.INT32, value)
            or (not enum.open and all(known.number != value for known in enum.values))
        ):
            self._wrong(at, expected(enum), value)

    def _as_text(self, message: DescMessage, value: Any, at: str) -> None:
        try:
            message.type.from_json(json.dumps(value))
        except (ValueError, TypeError, ArithmeticError):
            self._wrong(at, expected(message), value)

    def _value(self, value: Any, at: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.too_deep(at)
        elif is_object(value):
            self._struct(value, at, depth + 1)
        elif is_array(value):
            self._list_value(value, at, depth + 1)
        elif isinstance(value, float) and not math.isfinite(value):
            self._add(at, "expected a number that a double can hold", "json.type")

    def _struct(self, value: dict[str, Any], at: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.too_deep(at)
            return
        self._doubled(value, at)
        for name, item in value.items():
            self._value(item, entry(at, name), depth + 2)

    def _list_value(self, value: Any, at: str, depth: int) -> None:
        if not is_array(value):
            self._wrong(at, "an array", value)
        elif depth > MAX_DEPTH:
            self.too_deep(at)
        else:
            for index, item in enumerate(value):
                self._value(item, f"{at}[{index}]", depth + 1)

    def _any(self, value: dict[str, Any], at: str, depth: int) -> None:
        if not value:
            return
        url = value.get("@type")
        known = self._registry.message(url.rpartition("/")[2]) if isinstance(url, str) else None
        if known is None:
            what = "the URL of a type of the contracts, such as type.googleapis.com/shop.v1.Order"
            self._wrong(member(at, "@type"), what, url)
        elif known.type_name in UNDER_VALUE:
            self._any_value(known, value, at, depth + 1)
        else:
            members = {name: item for name, item in value.items() if name != "@type"}
            twice = value.twice if isinstance(value, Doubled) else ()
            self._members(known, Doubled(members, twice), at, depth + 1)

    def _any_value(self, known: DescMessage, value: dict[str, Any], at: str, depth: int) -> None:
        self._doubled(value, at)
        for name in value.keys() - {"@type", "value"}:
            self._unknown(member(at, name), name, ("value",))
        if "value" in value:
            self.single(known, value["value"], member(at, "value"), depth)
        else:
            self._add(member(at, "value"), f"expected {expected(known)}", "json.type")

    def _unknown(self, at: str, name: str, known: Iterable[str]) -> None:
        hint = nearest(name, known)
        which = f' "{cut(name)}"{hint}' if self._secret is None else " of this name"
        self._add(at, f"there is no field{which}", "json.unknown_field")

    def _doubled(self, value: dict[str, Any], at: str) -> None:
        for name in value.twice if isinstance(value, Doubled) else ():
            self._again(member(at, name), name)

    def _again(self, at: str, name: str) -> None:
        which = f'the key "{cut(name)}"' if self._secret is None else "a key"
        self._add(at, f"{which} for the second time", "json.duplicate_key")


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Say whether a JSON value is an array."""
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Say whether a JSON value is an object."""
    return isinstance(value, dict)


def takes_null(element: Element) -> bool:
    """Say whether null is a value of a type, and not the absence of one."""
    if isinstance(element, ScalarType):
        return False
    return element.type_name in {f"{_GOOGLE}Value", f"{_GOOGLE}NullValue"}
