"""Messages and enums as JSON Schema: what their proto3 JSON looks like, each once, by name."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    DescOneof,
    ScalarType,
)

from plait.gateway.contracts import Contracts
from plait.gateway.notes import FieldNotes
from plait.gateway.rest.constraints import Schema, constraints, described, is_required, merged
from plait.gateway.rest.fields import Element, elements_of, oneof_of

_GOOGLE = "google.protobuf."
_EXAMPLE = re.compile(r"for example\s+`([^`]+)`")
_LONG = "^-?[0-9]{1,19}$"
_NO_NUMBER: Schema = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}


def _integer(low: int, high: int) -> Schema:
    return {"type": "integer", "format": "int32", "minimum": low, "maximum": high}


def _double(form: str) -> Schema:
    return {"anyOf": [{"type": "number", "format": form}, dict(_NO_NUMBER)]}


_INT32 = _integer(-(2**31), 2**31 - 1)
_UINT32 = _integer(0, 2**32 - 1) | {"format": "uint32"}
_INT64: Schema = {"type": "string", "format": "int64", "pattern": _LONG}
_UINT64: Schema = {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"}
_BYTES: Schema = {"type": "string", "contentEncoding": "base64"}
_TEXT: Schema = {"type": "string"}

_SCALARS: Mapping[ScalarType, Schema] = {
    ScalarType.BOOL: {"type": "boolean"},
    ScalarType.STRING: _TEXT,
    ScalarType.BYTES: _BYTES,
    ScalarType.DOUBLE: _double("double"),
    ScalarType.FLOAT: _double("float"),
    ScalarType.INT32: _INT32,
    ScalarType.SINT32: _INT32,
    ScalarType.SFIXED32: _INT32,
    ScalarType.UINT32: _UINT32,
    ScalarType.FIXED32: _UINT32,
    ScalarType.INT64: _INT64,
    ScalarType.SINT64: _INT64,
    ScalarType.SFIXED64: _INT64,
    ScalarType.UINT64: _UINT64,
    ScalarType.FIXED64: _UINT64,
}

_KNOWN: Mapping[str, Schema] = {
    "Timestamp": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "FieldMask": {"type": "string"},
    "Struct": {"type": "object"},
    "Value": {},
    "ListValue": {"type": "array"},
    "Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "Empty": {"type": "object"},
    "BoolValue": _SCALARS[ScalarType.BOOL],
    "BytesValue": _BYTES,
    "DoubleValue": _SCALARS[ScalarType.DOUBLE],
    "FloatValue": _SCALARS[ScalarType.FLOAT],
    "Int32Value": _INT32,
    "Int64Value": _INT64,
    "StringValue": _TEXT,
    "UInt32Value": _UINT32,
    "UInt64Value": _UINT64,
}


class Schemas:
    """The schemas of all messages and enums that have been asked for, and of what they hold."""

    def __init__(self, contracts: Contracts, prefix: str = "#/components/schemas/") -> None:
        self._contracts = contracts
        self._prefix = prefix
        self._names: dict[str, str] = {}
        self.components: dict[str, Schema] = {}

    def field(self, field: DescField) -> Schema:
        """Return the schema of a field's value, with what its contract says of it."""
        notes = self._contracts.field(field)
        schema = self._with_constraints(self._value(field), notes)
        about = _about(self._contracts.comment(field), described(notes.constraints))
        if about:
            schema = {**schema, "description": about}
        return schema | _marks(notes) | _examples(about, schema)

    def element(self, element: Element) -> Schema:
        """Return the schema of one value."""
        if isinstance(element, ScalarType):
            return dict(_SCALARS[element])
        if element.type_name == f"{_GOOGLE}NullValue":
            return {"type": "null"}
        if isinstance(element, DescMessage) and element.type_name.startswith(_GOOGLE):
            known = _KNOWN.get(element.type_name.removeprefix(_GOOGLE))
            if known is not None:
                return dict(known)
        return {"$ref": self._prefix + self._named(element)}

    def object(self, message: DescMessage, wanted: Callable[[DescField], bool]) -> Schema:
        """Return a schema with some of the fields of a message."""
        fields = [field for field in message.fields if wanted(field)]
        schema: Schema = {
            "type": "object",
            "properties": {field.json_name: self.field(field) for field in fields},
            "additionalProperties": False,
        }
        if needed := [f.json_name for f in fields if is_required(self._rules(f))]:
            schema["required"] = needed
        notes = self._contracts.message(message)
        about = _about(self._contracts.comment(message), described(notes.constraints))
        if about:
            schema["description"] = about
        if notes.deprecated:
            schema["deprecated"] = True
        if choices := dict(_choices(message.oneofs, fields)):
            schema["dependentSchemas"] = choices
        return schema

    def _rules(self, field: DescField) -> Mapping[str, Any]:
        return self._contracts.field(field).constraints

    def _with_constraints(self, schema: Schema, notes: FieldNotes) -> Schema:
        found = constraints(notes.constraints)
        if "finite" in notes.constraints.get("double", {}) and "anyOf" in schema:
            schema = schema["anyOf"][0]
        if "anyOf" in schema and found:  # a number, or one of the three that JSON has no number for
            number, *others = schema["anyOf"]
            return {"anyOf": [{**number, **found}, *others]}
        if notes.format == "UUID4" and "format" not in found and "anyOf" not in found:
            found = {**found, "anyOf": [{"maxLength": 0}, {"format": "uuid"}]}
        return merged(schema, found)

    def _value(self, field: DescField) -> Schema:
        schema = self.element(elements_of(field))
        match field.value:
            case DescFieldValueList():
                return {"type": "array", "items": schema}
            case DescFieldValueMap(key=key):
                return {"type": "object", "additionalProperties": schema, **_keys(key)}
            case _:
                return schema

    def _named(self, element: DescMessage | DescEnum) -> str:
        """Return the name of a component, and make it if it is not there yet."""
        full = element.type_name
        if full in self._names:
            return self._names[full]
        short = _without_package(element)
        name = short if short not in self.components else full
        self._names[full] = name
        self.components[name] = {}  # a message may hold itself
        self.components[name] = (
            self._enum(element)
            if isinstance(element, DescEnum)
            else self.object(element, lambda _: True)
        )
        return name

    def _enum(self, enum: DescEnum) -> Schema:
        schema: Schema = {"type": "string", "enum": [value.name for value in enum.values]}
        known = ((value.name, self._contracts.comment(value)) for value in enum.values)
        values = "\n".join(f"- `{name}`: {comment}" for name, comment in known if comment)
        about = _about(self._contracts.comment(enum), [values])
        return schema | ({"description": about} if about else {})


