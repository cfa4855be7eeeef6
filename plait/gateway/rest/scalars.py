"""Is a JSON value one of a scalar type? As protobuf-py reads it, which is as proto3 JSON says."""

import re
from typing import Any

from protobuf import ScalarType

from plait.gateway.rest.fields import FLOAT_MAX, NON_FINITE, RANGES, TextError, reader

_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST = 4000  # digits; Python reads no integer that is longer than 4300
_DOUBLE_MAX = 1.7976931348623157e308


def map_key(kind: ScalarType, name: str) -> bool | int | str | None:
    """Return the key of a map that a JSON key stands for, or None."""
    match kind:
        case ScalarType.STRING:
            return name
        case ScalarType.BOOL:
            return {"true": True, "false": False}.get(name)
        case _:
            return whole(kind, name)


def fits(scalar: ScalarType, value: Any) -> bool:
    """Say whether a JSON value is one of a scalar type."""
    match scalar:
        case ScalarType.BOOL:
            return isinstance(value, bool)
        case ScalarType.STRING:
            return isinstance(value, str)
        case ScalarType.BYTES:
            return isinstance(value, str) and _is_base64(value)
        case ScalarType.FLOAT | ScalarType.DOUBLE:
            return fits_float(scalar, value)
        case _:
            return whole(scalar, value) is not None


def _is_base64(value: str) -> bool:
    try:
        reader(ScalarType.BYTES)(value)
    except TextError:
        return False
    return True


def whole(scalar: ScalarType, value: Any) -> int | None:
    """Return the integer that a JSON number, or a JSON string, is of an integer type; else None.

    As proto3 JSON says, `1.0`, `1e2` and `"7"` are integers.
    """
    number: int | float | None = _integer(value) if isinstance(value, str) else None
    if number is None:
        number = _number(value)
    if number is None or (isinstance(number, float) and not number.is_integer()):
        return None
    low, high = RANGES[scalar]
    return int(number) if low <= number <= high else None


def fits_float(scalar: ScalarType, value: Any) -> bool:
    """Say whether a JSON value is a float or a double: a finite number, or the text of one."""
    if isinstance(value, str) and value in NON_FINITE:
        return True
    number = _number(value)
    if number is None or not -_DOUBLE_MAX <= number <= _DOUBLE_MAX:
        return False
    return scalar is not ScalarType.FLOAT or abs(number) <= FLOAT_MAX


def _number(value: Any) -> int | float | None:
    """Return the number of a JSON number, or of a string that is a decimal number."""
    if isinstance(value, str):
        return float(value) if _FLOAT.fullmatch(value) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(text: str) -> int | None:
    """Return the integer of a string: protobuf-py reads as Python does, `1_000` too."""
    try:
        return int(text) if text == text.strip() and len(text) <= _LONGEST else None
    except ValueError:
        return None
