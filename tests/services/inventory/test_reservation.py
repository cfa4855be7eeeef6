"""The states of a reservation, and what each of its changes does to the stock."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import Code, Error
from services.inventory.domain import Move
from services.inventory.reservation import (
    OPEN,
    Hold,
    Line,
    ReservationExists,
    ReservationReleased,
    State,
    committed,
    confirmed,
    moves,
    released,
    reservation_name,
    restocked,
)
from tests.services.inventory.goods import MINUTE, NOW, lines, reservation

ORDER = "orders/o1"
DUE = NOW + MINUTE
JUST = timedelta(microseconds=1)
ACTS = {"Confirm": confirmed, "Commit": committed, "Release": released, "Restock": restocked}

# What each method makes of each state: the state afterwards, or the reason why not.
TABLE = {
    ("Confirm", "HELD"): "CONFIRMED",
    ("Confirm", "CONFIRMED"): "CONFIRMED",
    ("Confirm", "COMMITTED"): "COMMITTED",
    ("Confirm", "RELEASED"): "RESERVATION_RELEASED",
    ("Confirm", "EXPIRED"): "RESERVATION_EXPIRED",
    ("Confirm", "RESTOCKED"): "RESTOCKED",
    ("Commit", "HELD"): "RESERVATION_NOT_CONFIRMED",
    ("Commit", "CONFIRMED"): "COMMITTED",
    ("Commit", "COMMITTED"): "COMMITTED",
    ("Commit", "RELEASED"): "RESERVATION_NOT_CONFIRMED",
    ("Commit", "EXPIRED"): "RESERVATION_NOT_CONFIRMED",
    ("Commit", "RESTOCKED"): "RESERVATION_NOT_CONFIRMED",
    ("Release", "HELD"): "RELEASED",
    ("Release", "CONFIRMED"): "RELEASED",
    ("Release", "COMMITTED"): "RESERVATION_COMMITTED",
    ("Release", "RELEASED"): "RELEASED",
    ("Release", "EXPIRED"): "EXPIRED",
    ("Release", "RESTOCKED"): "RESTOCKED",
    ("Restock", "HELD"): "RESERVATION_NOT_COMMITTED",
    ("Restock", "CONFIRMED"): "RESERVATION_NOT_COMMITTED",
    ("Restock", "COMMITTED"): "RESTOCKED",
    ("Restock", "RELEASED"): "RESERVATION_NOT_COMMITTED",
    ("Restock", "EXPIRED"): "RESERVATION_NOT_COMMITTED",
    ("Restock", "RESTOCKED"): "RESTOCKED",
}


def test_the_table_says_what_every_method_makes_of_every_state():
    assert set(TABLE) == {(act, state.value) for act in ACTS for state in State}


@pytest.mark.parametrize(("act", "state"), [key for key in TABLE if "_" not in TABLE[key]])
def test_a_reservation_goes_from_state_to_state(act, state):
    before = reservation(State(state))

    after = ACTS[act](before, ORDER, NOW + 2 * MINUTE)

    assert after.state.value == TABLE[act, state]
    if state == TABLE[act, state]:
        assert after is before
    else:
        assert after.update_time == NOW + 2 * MINUTE
    assert (after.lines, after.expire_time, after.create_time) == (before.lines, DUE, NOW)


@pytest.mark.parametrize(("act", "state"), [key for key in TABLE if "_" in TABLE[key]])
def test_what_a_state_does_not_allow_is_refused(act, state):
    with pytest.raises(Error) as caught:
        ACTS[act](reservation(State(state)), ORDER, NOW)

    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.reason == TABLE[act, state]
    assert caught.value.resource == "reservations/o1"
    assert caught.value.metadata == {"order": ORDER, "state": state}


@pytest.mark.parametrize("act", ["Confirm", "Commit", "Restock"])
def test_without_a_reservation_there_is_nothing_to_do(act):
    with pytest.raises(Error) as caught:
        ACTS[act](None, ORDER, NOW)

    assert (caught.value.code, caught.value.reason) == (Code.NOT_FOUND, "RESERVATION_NOT_FOUND")
    assert caught.value.resource == "reservations/o1"


def test_an_order_is_released_before_it_was_reserved():
    left = released(None, ORDER, NOW)

    assert (left.order, left.state, left.lines) == (ORDER, State.RELEASED, ())
    assert (left.expire_time, left.create_time, left.update_time) == (None, NOW, NOW)
    assert left.at(NOW + MINUTE) is left


@pytest.mark.parametrize(
    ("moment", "state"),
    [(DUE - JUST, State.HELD), (DUE, State.EXPIRED), (DUE + JUST, State.EXPIRED)],
)
def test_a_hold_expires_by_itself_at_its_time(moment, state):
    seen = reservation(State.HELD).at(moment)

    assert seen.state is state
    assert seen.update_time == (DUE if state is State.EXPIRED else NOW)


@pytest.mark.parametrize("state", [state for state in State if state is not State.HELD])
def test_only_a_hold_expires(state):
    kept = reservation(state)

    assert kept.at(DUE + MINUTE) is kept


@pytest.mark.parametrize("state", State)
def test_an_order_has_one_reservation(state):
    refusal = reservation(state).another()

    expected = ReservationReleased if state is State.RELEASED else ReservationExists
    assert type(refusal) is expected
    assert refusal.metadata["state"] == state.value
    if expected is ReservationExists:
        assert (refusal.code, refusal.reason) == (Code.ALREADY_EXISTS, "RESERVATION_EXISTS")


def test_a_hold_becomes_a_reservation_that_expires():
    hold = Hold(order=ORDER, lines=lines(p1=2), ttl=MINUTE)

    assert hold.at(NOW) == reservation(lines=lines(p1=2))


def on_hand(state):
    return {State.COMMITTED: -1}.get(state, 0)


def reserved(state):
    return {State.HELD: 1, State.CONFIRMED: 1}.get(state, 0)


@pytest.mark.parametrize("before", [None, *State])
@pytest.mark.parametrize("after", State)
def test_a_change_moves_the_pieces_of_every_line(before, after):
    change = moves(before and reservation(before), reservation(after))

    off = on_hand(after) - (on_hand(before) if before else 0)
    kept = reserved(after) - (reserved(before) if before else 0)
    assert change == (
        Move(product="products/p1", on_hand=2 * off, reserved=2 * kept),
        Move(product="products/p2", on_hand=3 * off, reserved=3 * kept),
    )


def test_open_are_the_states_in_which_pieces_are_kept():
    assert {State.HELD, State.CONFIRMED} == OPEN


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12), st.integers(0, 12))
def test_whatever_is_done_pieces_are_never_lost_nor_kept_twice(acts, expires_after):
    shelf, kept = 10, 0
    found = None
    for number, act in enumerate(acts):
        now = DUE if number >= expires_after else NOW
        try:
            after = ACTS[act](found and found.at(now), ORDER, now)
        except Error:
            continue
        for move in moves(found, after):
            shelf, kept = shelf + move.on_hand, kept + move.reserved
        found = after
        sold = sum(line.quantity for line in found.lines if found.state is State.COMMITTED)
        held = sum(line.quantity for line in found.lines if found.state in OPEN)
        assert (shelf, kept) == (10 - sold, held)


def test_a_reservation_is_named_after_its_order():
    assert reservation_name(ORDER) == "reservations/o1" == reservation().name


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_holds_a_piece_or_more(quantity):
    assert Line(product="products/p1", quantity=1).quantity == 1
    with pytest.raises(ValueError, match="a piece or more"):
        Line(product="products/p1", quantity=quantity)


def test_a_product_is_held_in_one_line():
    with pytest.raises(ValueError, match="twice"):
        reservation(lines=lines(p1=1) + lines(p1=2))


@pytest.mark.parametrize("nothing", [{"lines": ()}, {"expire_time": None}])
@pytest.mark.parametrize("state", State)
def test_only_what_was_released_may_hold_nothing(nothing, state):
    if state is State.RELEASED:
        assert reservation(state, **nothing).state is State.RELEASED
    else:
        with pytest.raises(ValueError, match="holds nothing"):
            reservation(state, **nothing)