def _choices(oneofs: Iterable[DescOneof], fields: list[DescField]) -> Iterable[tuple[str, Schema]]:
    """Yield, for each field of a oneof, that the others are not there if it is."""
    for oneof in oneofs:
        names = [field.json_name for field in fields if oneof_of(field) is oneof]
        for name in names if len(names) > 1 else ():
            yield name, {"properties": {other: False for other in names if other != name}}


def _keys(key: ScalarType) -> Schema:
    if key is ScalarType.STRING:
        return {}
    if key is ScalarType.BOOL:
        return {"propertyNames": {"enum": ["true", "false"]}}
    return {"propertyNames": {"pattern": _LONG}}


def _marks(notes: FieldNotes) -> Schema:
    marks: Schema = {}
    if "OUTPUT_ONLY" in notes.behavior:
        marks["readOnly"] = True
    if "INPUT_ONLY" in notes.behavior:
        marks["writeOnly"] = True
    if notes.deprecated:
        marks["deprecated"] = True
    if notes.secret:
        marks["format"] = "password"
    return marks


def _examples(about: str, schema: Schema) -> Schema:
    """Return the example that a comment gives, if it is one of the schema."""
    found = _EXAMPLE.search(about)
    if found is None or schema.get("type") != "string":
        return {}
    text = " ".join(found[1].split())
    fits = re.search(schema.get("pattern", ""), text) and len(text) <= schema.get("maxLength", 1000)
    return {"examples": [text]} if fits else {}


def _about(comment: str, rules: list[str]) -> str:
    return "\n\n".join(part for part in (comment, *rules) if part)


def _without_package(element: Any) -> str:
    package = element.file.proto.package
    name: str = element.type_name
    return name.removeprefix(f"{package}.") if package else name
