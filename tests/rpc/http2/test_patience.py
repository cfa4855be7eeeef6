"""How much a peer may ask for that carries no call."""

import pytest

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.patience import Limits, Patience

FEW = Limits(nuisances=3, nuisances_a_second=2, resets=2, resets_a_second=1)


def spend(act, count):
    for _ in range(count):
        act()


def test_as_many_nuisances_as_were_saved_up_are_borne():
    patience = Patience(FEW)
    spend(lambda: patience.nuisance("PINGs"), 3)

    with pytest.raises(ConnectionFailed, match="too many PINGs") as refused:
        patience.nuisance("PINGs")

    assert refused.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_what_costs_more_counts_more_and_may_say_so_in_its_own_words():
    patience = Patience(FEW)
    patience.nuisance("x", weight=3)

    with pytest.raises(ConnectionFailed, match="too_many_pings"):
        patience.nuisance("PINGs", message="too_many_pings")


def test_as_many_early_ends_as_were_saved_up_are_borne():
    patience = Patience(FEW)
    spend(patience.early_end, 2)

    with pytest.raises(ConnectionFailed, match="too many streams end early"):
        patience.early_end()


def test_time_brings_patience_back_but_never_more_than_at_first():
    patience = Patience(FEW)
    spend(lambda: patience.nuisance("x"), 3)
    spend(patience.early_end, 2)

    patience.tick()
    spend(lambda: patience.nuisance("x"), 2)
    spend(patience.early_end, 1)
    spend(patience.tick, 9)
    spend(lambda: patience.nuisance("x"), 3)
    spend(patience.early_end, 2)

    with pytest.raises(ConnectionFailed):
        patience.nuisance("x")
    with pytest.raises(ConnectionFailed):
        patience.early_end()


def test_honest_work_pays_for_the_frames_that_accompany_it():
    patience = Patience(FEW)

    for _ in range(100):
        patience.work()
        spend(lambda: patience.nuisance("x"), 3)


def test_a_call_that_goes_to_its_end_pays_for_one_that_does_not():
    patience = Patience(FEW)

    for _ in range(100):
        patience.whole_call()
        patience.early_end()
