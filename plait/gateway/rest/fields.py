"""One field as text, in a path, a query, a header or a cookie: to its value and back."""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from protobuf import (
    DescEnum,
    DescExtension,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    DescOneof,
    ScalarType,
)

from plait.gateway.rest.punctuation import LEVELS, too_deep
from plait.gateway.rest.shown import cut

_REFUSED = (ValueError, TypeError, ArithmeticError, RecursionError)

Element = ScalarType | DescEnum | DescMessage
"""The type of one value: of a field, of an element of a repeated field, of a value of a map."""

Reader = Callable[[str], Any]
"""From text to a value that a protobuf message takes; raises `TextError`."""


class TextError(ValueError):
    """A text that is no value of its type; says what was expected, and what was found if told."""

    def __init__(self, expected: str, found: str | None = None) -> None:
        told = "something else" if found is None else json.dumps(cut(found), ensure_ascii=False)
        super().__init__(f"expected {expected}, found {told}")


_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
FLOAT_MAX = 3.4028234663852886e38
"""The largest finite float of 32 bits."""

NON_FINITE: Mapping[str, float] = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}
"""The floats that JSON has only as text."""


_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)
_UINT32 = (0, 2**32 - 1)
_UINT64 = (0, 2**64 - 1)
RANGES: Mapping[ScalarType, tuple[int, int]] = {
    ScalarType.INT32: _INT32,
    ScalarType.SINT32: _INT32,
    ScalarType.SFIXED32: _INT32,
    ScalarType.INT64: _INT64,
    ScalarType.SINT64: _INT64,
    ScalarType.SFIXED64: _INT64,
    ScalarType.UINT32: _UINT32,
    ScalarType.FIXED32: _UINT32,
    ScalarType.UINT64: _UINT64,
    ScalarType.FIXED64: _UINT64,
}
"""Smallest and largest value of each integer type."""

WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
"""Messages that stand for one scalar with presence (google/protobuf/wrappers.proto)."""

JSON_TYPES = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue"))
"""Messages that stand for any JSON; their text is JSON."""

UNDER_VALUE = WRAPPERS | {
    f"google.protobuf.{name}"
    for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
}
"""Messages whose JSON is not that of their fields: in an Any it stands under the key `value`."""

_EXPECTED: Mapping[str, str] = {
    "google.protobuf.Timestamp": "a timestamp of RFC 3339 such as 2026-01-31T12:00:00Z",
    "google.protobuf.Duration": "a duration in seconds such as 1.5s",
    "google.protobuf.FieldMask": "names of fields, separated by commas, such as title,createTime",
    "google.protobuf.Struct": "a JSON object",
    "google.protobuf.Value": "a JSON value",
    "google.protobuf.ListValue": "a JSON array",
}


def elements_of(field: DescField | DescExtension) -> Element:
    """Return the type of a field's value, of its elements, or of its map's values."""
    match field.value:
        case DescFieldValueScalar(scalar=scalar):
            return scalar
        case DescFieldValueEnum(enum=enum):
            return enum
        case DescFieldValueMessage(message=message):
            return message
        case DescFieldValueList(element=element):
            return element
        case DescFieldValueMap(value=value):
            return value


def is_single(field: DescField) -> bool:
    """Say whether a field is neither repeated nor a map."""
    return not isinstance(field.value, DescFieldValueList | DescFieldValueMap)


def has_text(element: Element) -> bool:
    """Say whether a type has a text form: all but ordinary messages and google.protobuf.Any."""
    if not isinstance(element, DescMessage):
        return True
    return element.type_name in _EXPECTED or element.type_name in WRAPPERS


def oneof_of(field: DescField) -> DescOneof | None:
    """Return the oneof that a field belongs to."""
    match field.value:
        case DescFieldValueScalar() | DescFieldValueEnum() | DescFieldValueMessage():
            return field.value.oneof
        case _:
            return None


def expected(element: Element) -> str:
    """Say what a value of a type looks like, as in "expected an integer from 0 to 4294967295"."""
    if isinstance(element, DescEnum):
        names = [value.name for value in element.values]
        more = f" or one of {len(names) - 8} others" if len(names) > 8 else ""
        return f"one of {', '.join(names[:8])}{more}"
    if isinstance(element, ScalarType):
        return _expected_scalar(element)
    if element.type_name in WRAPPERS:
        return expected(_wrapped(element))
    return _EXPECTED.get(element.type_name, "an object")


def reader(element: Element) -> Reader:
    """Return the function that reads a value of a type from text.

    Integers are decimal, floats also NaN, Infinity and -Infinity; bytes are base64 of either
    alphabet, padded or not; enums a name or a number; Timestamp, Duration, wrappers, Struct,
    Value and ListValue as in proto3 JSON (https://protobuf.dev/programming-guides/json); FieldMask
    in lowerCamel or in proto names. Only for types that `has_text`.
    """
    if isinstance(element, DescEnum):
        return lambda text: _enum(element, text)
    if isinstance(element, DescMessage):
        return _message_reader(element)
    if span := RANGES.get(element):
        return lambda text: _integer(element, span, text)
    return _SCALARS[element]


