"""What the fields of a filter hold: how a value is written, and what it can be compared by."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

Value = str | int | bool | datetime
"""What a field is compared with: an amount is an int in nanos."""


class Operator(Enum):
    """How a field is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a field holds, and so what it can be compared with, and how.

    Attributes:
        expected: names a value of it in errors.
        read: makes a value of its text; None if it is not of this kind.
        operators: those that may be asked for.
        is_set: the field holds several texts, of which `:` finds one.
    """

    expected: str
    read: Callable[[str], Value | None]
    operators: frozenset[Operator]
    is_set: bool = False

    def only(self, *operators: Operator) -> "Kind":
        """Return the kind with no operators but these."""
        return replace(self, operators=frozenset(operators))


Fields = Mapping[str, Kind]
"""The fields of a filter by the names that callers use."""

_AMOUNT = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,9})?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_FLAGS: Mapping[str, bool] = {"true": True, "false": False}


def _nanos(text: str) -> int | None:
    if not _AMOUNT.fullmatch(text):
        return None
    units, _, decimals = text.partition(".")
    return int(units + decimals.ljust(9, "0"))


def _time(text: str) -> datetime | None:
    """Read an RFC 3339 time; what is finer than a microsecond is cut off."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _currency(text: str) -> str | None:
    return text if _CURRENCY.fullmatch(text) else None


_EVERY = frozenset(Operator)
_ORDERED = _EVERY - {Operator.HAS}
_EQUAL = frozenset({Operator.EQ, Operator.NE})

TEXT = Kind(expected="a text", read=str, operators=_EVERY)
TAGS = Kind(expected="a tag", read=str, operators=frozenset({Operator.HAS}), is_set=True)
AMOUNT = Kind(
    expected="a number such as 19.99, of at most nine decimals", read=_nanos, operators=_ORDERED
)
CURRENCY = Kind(expected="a currency such as EUR", read=_currency, operators=_EQUAL)
TIME = Kind(expected='a time such as "2026-01-31T12:00:00Z"', read=_time, operators=_ORDERED)
FLAG = Kind(expected="true or false", read=_FLAGS.get, operators=_EQUAL)
