"""`name=products/p1 product.price.units=5`: a request in words, made the JSON of its message."""

import json
from collections.abc import Sequence
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from plait.local.mistake import USAGE, Mistake
from plait.local.project import nearest

_TEXT_FORMS = {
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "google.protobuf.FieldMask",
    "google.protobuf.StringValue",
    "google.protobuf.BytesValue",
    "google.protobuf.Int32Value",
    "google.protobuf.Int64Value",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    "google.protobuf.FloatValue",
    "google.protobuf.DoubleValue",
}
"""Messages whose JSON is, or may be, a text."""

_TRUTH = {"true": True, "false": False}


def to_json(message: Descriptor, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the proto3 JSON of the pairs `path=value`.

    A path is field names joined by dots (in either spelling; below a map its key); a repeated field
    takes one value a pair, or a JSON list; a message takes JSON, or the text that its JSON form is.

    Raises:
        Mistake: a pair has no `=`, names no field, or its value cannot be one of the field.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            raise Mistake(f"expected field=value, found {pair!r}", code=USAGE)
        _put(found, message, path.split("."), text, path)
    return found


def _put(
    into: dict[str, Any], message: Descriptor, path: Sequence[str], text: str, whole: str
) -> None:
    field = _field(message, path[0], whole)
    rest = path[1:]
    if not rest:
        _set(into, field, text, whole)
    elif _is_map(field):
        entry = field.message_type
        assert entry is not None
        value = _value(entry.fields_by_name["value"], text, whole)
        into.setdefault(field.name, {})[".".join(rest)] = value
    elif field.message_type is None or field.is_repeated:
        kind = "a list" if field.is_repeated else "no message"
        raise Mistake(
            f"{whole}: {field.name} is {kind}, it has no field {rest[0]!r}"
            + (f"; give {field.name}='[...]' as JSON" if field.is_repeated else ""),
            code=USAGE,
        )
    else:
        inner = into.setdefault(field.name, {})
        if not isinstance(inner, dict):
            raise Mistake(f"{whole}: {field.name} has a value already", code=USAGE)
        _put(cast("dict[str, Any]", inner), field.message_type, rest, text, whole)


def _set(into: dict[str, Any], field: FieldDescriptor, text: str, whole: str) -> None:
    if _is_map(field):
        into[field.name] = _json(text, whole, dict)
    elif field.is_repeated:
        values = into.setdefault(field.name, [])
        if text.startswith("["):
            values += _json(text, whole, list)
        else:
            values.append(_value(field, text, whole))
    else:
        into[field.name] = _value(field, text, whole)


def _value(field: FieldDescriptor, text: str, whole: str) -> Any:
    if field.type == FieldDescriptor.TYPE_BOOL:
        if text not in _TRUTH:
            raise Mistake(f"{whole}: expected true or false, found {text!r}", code=USAGE)
        return _TRUTH[text]
    if field.message_type is None or field.message_type.full_name in _TEXT_FORMS:
        return text
    return _json(text, whole)


def _json(text: str, whole: str, kind: type = object) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Mistake(f"{whole}: expected JSON, found {text!r}: {error}", code=USAGE) from error
    if not isinstance(value, kind):
        expected = "an object" if kind is dict else "a list"
        raise Mistake(f"{whole}: expected {expected} of JSON, found {text!r}", code=USAGE)
    return value


def _field(message: Descriptor, name: str, whole: str) -> FieldDescriptor:
    for field in message.fields:
        if name in {field.name, field.json_name}:
            return field
    known = [field.name for field in message.fields]
    raise Mistake(
        f"{whole}: {message.full_name} has no field {name!r}, it has: "
        f"{', '.join(known) or 'none'}{nearest(name, known)}",
        code=USAGE,
    )


def _is_map(field: FieldDescriptor) -> bool:
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry
