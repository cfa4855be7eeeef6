"""The rules of stock: how its numbers move, and that no piece is promised twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

from plait.errors import Aborted, FailedPrecondition, NotFound

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STOCK = "/stock"  # what the name of a product's stock ends with


class StockNotFound(NotFound):
    @classmethod
    def of(cls, product: str) -> Self:
        message = f"there is no stock of {product}: it was never adjusted"
        return cls(message, resource=stock_name(product), product=product)


class StockTooLow(FailedPrecondition):
    @classmethod
    def of(cls, stock: "Stock", delta: int) -> Self:
        message = (
            f"{stock.on_hand} pieces of {stock.product} are on the shelf and {stock.reserved} of "
            f"them are reserved: {-delta} cannot be taken away"
        )
        return cls(
            message,
            resource=stock.name,
            product=stock.product,
            on_hand=str(stock.on_hand),
            reserved=str(stock.reserved),
        )


class EtagMismatch(Aborted):
    @classmethod
    def of(cls, stock: "Stock", given: str) -> Self:
        message = (
            f"{stock.name} was changed since it had the etag {given[:64]!r}: read it again and "
            "repeat with the etag that it has now"
        )
        return cls(message, resource=stock.name, product=stock.product, etag=stock.etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A product of which fewer pieces are available than are wanted."""

    product: str
    wanted: int
    available: int


class OutOfStock(FailedPrecondition):
    """Too few pieces are available.

    The metadata names the products: in `products`, and where they are many on in `products_2` and
    so on, separated by commas. A value takes 256 bytes, an error 4 KiB: `products_left_out` counts
    those that do not fit, which happens with very long names only.
    """

    @classmethod
    def of(cls, shorts: Sequence[Short]) -> Self:
        told = [
            f"{short.product} ({short.wanted} wanted, {short.available} available)"
            for short in shorts[:3]
        ]
        more = f" and of {len(shorts) - len(told)} more" if len(shorts) > len(told) else ""
        message = f"there are too few pieces of {', '.join(told)}{more}"
        error = cls(message)
        error.metadata = _named([short.product for short in shorts])
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How many pieces of a product there are; every change makes a new one, of the next revision.

    Raises:
        ValueError: more would be reserved than are there, or a number would be negative.
    """

    product: str
    on_hand: int
    reserved: int = 0
    update_time: datetime
    revision: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.reserved <= self.on_hand:
            raise ValueError(
                f"{self.product} cannot have {self.on_hand} pieces on the shelf and "
                f"{self.reserved} of them reserved"
            )

    @property
    def name(self) -> str:
        return stock_name(self.product)

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    @property
    def etag(self) -> str:
        """Differs for every revision; with the time, so that a restored database repeats none."""
        micros = (self.update_time - _EPOCH) // timedelta(microseconds=1)
        return sha256(f"{self.name} {self.revision} {micros}".encode()).hexdigest()[:20]

    def moved(self, *, on_hand: int = 0, reserved: int = 0, now: datetime) -> "Stock":
        """Return the stock after so many pieces came to the shelf, and so many were reserved."""
        return replace(
            self,
            on_hand=self.on_hand + on_hand,
            reserved=self.reserved + reserved,
            update_time=now,
            revision=self.revision + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens to the stock of one product: pieces come to the shelf, are reserved, or less."""

    product: str
    on_hand: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What somebody does to a stock by hand, and why.

    `delta` is never 0; `etag` is that of the stock as the actor knows it, or empty.
    """

    product: str
    delta: int
    reason: str
    actor: str
    etag: str = ""

    def apply(self, read: Stock | None, free: Stock | None, *, now: datetime) -> Stock:
        """Return the stock after it.

        Args:
            read: the stock as the actor could have read it; None if there is none.
            free: the same after reservations that have expired gave back what they kept.
            now: when.

        Raises:
            EtagMismatch: it was changed since.
            StockTooLow: fewer pieces would be left than are reserved.
        """
        nothing = Stock(product=self.product, on_hand=0, update_time=now, revision=0)
        if self.etag and (read is None or self.etag != read.etag):
            raise EtagMismatch.of(read or nothing, self.etag)
        stock = free or nothing
        if stock.available + self.delta < 0:
            raise StockTooLow.of(stock, self.delta)
        return stock.moved(on_hand=self.delta, now=now)


def moved(stocks: Mapping[str, Stock], moves: Iterable[Move], *, now: datetime) -> dict[str, Stock]:
    """Return these stocks, by product, after the moves; what does not move stays what it is."""
    after = dict(stocks)
    for move in moves:
        if move.on_hand or move.reserved:
            after[move.product] = after[move.product].moved(
                on_hand=move.on_hand, reserved=move.reserved, now=now
            )
    return after


def held(stocks: Mapping[str, Stock], moves: Sequence[Move], *, now: datetime) -> dict[str, Stock]:
    """Return these stocks after all that the moves reserve was reserved.

    Raises:
        OutOfStock: too few pieces of some product are available; it names all of them.
    """
    available = {move.product: _available(stocks, move.product) for move in moves}
    shorts = [
        Short(product=move.product, wanted=move.reserved, available=available[move.product])
        for move in moves
        if move.reserved > available[move.product]
    ]
    if shorts:
        raise OutOfStock.of(shorts)
    return moved(stocks, moves, now=now)


def stock_name(product: str) -> str:
    return product + _STOCK


def product_of(name: str) -> str:
    """Return the product of a stock's name."""
    return name.removesuffix(_STOCK)


def _available(stocks: Mapping[str, Stock], product: str) -> int:
    stock = stocks.get(product)
    return 0 if stock is None else stock.available


_VALUE, _ALL = 256, 3000  # bytes that an error's value, and all of these together, may take


def _named(products: Sequence[str]) -> dict[str, str]:
    """Return the metadata that names the products, in as many values as it takes."""
    values = [products[0]]
    room = _ALL - len(products[0])
    left_out = 0
    for product in products[1:]:
        room -= len(product) + 1
        if room < 0:
            left_out += 1
        elif len(values[-1]) + 1 + len(product) <= _VALUE:
            values[-1] += f",{product}"
        else:
            values.append(product)
    keys = ["products", *(f"products_{number}" for number in range(2, len(values) + 1))]
    named = dict(zip(keys, values, strict=True))
    return {**named, "products_left_out": str(left_out)} if left_out else named
