"""The arithmetic of stock."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import Code
from plait.mesh.status import MAX_DETAILS, MAX_MESSAGE, from_status, to_status
from services.inventory.domain import (
    EtagMismatch,
    Move,
    OutOfStock,
    Short,
    StockNotFound,
    StockTooLow,
    held,
    moved,
    product_of,
    stock_name,
)
from tests.services.inventory.goods import MINUTE, NOW, adjustment, stock

P1, P2, P3 = "products/p1", "products/p2", "products/p3"
LATER = NOW + MINUTE


@pytest.mark.parametrize(("on_hand", "reserved"), [(0, 0), (1, 0), (1, 1), (2**62, 2**62)])
def test_a_stock_may_be_reserved_to_the_last_piece(on_hand, reserved):
    assert stock(on_hand, reserved).available == on_hand - reserved


@pytest.mark.parametrize(("on_hand", "reserved"), [(0, 1), (1, 2), (-1, 0), (1, -1), (-2, -1)])
def test_a_stock_that_cannot_be_does_not_exist(on_hand, reserved):
    with pytest.raises(ValueError, match="products/p1 cannot have"):
        stock(on_hand, reserved)


def test_a_stock_is_named_after_its_product():
    assert stock().name == "products/p1/stock" == stock_name(P1)
    assert product_of("products/p1/stock") == P1


def test_every_change_is_another_revision_with_another_etag():
    before = stock(10, 1)

    after = before.moved(on_hand=5, reserved=2, now=LATER)

    assert (after.on_hand, after.reserved, after.update_time) == (15, 3, LATER)
    assert after.revision == before.revision + 1
    assert after.etag != before.etag


@pytest.mark.parametrize(
    "other", [{"product": P2}, {"revision": 2}, {"update_time": NOW + timedelta(microseconds=1)}]
)
def test_an_etag_differs_by_product_revision_and_time(other):
    assert stock(**other).etag != stock().etag
    assert len(stock().etag) <= 64


@pytest.mark.parametrize("delta", [1, 1_000_000, -1, -7])
def test_an_adjustment_adds_or_takes_away(delta):
    before = stock(10, 3)

    after = adjustment(delta).apply(before, before, now=LATER)

    assert (after.on_hand, after.reserved, after.update_time) == (10 + delta, 3, LATER)


def test_pieces_that_are_reserved_cannot_be_taken_away():
    before = stock(10, 3)

    with pytest.raises(StockTooLow) as caught:
        adjustment(-8).apply(before, before, now=LATER)

    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.reason == "STOCK_TOO_LOW"
    assert caught.value.resource == "products/p1/stock"
    assert caught.value.metadata == {"product": P1, "on_hand": "10", "reserved": "3"}


def test_the_first_adjustment_makes_the_stock():
    made = adjustment(4).apply(None, None, now=LATER)

    assert (made.product, made.on_hand, made.reserved, made.revision) == (P1, 4, 0, 1)


def test_nothing_can_be_taken_from_a_stock_that_is_not_there():
    with pytest.raises(StockTooLow, match="0 pieces"):
        adjustment(-1).apply(None, None, now=LATER)


def test_an_adjustment_with_the_etag_of_now_is_made():
    before = stock()

    assert adjustment(1, etag=before.etag).apply(before, before, now=LATER).on_hand == 11


@pytest.mark.parametrize("before", [stock(revision=2), None])
def test_an_adjustment_with_another_etag_is_refused(before):
    with pytest.raises(EtagMismatch) as caught:
        adjustment(1, etag=stock().etag).apply(before, before, now=LATER)

    assert caught.value.code is Code.ABORTED
    assert caught.value.reason == "ETAG_MISMATCH"
    assert caught.value.resource == "products/p1/stock"


def test_a_stale_etag_is_told_before_too_few_pieces_are():
    before = stock(1)

    with pytest.raises(EtagMismatch):
        adjustment(-5, etag="stale").apply(before, before, now=LATER)


def test_what_expired_holds_give_back_can_be_taken_away_by_who_knew_the_stock_before():
    read = stock(10, 10)
    free = read.moved(reserved=-10, now=LATER)

    after = adjustment(-10, etag=read.etag).apply(read, free, now=LATER)

    assert (after.on_hand, after.reserved) == (0, 0)
    assert after.revision > free.revision


def test_stock_that_does_not_move_stays_what_it_is():
    stocks = {P1: stock(), P2: stock(product=P2)}

    after = moved(stocks, [Move(product=P1, reserved=2), Move(product=P2)], now=LATER)

    assert after[P1] == stock().moved(reserved=2, now=LATER)
    assert after[P2] is stocks[P2]
    assert stocks[P1] == stock()


def test_moves_of_the_same_product_add_up():
    moves = [Move(product=P1, reserved=2), Move(product=P1, on_hand=-1, reserved=-1)]

    after = moved({P1: stock()}, moves, now=LATER)

    assert (after[P1].on_hand, after[P1].reserved) == (9, 1)


@pytest.mark.parametrize(("wanted", "fits"), [(6, True), (7, True), (8, False)])
def test_no_more_is_held_than_is_available(wanted, fits):
    stocks = {P1: stock(10, 3)}

    if fits:
        assert held(stocks, [Move(product=P1, reserved=wanted)], now=LATER)[P1].reserved == (
            3 + wanted
        )
    else:
        with pytest.raises(OutOfStock):
            held(stocks, [Move(product=P1, reserved=wanted)], now=LATER)


def test_every_product_of_which_too_few_are_available_is_named():
    stocks = {P1: stock(1), P2: stock(5, product=P2)}
    wanted = [Move(product=name, reserved=3) for name in (P1, P2, P3)]

    with pytest.raises(OutOfStock) as caught:
        held(stocks, wanted, now=LATER)

    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.reason == "OUT_OF_STOCK"
    assert caught.value.metadata == {"products": f"{P1},{P3}"}
    assert "products/p1 (3 wanted, 1 available), products/p3 (3 wanted, 0" in caught.value.message


def shorts(count, length=20):
    """Products whose ids have this length."""
    return [
        Short(product=f"products/{number:0{length}}", wanted=1000, available=999)
        for number in range(count)
    ]


def told(error):
    """The products that arrive at a caller, who reads each value of the metadata."""
    sent = to_status(error, "inventory.shop")
    got = from_status(sent.code, sent.message, sent.SerializeToString())
    values = [v for k, v in got.metadata.items() if k.startswith("products") and "left" not in k]
    return [name for value in values for name in value.split(",")], got


@pytest.mark.parametrize("count", [1, 3, 4, 8, 9, 99, 100])
def test_up_to_a_hundred_products_of_the_usual_names_are_all_told(count):
    given = shorts(count)

    names, got = told(OutOfStock.of(given))

    assert sorted(names) == [short.product for short in given]
    assert "products_left_out" not in got.metadata


@pytest.mark.parametrize("length", [1, 20, 21, 40, 63])
def test_an_error_fits_and_counts_what_does_not(length):
    given = shorts(100 if length > 1 else 10, length)

    names, got = told(OutOfStock.of(given))

    assert set(names) <= {short.product for short in given}
    assert len(names) + int(got.metadata.get("products_left_out", 0)) == len(given)
    assert len(names) >= min(len(given), 41)
    assert len(to_status(OutOfStock.of(given), "inventory.shop").SerializeToString()) <= MAX_DETAILS
    assert len(got.message) <= MAX_MESSAGE
    assert not got.message.endswith("…")


def test_a_stock_that_is_not_there_is_named():
    error = StockNotFound.of(P1)

    assert (error.code, error.reason) == (Code.NOT_FOUND, "STOCK_NOT_FOUND")
    assert error.resource == "products/p1/stock"


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=20))
def test_no_row_of_moves_leads_to_a_stock_that_cannot_be(steps):
    stocks = {P1: stock(10, 5)}
    for on_hand, reserved in steps:
        try:
            stocks = moved(
                stocks, [Move(product=P1, on_hand=on_hand, reserved=reserved)], now=LATER
            )
        except ValueError:
            continue
        assert 0 <= stocks[P1].reserved <= stocks[P1].on_hand
