"""Rows and what they mean; that they come back as they were is shown by the store's tests."""

import pytest

from services.inventory.rows import Balance, adjustment_values, reservation_values
from tests.services.inventory.goods import adjustment, claim, reservation, stock

BALANCED = {"on_hand": 7, "reserved": 2, "kept": 2, "sold": 3, "adjusted": 10}


def balance(**wrong):
    return Balance(product="products/p1", **(BALANCED | wrong))


def test_books_that_agree_have_no_fault():
    assert balance().faults == ()
    assert balance(on_hand=0, reserved=0, kept=0, sold=0, adjusted=0).faults == ()
    assert balance(reserved=7, kept=7).faults == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reserved": 3}, "3 are reserved, but open reservations keep 2"),
        ({"kept": 1}, "2 are reserved, but open reservations keep 1"),
        ({"on_hand": 8}, "8 are on the shelf, but of 10 that came 3 were sold"),
        ({"sold": 4}, "7 are on the shelf, but of 10 that came 4 were sold"),
        ({"adjusted": 11}, "7 are on the shelf, but of 11 that came 3 were sold"),
        ({"reserved": 8, "kept": 8}, "7 are on the shelf and 8 reserved"),
        ({"reserved": -1, "kept": -1}, "7 are on the shelf and -1 reserved"),
    ],
)
def test_each_fault_is_a_sentence_with_the_product(wrong, said):
    assert balance(**wrong).faults == (f"products/p1: {said}",)


def test_books_that_are_wrong_altogether_have_every_fault():
    assert len(balance(on_hand=-1).faults) == 2
    assert len(balance(on_hand=1, reserved=3).faults) == 3


def test_what_has_no_request_id_is_kept_without_one():
    assert adjustment_values(adjustment(1), stock(), None)["request_id"] is None
    assert reservation_values(reservation(), None)["fingerprint"] is None


def test_what_has_a_request_id_is_kept_with_it():
    asked = claim("this", request_id="r1")

    for values in (
        adjustment_values(adjustment(1), stock(), asked),
        reservation_values(reservation(), asked),
    ):
        assert (values["request_id"], values["fingerprint"]) == ("r1", asked.fingerprint)
