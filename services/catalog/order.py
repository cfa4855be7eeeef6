"""The language of orders (AIP-132): from `price desc, title` to sort keys."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from plait.errors import InvalidArgument, Violation
from services.catalog.domain import Product

FIELDS: Mapping[str, type] = {
    "name": str,
    "sku": str,
    "title": str,
    "category": str,
    "price": int,
    "create_time": int,
    "update_time": int,
}
"""What products can be ordered by, and of which type its sort key is."""


class InvalidOrderBy(InvalidArgument):
    """The order cannot be understood."""


@dataclass(frozen=True, slots=True)
class By:
    """One field that decides the order, where those before it are equal."""

    field: str
    descending: bool = False


def parse_order(text: str) -> tuple[By, ...]:
    """Return the fields of an order; it always ends with the name, which no two products share.

    Raises:
        InvalidOrderBy: with the character at which it is not understood; the first one is 1.
    """
    order: dict[str, By] = {}
    at = 1
    for part in text.split(",") if text.strip() else ():
        start = at + len(part) - len(part.lstrip())
        by = _by(part, start)
        if by.field in order:
            raise _wrong(part, start, "expected each field once")
        order[by.field] = by
        at += len(part) + 1
    order.setdefault("name", By("name"))
    return tuple(order.values())


def arranged(products: Iterable[Product], order: Sequence[By]) -> list[Product]:
    """Return products in an order: what its fields mean, for stores to be held to."""
    found = list(products)
    for by in reversed(order):  # sorting is stable: the last field first
        found.sort(key=_KEYS[by.field], reverse=by.descending)
    return found


_KEYS: Mapping[str, Callable[[Product], Any]] = {
    field: attrgetter("price.total_nanos" if field == "price" else field) for field in FIELDS
}


def _by(part: str, at: int) -> By:
    field, *direction = part.split() or [""]
    if field not in FIELDS:
        raise _wrong(part, at, f"expected one of the fields {', '.join(FIELDS)}")
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
