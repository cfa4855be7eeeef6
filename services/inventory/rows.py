"""The tables of the inventory, and stock and reservations as their rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Row, Table, Text

from plait.data.claims import Claim
from plait.data.times import microseconds, time_of
from services.inventory.domain import Adjustment, Stock
from services.inventory.reservation import Line, Reservation, State

_METADATA = MetaData()
STOCK = Table(
    "stock",
    _METADATA,
    Column("product", Text),
    *(Column(name, BigInteger) for name in ("on_hand", "reserved", "update_time", "revision")),
)
RESERVATIONS = Table(
    "reservations",
    _METADATA,
    *(Column(name, Text) for name in ("order_name", "state")),
    *(Column(name, BigInteger) for name in ("expire_time", "create_time", "update_time")),
    Column("request_id", Text),
    Column("fingerprint", LargeBinary),
)
LINES = Table(
    "reservation_lines",
    _METADATA,
    *(Column(name, Text) for name in ("order_name", "product")),
    *(Column(name, Integer) for name in ("position", "quantity")),
)
ADJUSTMENTS = Table(
    "adjustments",
    _METADATA,
    Column("product", Text),
    *(Column(name, BigInteger) for name in ("revision", "on_hand", "reserved", "update_time")),
    Column("delta", BigInteger),
    *(Column(name, Text) for name in ("reason", "actor", "request_id")),
    Column("fingerprint", LargeBinary),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is known of one product from two sides, which must agree.

    `on_hand` and `reserved` are its stock's; `kept` and `sold` are the pieces of its open and of
    its committed reservations, `adjusted` the sum of what people have added and taken away.
    """

    product: str
    on_hand: int
    reserved: int
    kept: int
    sold: int
    adjusted: int

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with it, a sentence each; nothing if all is well."""
        found: list[str] = []
        if not 0 <= self.reserved <= self.on_hand:
            found.append(f"{self.on_hand} are on the shelf and {self.reserved} reserved")
        if self.reserved != self.kept:
            found.append(f"{self.reserved} are reserved, but open reservations keep {self.kept}")
        if self.on_hand != self.adjusted - self.sold:
            found.append(
                f"{self.on_hand} are on the shelf, but of {self.adjusted} that came {self.sold} "
                "were sold"
            )
        return tuple(f"{self.product}: {fault}" for fault in found)


def stock_of(row: Row[Any]) -> Stock:
    """Return the stock of a row, or the stock as an adjustment left it."""
    return Stock(
        product=row.product,
        on_hand=row.on_hand,
        reserved=row.reserved,
        update_time=time_of(row.update_time),
        revision=row.revision,
    )


def stock_values(stock: Stock) -> dict[str, object]:
    """Return the columns of a stock."""
    return {
        "product": stock.product,
        "on_hand": stock.on_hand,
        "reserved": stock.reserved,
        "update_time": microseconds(stock.update_time),
        "revision": stock.revision,
    }


def adjustment_values(
    adjustment: Adjustment, after: Stock, claim: Claim | None
) -> dict[str, object]:
    """Return the columns that record an adjustment, and what it was answered."""
    return {
        **stock_values(after),
        "delta": adjustment.delta,
        "reason": adjustment.reason,
        "actor": adjustment.actor,
        "request_id": claim and claim.request_id,
        "fingerprint": claim and claim.fingerprint,
    }


def reservation_of(row: Row[Any], lines: Iterable[Row[Any]]) -> Reservation:
    """Return the reservation of a row and the rows of its lines."""
    return Reservation(
        order=row.order_name,
        lines=tuple(Line(product=line.product, quantity=line.quantity) for line in lines),
        state=State(row.state),
        expire_time=None if row.expire_time is None else time_of(row.expire_time),
        create_time=time_of(row.create_time),
        update_time=time_of(row.update_time),
    )


def reservation_values(reservation: Reservation, claim: Claim | None) -> dict[str, object]:
    """Return the columns of a reservation, without its lines."""
    due = reservation.expire_time
    return {
        "order_name": reservation.order,
        "state": reservation.state.value,
        "expire_time": due and microseconds(due),
        "create_time": microseconds(reservation.create_time),
        "update_time": microseconds(reservation.update_time),
        "request_id": claim and claim.request_id,
        "fingerprint": claim and claim.fingerprint,
    }


def line_values(reservation: Reservation) -> list[dict[str, object]]:
    """Return the columns of each line of a reservation, in their order."""
    return [
        {
            "order_name": reservation.order,
            "product": line.product,
            "position": position,
            "quantity": line.quantity,
        }
        for position, line in enumerate(reservation.lines)
    ]