def text_of(element: Element, value: Any) -> str:
    """Write a value as the text that `reader` reads; enums by name where they have one."""
    if isinstance(element, DescMessage):
        if element.type_name in WRAPPERS:
            return text_of(_wrapped(element), value.value)
        written = value.to_json()
        return written if element.type_name in JSON_TYPES else str(json.loads(written))
    if isinstance(element, DescEnum):
        names = {known.number: known.name for known in reversed(element.values)}
        return names.get(int(value), str(int(value)))
    return _scalar_text(element, value)


def _scalar_text(scalar: ScalarType, value: Any) -> str:
    match scalar:
        case ScalarType.BOOL:
            return "true" if value else "false"
        case ScalarType.BYTES:
            return base64.b64encode(value).decode()
        case ScalarType.FLOAT | ScalarType.DOUBLE:
            return str(json_float(value))
        case _:
            return str(value)


def json_float(value: float) -> float | str:
    """Return a float as JSON: a number, or the text that stands for one that is not finite."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _expected_scalar(scalar: ScalarType) -> str:
    if span := RANGES.get(scalar):
        return f"an integer from {span[0]} to {span[1]}"
    match scalar:
        case ScalarType.BOOL:
            return "true or false"
        case ScalarType.BYTES:
            return "bytes in base64"
        case ScalarType.FLOAT | ScalarType.DOUBLE:
            return "a number"
        case _:
            return "a string"


def _wrapped(element: DescMessage) -> Element:
    return elements_of(element.fields[0])


def _message_reader(element: DescMessage) -> Reader:
    kind = element.type
    if element.type_name in WRAPPERS:
        inner = reader(_wrapped(element))
        return lambda text: kind(value=inner(text))
    if element.type_name == "google.protobuf.FieldMask":
        return lambda text: kind(paths=_mask_paths(text))
    if element.type_name in JSON_TYPES:
        return lambda text: _json(element, text)

    def read(text: str) -> Any:
        try:
            return kind.from_json(json.dumps(text))
        except _REFUSED:
            raise TextError(expected(element), text) from None

    return read


def _json(element: DescMessage, text: str) -> Any:
    encoded = text.encode()
    if too_deep(encoded):
        raise TextError(f"at most {LEVELS} levels of nested arrays and objects", text)
    try:
        return element.type.from_json(encoded)
    except _REFUSED:
        raise TextError(expected(element), text) from None


def _mask_paths(text: str) -> list[str]:
    paths = text.split(",") if text else []
    if not all(_MASK_PATH.fullmatch(path) for path in paths):
        raise TextError(_EXPECTED["google.protobuf.FieldMask"], text)
    return [_CAPITAL.sub(lambda found: f"_{found.group().lower()}", path) for path in paths]


_MASK_PATH = re.compile(r"\*|[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+|\.\*)*")
_CAPITAL = re.compile(r"[A-Z]")


_URL_SAFE = frozenset("-_")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*|[A-Za-z0-9_-]*")


def _enum(element: DescEnum, text: str) -> Any:
    number = next((known.number for known in element.values if known.name == text), None)
    if number is None:
        if not _INT.fullmatch(text):
            raise TextError(expected(element), text)
        number = _integer(ScalarType.INT32, _INT32, text)
        if not element.open and all(known.number != number for known in element.values):
            raise TextError(expected(element), text)
    return element.type(number)


def _integer(scalar: ScalarType, span: tuple[int, int], text: str) -> int:
    if len(text) > 20 or not _INT.fullmatch(text) or not span[0] <= int(text) <= span[1]:
        raise TextError(_expected_scalar(scalar), text)
    return int(text)


def _float(text: str, limit: float = math.inf) -> float:
    if text in NON_FINITE:
        return NON_FINITE[text]
    value = float(text) if _FLOAT.fullmatch(text) else math.inf
    if math.isinf(value) or abs(value) > limit:
        raise TextError("a number", text)
    return value


def _bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise TextError("true or false", text)
    return text == "true"


def _bytes(text: str) -> bytes:
    bare = text.rstrip("=")
    missing = -len(bare) % 4
    if missing == 3 or len(text) - len(bare) > missing or not _BASE64.fullmatch(bare):
        raise TextError("bytes in base64", text)
    return base64.b64decode(bare + "=" * missing, "-_" if _URL_SAFE & {*bare} else None)


_SCALARS: Mapping[ScalarType, Reader] = {
    ScalarType.STRING: str,
    ScalarType.BOOL: _bool,
    ScalarType.BYTES: _bytes,
    ScalarType.FLOAT: lambda text: _float(text, FLOAT_MAX),
    ScalarType.DOUBLE: _float,
}
