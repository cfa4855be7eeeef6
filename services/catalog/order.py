"""What products can be ordered by, and what that means."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from plait.data import order as language
from plait.data.order import By, Fields
from services.catalog.domain import Product

FIELDS: Fields = {
    "name": str,
    "sku": str,
    "title": str,
    "category": str,
    "price": int,
    "create_time": int,
    "update_time": int,
}

_VALUES: Mapping[str, Callable[[Product], Any]] = {
    field: attrgetter("price.total_nanos" if field == "price" else field) for field in FIELDS
}


def parse_order(text: str) -> tuple[By, ...]:
    """Return the fields of an order, of which the name is the last; raises InvalidOrderBy."""
    return language.parse_order(text, FIELDS)


def arranged(products: Iterable[Product], order: Sequence[By]) -> list[Product]:
    """Return products in an order: what its fields mean, for stores to be held to."""
    return language.arranged(products, order, _VALUES)
