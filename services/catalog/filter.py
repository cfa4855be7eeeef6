"""What a filter of products may speak of, and what its fields mean."""

from collections.abc import Callable, Mapping
from operator import attrgetter

from plait.data import filter as language
from plait.data.filter import Filter
from plait.data.kinds import AMOUNT, CURRENCY, TAGS, TEXT, TIME, Fields
from services.catalog.domain import Product

FIELDS: Fields = {
    "sku": TEXT,
    "title": TEXT,
    "description": TEXT,
    "category": TEXT,
    "tags": TAGS,
    "price": AMOUNT,
    "price.currency_code": CURRENCY,
    "create_time": TIME,
    "update_time": TIME,
}

_VALUES: Mapping[str, Callable[[Product], object]] = {
    **{field: attrgetter(field) for field in FIELDS},
    "price": attrgetter("price.total_nanos"),
    "price.currency_code": attrgetter("price.currency"),
}


def parse_filter(text: str) -> Filter | None:
    """Return what the text says, None if it says nothing; raises InvalidFilter."""
    return language.parse_filter(text, FIELDS)


def matches(wanted: Filter | None, product: Product) -> bool:
    """Whether a filter lets a product through: what its terms mean, for stores to be held to."""
    return language.matches(wanted, product, _VALUES)
