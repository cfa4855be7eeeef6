"""What happens to stock and reservations in one transaction: looked at, decided, written.

Each of these functions locks what it decides by before it reads it: reservations first, then stock.
So every number that the domain judges is still true when its judgement is written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Row, insert

from plait.clock import Clock
from plait.data.backend import Conflict
from plait.data.claims import Claim, RequestIdReused
from plait.data.database import Snapshot, Transaction
from plait.data.times import microseconds
from services.inventory.domain import Adjustment, Stock, held, moved
from services.inventory.reservation import Decide, Hold, Reservation, moves
from services.inventory.rows import (
    ADJUSTMENTS,
    LINES,
    RESERVATIONS,
    STOCK,
    adjustment_values,
    line_values,
    reservation_of,
    reservation_values,
    stock_of,
    stock_values,
)
from services.inventory.statements import (
    FIND_ADJUSTMENT,
    FIND_LINES,
    FIND_RESERVATIONS,
    LOCK_RESERVATION,
    LOCK_STOCK,
    MOVE_RESERVATION,
    MOVE_STOCK,
    lock_expired,
)

T = TypeVar("T")

SWEPT_AT_ONCE = 100
"""Expired holds that are swept by one transaction of somebody who needs their pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[T]):
    """What a transaction has come to; no answer if it made room and is to be done again."""

    answer: T | None
    stocks: Sequence[Stock] = ()


async def adjust(
    clock: Clock, adjustment: Adjustment, claim: Claim | None, tx: Transaction
) -> Done[Stock]:
    product = adjustment.product
    swept = await _Swept.of(tx, [product], clock, SWEPT_AT_ONCE)
    # Only now: who repeats a request beside the first one has waited for it at the stock.
    if claim and (first := await _adjusted(tx, claim)):
        return Done(answer=first)
    if swept.may_be_more:
        return Done(answer=None, stocks=await swept.keep(tx))
    after = adjustment.apply(swept.before.get(product), swept.after.get(product), now=swept.now)
    stocks = await swept.keep(tx, {product: after})
    await tx.execute(insert(ADJUSTMENTS), adjustment_values(adjustment, after, claim))
    return Done(answer=after, stocks=stocks)


async def reserve(clock: Clock, hold: Hold, claim: Claim, tx: Transaction) -> Done[Reservation]:
    swept = await _Swept.of(tx, [line.product for line in hold.lines], clock, SWEPT_AT_ONCE)
    if made := await _reserved(tx, hold.order, claim):  # only now, as above
        return Done(answer=made.at(swept.now))
    if swept.may_be_more:
        return Done(answer=None, stocks=await swept.keep(tx))
    reservation = hold.at(swept.now)
    after = held(swept.after, moves(None, reservation), now=swept.now)
    stocks = await swept.keep(tx, after)
    await _add(tx, reservation, claim)
    return Done(answer=reservation, stocks=stocks)


async def change(clock: Clock, order: str, decide: Decide, tx: Transaction) -> Done[Reservation]:
    row = (await tx.execute(LOCK_RESERVATION, {"order": order})).first()
    found = (await _with_lines(tx, [row]))[0] if row else None
    now = clock.now()
    after = decide(found and found.at(now), order, now)
    if found is None:
        await _add(tx, after, None)
        return Done(answer=after)
    if after is found:
        return Done(answer=after)
    before = await _locked(tx, [line.product for line in found.lines])
    await _become(tx, [(found, after)])
    stocks = await _move(tx, before, moved(before, moves(found, after), now=now))
    return Done(answer=after, stocks=stocks)


