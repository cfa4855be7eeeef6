"""Products to test with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from plait.money import Money
from services.catalog.domain import Product, create
from services.catalog.draft import Draft
from services.catalog.store import Store

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def draft(sku: str = "CHESS-1", **said: object) -> Draft:
    """What an admin says of a product; everything that a test does not say is usual."""
    usual = Draft(sku=sku, title="Chess", price=Money.of(19, 990_000_000, "EUR"))
    return replace(usual, **said)


def product(product_id: str = "p1", *, now: datetime = NOW, **said: object) -> Product:
    """A valid product."""
    return create(draft(**{"sku": f"SKU-{product_id}"} | said), product_id=product_id, now=now)


class Ids:
    """Ids that count."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last += 1
        return f"new{self._last}"


async def fill(store: Store, products: Sequence[Product]) -> None:
    for each in products:
        await store.add(each, None, b"")
