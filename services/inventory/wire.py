"""protobuf <-> domain: the inventory's messages, translated and not judged."""

from collections.abc import Iterable
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from plait.wire import time_to
from services.inventory.domain import Adjustment, Stock, product_of
from services.inventory.reservation import Hold, Line, Reservation, State
from shop.inventory.v1 import inventory_pb2 as pb

_STATES = {state: pb.Reservation.State.Value(f"STATE_{state.value}") for state in State}


def stock_to(stock: Stock) -> pb.Stock:
    return pb.Stock(
        name=stock.name,
        product=stock.product,
        on_hand=stock.on_hand,
        reserved=stock.reserved,
        available=stock.available,
        update_time=time_to(stock.update_time),
        etag=stock.etag,
    )


def reservation_to(reservation: Reservation) -> pb.Reservation:
    due = reservation.expire_time
    return pb.Reservation(
        name=reservation.name,
        order=reservation.order,
        lines=map(_line_to, reservation.lines),
        state=_STATES[reservation.state],
        expire_time=time_to(due) if due else None,
        create_time=time_to(reservation.create_time),
        update_time=time_to(reservation.update_time),
    )


def products_from(names: Iterable[str]) -> list[str]:
    """Return the products of the names of their stock."""
    return [product_of(name) for name in names]


def adjustment_from(message: pb.AdjustStockRequest, actor: str) -> Adjustment:
    return Adjustment(
        product=product_of(message.name),
        delta=message.delta,
        reason=message.reason,
        actor=actor,
        etag=message.etag,
    )


def hold_from(message: pb.ReserveRequest) -> Hold:
    return Hold(
        order=message.order,
        lines=tuple(Line(product=line.product, quantity=line.quantity) for line in message.lines),
        ttl=_life_from(message.ttl),
    )


def _life_from(message: Duration) -> timedelta:
    """Return a duration to the microsecond, rounded up: the shortest is longer than nothing."""
    return timedelta(seconds=message.seconds, microseconds=-(-message.nanos // 1000))


def _line_to(line: Line) -> pb.ReservationLine:
    return pb.ReservationLine(product=line.product, quantity=line.quantity)
