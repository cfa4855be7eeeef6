"""OTLP attributes -> plain values that JSON can hold and JavaScript reads without loss."""

import base64
import math
from collections.abc import Iterable
from typing import TypeAlias, Union

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Json: TypeAlias = Union[str, int, float, bool, list["Json"], dict[str, "Json"], None]  # noqa: UP007 - it names itself

_SAFE_INTEGER = 2**53 - 1  # ECMA-262, Number.MAX_SAFE_INTEGER


def plain(attributes: Iterable[KeyValue]) -> dict[str, Json]:
    """Return the attributes by name; of a name that comes twice, the last."""
    return {pair.key: plain_value(pair.value) for pair in attributes}


def plain_value(value: AnyValue) -> Json:  # noqa: PLR0911 - one for each type that OTLP has
    """Return the value; numbers that JSON or JavaScript cannot hold become text, bytes base64."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return _whole(value.int_value)
        case "double_value":
            number = value.double_value
            return number if math.isfinite(number) else str(number)
        case "array_value":
            return [plain_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return plain(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:  # unset, or an index into a table that only profiles have
            return None


def text(value: AnyValue) -> str:
    """Return a scalar as text; empty for what is none."""
    match plain_value(value):
        case str() as found:
            return found
        case bool() as found:
            return str(found).lower()
        case int() | float() as found:
            return str(found)
        case _:
            return ""


def _whole(number: int) -> int | str:
    return number if abs(number) <= _SAFE_INTEGER else str(number)
