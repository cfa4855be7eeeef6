"""What each event makes of a process."""

import random

import pytest

from plait.local.backoff import BackOff
from plait.local.lifecycle import Process, State, how_it_ended

BACK_OFF = BackOff()


@pytest.fixture
def born():
    return Process(name="catalog", address="127.0.0.1:9092").born(42, now=100.0)


def test_a_process_that_was_born_starts_until_it_is_healthy(born):
    ready = born.answered("", now=101.0)

    assert (born.state, born.pid, born.restarts) == (State.STARTING, 42, 0)
    assert (ready.state, ready.healthy_since) == (State.READY, 101.0)


def test_a_problem_while_it_starts_is_no_news(born):
    assert born.answered("refuses connections", now=101.0) == born


@pytest.mark.parametrize(("now", "too_long"), [(129.9, False), (130.0, True), (130.1, True)])
def test_a_start_hangs_from_its_limit_on(born, now, too_long):
    assert born.hangs(30.0, now) is too_long


def test_only_a_process_that_was_never_healthy_hangs(born):
    ready = born.answered("", now=101.0)

    assert not ready.hangs(30.0, now=1000.0)
    assert not ready.answered("NOT_SERVING", now=102.0).hangs(30.0, now=1000.0)
    assert not born.stopping().hangs(30.0, now=1000.0)


def test_a_ready_process_with_a_problem_is_unready_and_says_why(born):
    unready = born.answered("", now=101.0).answered("NOT_SERVING", now=102.0)

    assert (unready.state, unready.note) == (State.UNREADY, "NOT_SERVING")
    assert unready.answered("", now=103.0).note == ""


def test_what_is_known_of_it_outlasts_a_problem(born):
    ready = born.answered("", now=101.0).noted("its seed exited with code 1", busy=False)
    unready = ready.answered("NOT_SERVING", now=102.0)

    assert unready.note == "NOT_SERVING"
    assert unready.answered("", now=103.0).note == "its seed exited with code 1"


def test_what_becomes_known_during_a_problem_is_shown_after_it(born):
    unready = born.answered("", now=101.0).answered("NOT_SERVING", now=102.0)

    seeded = unready.noted("seeded", busy=False)

    assert seeded.note == "NOT_SERVING"
    assert seeded.answered("", now=103.0).note == "seeded"


def test_health_is_news_only_once(born):
    ready = born.answered("", now=101.0)

    assert ready.answered("", now=105.0) is ready


def test_a_process_that_ends_is_restarted_and_failed_after_three_times(born):
    once = born.ended("exited with code 1", 101.0, BACK_OFF)
    twice = once.born(43, 102.0).ended("exited with code 1", 103.0, BACK_OFF)
    thrice = twice.born(44, 104.0).ended("exited with code 1", 105.0, BACK_OFF)

    assert [once.state, twice.state] == [State.RESTARTING, State.RESTARTING]
    assert (thrice.state, thrice.pid, thrice.ends) == (State.FAILED, 0, 3)
    assert thrice.note == "exited with code 1"
    assert thrice.restarts == 2


def test_an_end_after_ten_healthy_seconds_counts_as_the_first(born):
    weak = born.ended("x", 101.0, BACK_OFF).born(43, 102.0).answered("", now=102.0)

    assert weak.ended("x", 111.9, BACK_OFF).ends == 2
    assert weak.ended("x", 112.0, BACK_OFF).ends == 1


def test_health_before_it_was_unready_does_not_count(born):
    shaky = born.answered("", now=101.0).answered("NOT_SERVING", now=130.0)

    assert shaky.ended("x", 131.0, BACK_OFF).ended("x", 131.0, BACK_OFF).ends == 2


def test_the_pause_grows_with_the_ends(born):
    rng = random.Random(7)
    first = born.ended("x", 101.0, BACK_OFF)
    tenth = first
    for _ in range(9):
        tenth = tenth.ended("x", 101.0, BACK_OFF)

    assert 0.05 <= first.pause(BACK_OFF, rng) <= 0.1
    assert 5.0 <= tenth.pause(BACK_OFF, rng) <= 10.0


def test_a_wanted_restart_forgets_what_was(born):
    renewed = born.ended("x", 101.0, BACK_OFF).renewed()

    assert (renewed.state, renewed.ends, renewed.note) == (State.RESTARTING, 0, "")


def test_health_says_nothing_about_a_process_that_is_stopping(born):
    stopping = born.answered("", now=101.0).stopping()

    assert stopping.answered("refuses connections", now=102.0) is stopping
    assert stopping.answered("", now=102.0) is stopping
    assert stopping.stopped().answered("", now=103.0).state is State.STOPPED


def test_it_is_settled_when_ready_and_seeded_or_failed(born):
    ready = born.answered("", now=101.0)
    seeding = ready.noted("seeding", busy=True)

    assert not born.settled
    assert ready.settled
    assert not seeding.settled
    assert seeding.noted("seeded", busy=False).settled


def test_a_migration_is_a_state(born):
    assert born.migrating().state is State.MIGRATING


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (3, "exited with code 3"),
        (-9, "was killed by SIGKILL"),
        (-200, "was killed by signal 200"),
    ],
)
def test_how_it_ended_is_said_in_words(code, words):
    assert how_it_ended(code) == words
