"""How long a connection lives, decided on a clock of the test's own."""

import pytest

from plait.rpc.lifetime import Do, Lifetime, Lifetimes

QUICK = Lifetimes(keepalive=60.0, keepalive_timeout=20.0)


def test_a_peer_that_does_not_greet_is_dropped():
    life = Lifetime(Lifetimes(greeting=10.0), 0.0)

    assert life.next(9.9, calls=0, owes=True) is Do.NOTHING
    assert life.next(10.0, calls=0, owes=True) is Do.DROP


def test_a_silent_peer_with_calls_is_asked_and_dropped_if_it_does_not_answer():
    life = Lifetime(QUICK, 0.0)

    assert life.next(59.9, calls=1, owes=False) is Do.NOTHING
    assert life.next(60.0, calls=1, owes=False) is Do.PING
    assert life.next(79.9, calls=1, owes=False) is Do.NOTHING
    assert life.next(80.0, calls=1, owes=False) is Do.DROP


def test_an_answer_keeps_it():
    life = Lifetime(QUICK, 0.0)
    life.next(60.0, calls=1, owes=False)

    life.heard(61.0)

    assert life.next(90.0, calls=1, owes=False) is Do.NOTHING
    assert life.next(121.0, calls=1, owes=False) is Do.PING


@pytest.mark.parametrize(("wanted", "done"), [(False, Do.NOTHING), (True, Do.PING)])
def test_without_calls_a_peer_is_asked_only_if_that_is_wanted(wanted, done):
    life = Lifetime(Lifetimes(keepalive=60.0, keepalive_without_calls=wanted), 0.0)

    assert life.next(60.0, calls=0, owes=False) is done


def test_a_connection_that_nobody_uses_is_ended():
    life = Lifetime(Lifetimes(idle=30.0), 0.0)

    assert life.next(20.0, calls=1, owes=False) is Do.NOTHING
    assert life.next(49.9, calls=0, owes=False) is Do.NOTHING
    assert life.next(50.0, calls=0, owes=False) is Do.END
    assert life.next(51.0, calls=0, owes=False) is Do.NOTHING


def test_an_old_connection_is_ended_and_its_calls_get_their_grace():
    life = Lifetime(Lifetimes(age=100.0, age_grace=10.0), 0.0)

    assert life.next(99.9, calls=1, owes=False) is Do.NOTHING
    assert life.next(100.0, calls=1, owes=False) is Do.END
    assert life.next(109.9, calls=1, owes=False) is Do.NOTHING
    assert life.next(110.0, calls=1, owes=False) is Do.DROP
