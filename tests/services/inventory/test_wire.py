"""Messages and what they mean."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from services.inventory import wire
from services.inventory.reservation import State
from shop.inventory.v1 import inventory_pb2 as pb
from tests.services.inventory.goods import MINUTE, NOW, adjustment, hold, lines, reservation, stock


def test_a_stock_becomes_a_message():
    said = wire.stock_to(stock(10, 3))

    assert said.name == "products/p1/stock"
    assert said.product == "products/p1"
    assert (said.on_hand, said.reserved, said.available) == (10, 3, 7)
    assert said.update_time.ToDatetime(NOW.tzinfo) == NOW
    assert said.etag == stock(10, 3).etag


def test_a_reservation_becomes_a_message():
    said = wire.reservation_to(reservation(State.CONFIRMED, update_time=NOW + MINUTE))

    assert (said.name, said.order) == ("reservations/o1", "orders/o1")
    assert [(line.product, line.quantity) for line in said.lines] == [
        ("products/p1", 2),
        ("products/p2", 3),
    ]
    assert said.state == pb.Reservation.STATE_CONFIRMED
    assert said.expire_time.ToDatetime(NOW.tzinfo) == NOW + MINUTE
    assert said.create_time.ToDatetime(NOW.tzinfo) == NOW
    assert said.update_time.ToDatetime(NOW.tzinfo) == NOW + MINUTE


def test_one_that_was_released_before_it_was_made_has_no_time_to_expire():
    said = wire.reservation_to(reservation(State.RELEASED, lines=(), expire_time=None))

    assert not said.HasField("expire_time")
    assert list(said.lines) == []


def test_every_state_has_its_own_word():
    words = {wire.reservation_to(reservation(state)).state for state in State}

    assert words == set(pb.Reservation.State.values()) - {pb.Reservation.STATE_UNSPECIFIED}


def test_an_adjustment_is_read_with_who_makes_it():
    said = pb.AdjustStockRequest(name="products/p1/stock", delta=-3, reason="broken", etag="abc")

    assert wire.adjustment_from(said, "users/a") == adjustment(
        -3, reason="broken", actor="users/a", etag="abc"
    )


def test_a_hold_is_read():
    said = pb.ReserveRequest(
        order="orders/o1",
        lines=[
            pb.ReservationLine(product="products/p2", quantity=3),
            pb.ReservationLine(product="products/p1", quantity=2),
        ],
        ttl=Duration(seconds=60),
    )

    assert wire.hold_from(said) == hold(p2=3, p1=2)


@pytest.mark.parametrize(
    ("nanos", "microseconds"),
    [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (999_999_999, 10**6)],
)
def test_a_time_to_live_is_rounded_up_to_the_microsecond(nanos, microseconds):
    said = pb.ReserveRequest(
        order="orders/o1",
        lines=[pb.ReservationLine(product="products/p1", quantity=1)],
        ttl=Duration(seconds=3, nanos=nanos),
    )

    assert wire.hold_from(said).ttl == timedelta(seconds=3, microseconds=microseconds)


def test_stock_is_asked_for_by_its_name():
    assert wire.products_from(["products/b/stock", "products/a/stock"]) == [
        "products/b",
        "products/a",
    ]


def test_lines_keep_their_order():
    said = wire.reservation_to(reservation(lines=lines(p9=1, p1=1)))

    assert [line.product for line in said.lines] == ["products/p9", "products/p1"]
