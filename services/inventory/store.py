"""Where stock and reservations are kept: what the service asks for, and the answer in SQL."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from functools import partial
from typing import Protocol, TypeVar

from plait.clock import Clock
from plait.data.backend import Conflict, DatabaseBusy
from plait.data.claims import Claim
from plait.data.database import Database, Transaction
from services.inventory import transactions
from services.inventory.domain import Adjustment, Stock, StockNotFound
from services.inventory.reservation import Decide, Hold, Reservation
from services.inventory.rows import Balance, stock_of
from services.inventory.statements import FIND_STOCK, balances
from services.inventory.transactions import Done

Listener = Callable[[Sequence[Stock]], None]
"""Is told of stock that this process has changed, once the change is durable."""

PATIENCE = 30.0
"""Seconds for which a command that others hold up is tried again; the caller's deadline may end it
before."""


class Store(Protocol):
    """Keeps stock and reservations: whole, and durably once a method has returned.

    A hold whose time has come is expired for whoever looks. What it kept is free as soon as it is
    swept, and whoever is about to be refused for want of it sweeps first.
    """

    async def get(self, product: str) -> Stock:
        """Return the stock of a product, or raise StockNotFound."""
        ...

    async def get_all(self, products: Sequence[str]) -> tuple[Stock, ...]:
        """Return the stock of these products in this order, as they are at one moment.

        Raises:
            StockNotFound: for the first one that has none.
        """
        ...

    async def find(self, products: Collection[str]) -> tuple[Stock, ...]:
        """Return the stock of those of these products that have one, in any order."""
        ...

    async def adjust(self, adjustment: Adjustment, claim: Claim | None) -> Stock:
        """Adjust a stock and record it; later, return the stock as the claim's request left it.

        Raises:
            EtagMismatch, StockTooLow: nothing was adjusted.
            RequestIdReused: the claim's id belongs to another request.
        """
        ...

    async def reserve(self, hold: Hold, claim: Claim) -> Reservation:
        """Hold pieces; later, return what the claim's request made, as it is now.

        Raises:
            OutOfStock, ReservationReleased, ReservationExists: nothing is held.
            RequestIdReused: the claim's id belongs to another request.
        """
        ...

    async def change(self, order: str, decide: Decide) -> Reservation:
        """Make of the order's reservation what `decide` makes of it, and move its pieces.

        What `decide` raises goes to the caller, and nothing has happened.
        """
        ...

    async def sweep(self, limit: int) -> int:
        """Free what at most `limit` expired holds keep, and return how many there were."""
        ...

    def balances(self) -> AsyncGenerator[Balance]:
        """Yield the balance of each product, all of them as they are at one moment."""
        ...

    def listen(self, listener: Listener) -> None:
        """Tell this one, too, what this process changes."""
        ...


T = TypeVar("T")

_FOUND_AT_ONCE = 10_000  # products: every kind of database takes so many parameters

# What somebody else has done a moment before; looking again shows it.
_RACES = frozenset(
    {
        *("stock_product", "stock_revision"),
        *("reservations_order_name", "reservations_request_id", "reservations_state"),
        *("adjustments_product_revision", "adjustments_actor_request_id"),
    }
)


class SqlStore:
    """Keeps stock and reservations in a database (`Store`).

    Args:
        database: migrated by this service's migrations.
        clock: what holds expire by.
        patience: seconds for which a command that others hold up is tried again.
    """

    def __init__(self, database: Database, *, clock: Clock, patience: float = PATIENCE) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience
        self._listeners: list[Listener] = []

    async def get(self, product: str) -> Stock:
        return (await self.get_all([product]))[0]

    async def get_all(self, products: Sequence[str]) -> tuple[Stock, ...]:
        found = {stock.product: stock for stock in await self.find(products)}
        missing = next((product for product in products if product not in found), None)
        if missing is not None:
            raise StockNotFound.of(missing)
        return tuple(found[product] for product in products)

    async def find(self, products: Collection[str]) -> tuple[Stock, ...]:
        names = list(products)
        found: list[Stock] = []
        async with self._database.snapshot() as tx:
            for first in range(0, len(names), _FOUND_AT_ONCE):
                some = {"products": names[first : first + _FOUND_AT_ONCE]}
                found += map(stock_of, await tx.execute(FIND_STOCK, some))
        return tuple(found)

    async def adjust(self, adjustment: Adjustment, claim: Claim | None) -> Stock:
        return await self._do(partial(transactions.adjust, self._clock, adjustment, claim))

    async def reserve(self, hold: Hold, claim: Claim) -> Reservation:
        return await self._do(partial(transactions.reserve, self._clock, hold, claim))

    async def change(self, order: str, decide: Decide) -> Reservation:
        return await self._do(partial(transactions.change, self._clock, order, decide))

    async def sweep(self, limit: int) -> int:
        return await self._do(partial(transactions.sweep, self._clock, limit))

    async def balances(self) -> AsyncGenerator[Balance]:
        async with self._database.snapshot() as tx, aclosing(tx.stream(balances())) as rows:
            async for row in rows:
                yield Balance(
                    product=row.product,
                    on_hand=row.on_hand,
                    reserved=row.reserved,
                    kept=int(row.kept),
                    sold=int(row.sold),
                    adjusted=int(row.adjusted),
                )

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def _do(self, work: Callable[[Transaction], Awaitable[Done[T]]]) -> T:
        """Do the work in a transaction; again, while others are a moment faster, or hold it up."""
        until = self._clock.monotonic() + self._patience
        while True:
            try:
                async with self._database.transaction(concurrent=True) as tx:
                    done = await work(tx)
            except (Conflict, DatabaseBusy) as error:
                lasting = isinstance(error, Conflict) and error.constraint not in _RACES
                if lasting or self._clock.monotonic() >= until:
                    raise
                continue
            for listener in self._listeners:
                listener(done.stocks)
            if done.answer is not None:
                return done.answer
