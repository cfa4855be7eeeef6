"""The language of orders (AIP-132): from `price desc, title` to sort keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Row

from plait.data.conditions import Columns
from plait.data.pagination import Key, Position
from plait.errors import InvalidArgument, Violation

Fields = Mapping[str, type]
"""What things can be ordered by, by the names that callers use, and the types of the sort keys."""

_Thing = TypeVar("_Thing")


class InvalidOrderBy(InvalidArgument):
    """The order cannot be understood."""


@dataclass(frozen=True, slots=True)
class By:
    """One field that decides the order, where those before it are equal."""

    field: str
    descending: bool = False


NAME = By("name")
"""What ends every order: no two things share a name."""


def parse_order(text: str, fields: Fields, *, usual: Sequence[By] = ()) -> tuple[By, ...]:
    """Return the fields of an order; it always ends with the name.

    Args:
        text: what the caller says.
        fields: those that may be named.
        usual: the order where the caller says nothing.

    Raises:
        InvalidOrderBy: with the character at which it is not understood; the first one is 1.
    """
    order = {by.field: by for by in usual} if not text.strip() else _parsed(text, fields)
    order.setdefault(NAME.field, NAME)
    return tuple(order.values())


def types_of(order: Sequence[By], fields: Fields) -> list[type]:
    """Return the types of an order's sort keys, for `plait.data.pagination.position`."""
    return [fields.get(by.field, str) for by in order]


def keys_of(order: Sequence[By], columns: Columns) -> list[Key]:
    """Return the columns of an order, which has to have one for the name too."""
    return [Key(column=columns[by.field], descending=by.descending) for by in order]


def position_of(row: Row[Any], order: Sequence[By]) -> Position:
    """Return where a row stands in an order; its columns have the names of the fields."""
    return tuple(getattr(row, by.field) for by in order)


def arranged(
    things: Iterable[_Thing], order: Sequence[By], values: Mapping[str, Callable[[_Thing], Any]]
) -> list[_Thing]:
    """Return things in an order: what its fields mean, for stores to be held to.

    Args:
        things: in any order.
        order: which one is wanted.
        values: how to read each field of a thing.
    """
    found = list(things)
    for by in reversed(order):  # sorting is stable: the last field first
        found.sort(key=values[by.field], reverse=by.descending)
    return found


def _parsed(text: str, fields: Fields) -> dict[str, By]:
    order: dict[str, By] = {}
    at = 1
    for part in text.split(","):
        start = at + len(part) - len(part.lstrip())
        by = _by(part, start, fields)
        if by.field in order:
            raise _wrong(part, start, "expected each field once")
        order[by.field] = by
        at += len(part) + 1
    return order


def _by(part: str, at: int, fields: Fields) -> By:
    field, *direction = part.split() or [""]
    if field not in fields:
        raise _wrong(part, at, f"expected one of the fields {', '.join(fields)}")
    if direction not in ([], ["asc"], ["desc"]):
        raise _wrong(part, at, f"expected `{field}` or `{field} desc`")
    return By(field, descending=direction == ["desc"])


def _wrong(part: str, at: int, expected: str) -> InvalidOrderBy:
    found = f"`{part.strip()[:50]}`" if part.strip() else "nothing"
    message = f"{expected} at character {at}, found {found}"
    return InvalidOrderBy(
        f"order_by: {message}",
        violations=[Violation(field="order_by", description=message, rule="order_by")],
    )