async def sweep(clock: Clock, limit: int, tx: Transaction) -> Done[int]:
    swept = await _Swept.of(tx, None, clock, limit)
    stocks = await swept.keep(tx)
    return Done(answer=len(swept.expired), stocks=stocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swept:
    """Stock that this transaction has locked, before and after expired holds give theirs back."""

    now: datetime
    expired: Sequence[Reservation]
    before: Mapping[str, Stock]
    after: Mapping[str, Stock]

    @classmethod
    async def of(
        cls,
        tx: Transaction,
        products: Sequence[str] | None,
        clock: Clock,
        limit: int,
    ) -> Self:
        """Lock these products' stock, and what is expired of theirs; of any if None are named."""
        now = clock.now()
        due = await tx.execute(lock_expired(limit, products), {"now": microseconds(now)})
        expired = await _with_lines(tx, due.rows)
        freed = [move for each in expired for move in moves(each, each.at(now))]
        before = await _locked(tx, {*(products or ()), *(move.product for move in freed)})
        return cls(now=now, expired=expired, before=before, after=moved(before, freed, now=now))

    @property
    def may_be_more(self) -> bool:
        return len(self.expired) >= SWEPT_AT_ONCE

    async def keep(
        self, tx: Transaction, after: Mapping[str, Stock] | None = None
    ) -> Sequence[Stock]:
        """Write what has become of it all, and return the stock that has changed.

        Args:
            tx: the transaction that has locked it.
            after: what has become of stock beyond what was given back.
        """
        await _become(tx, [(each, each.at(self.now)) for each in self.expired])
        return await _move(tx, self.before, {**self.after, **(after or {})})


async def _locked(tx: Transaction, products: Collection[str]) -> dict[str, Stock]:
    if not products:
        return {}
    rows = await tx.execute(LOCK_STOCK, {"products": sorted(products)})
    return {row.product: stock_of(row) for row in rows}


async def _move(
    tx: Transaction, before: Mapping[str, Stock], after: Mapping[str, Stock]
) -> Sequence[Stock]:
    """Write the stock that is not what it was before, and return it."""
    changed = [stock for product, stock in after.items() if stock is not before.get(product)]
    new = [stock for stock in changed if stock.product not in before]
    steps = [_step(before[stock.product], stock) for stock in changed if stock.product in before]
    if new:
        await tx.execute(insert(STOCK), [stock_values(stock) for stock in new])
    if steps and (await tx.execute(MOVE_STOCK, steps)).count != len(steps):
        raise Conflict("stock_revision")
    return changed


def _step(before: Stock, after: Stock) -> dict[str, object]:
    return {
        "this": before.product,
        "read": before.revision,
        "brought": after.on_hand - before.on_hand,
        "kept": after.reserved - before.reserved,
        "now": microseconds(after.update_time),
        "next": after.revision,
    }


async def _become(tx: Transaction, changes: Sequence[tuple[Reservation, Reservation]]) -> None:
    """Write the reservations' new states."""
    steps = [
        {
            "this": before.order,
            "read": before.state.value,
            "next": after.state.value,
            "then": microseconds(after.update_time),
        }
        for before, after in changes
    ]
    if steps and (await tx.execute(MOVE_RESERVATION, steps)).count != len(steps):
        raise Conflict("reservations_state")


async def _add(tx: Transaction, reservation: Reservation, claim: Claim | None) -> None:
    await tx.execute(insert(RESERVATIONS), reservation_values(reservation, claim))
    if reservation.lines:
        await tx.execute(insert(LINES), line_values(reservation))


async def _with_lines(tx: Snapshot, rows: Sequence[Row[Any]]) -> list[Reservation]:
    """Return the reservations of these rows."""
    if not rows:
        return []
    orders = {"orders": [row.order_name for row in rows]}
    found = groupby(await tx.execute(FIND_LINES, orders), key=lambda line: line.order_name)
    lines = {order: list(group) for order, group in found}
    return [reservation_of(row, lines.get(row.order_name, ())) for row in rows]


async def _reserved(tx: Transaction, order: str, claim: Claim) -> Reservation | None:
    """Return the reservation that the claim's request has made.

    Raises:
        RequestIdReused: another request has made one with this id.
        ReservationReleased, ReservationExists: the order has another one.
    """
    asked = {"order": order, "request_id": claim.request_id}
    rows = (await tx.execute(FIND_RESERVATIONS, asked)).rows
    for row in rows:
        if row.request_id == claim.request_id:
            _check(row, claim)
            return (await _with_lines(tx, [row]))[0]
    for other in await _with_lines(tx, rows):
        raise other.another()
    return None


async def _adjusted(tx: Transaction, claim: Claim) -> Stock | None:
    """Return the stock as the claim's request left it.

    Raises:
        RequestIdReused: another request has used this id.
    """
    asked = {"actor": claim.caller, "request_id": claim.request_id}
    row = (await tx.execute(FIND_ADJUSTMENT, asked)).first()
    if row is None:
        return None
    _check(row, claim)
    return stock_of(row)


def _check(row: Row[Any], claim: Claim) -> None:
    if bytes(row.fingerprint) != claim.fingerprint:
        raise RequestIdReused.of(claim.request_id)
