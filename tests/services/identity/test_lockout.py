"""How long to wait after how many attempts: at, below and above each bound, by a clock of paper."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import Code
from services.identity.lockout import (
    ADDRESS,
    ADDRESS_AT_PLACE,
    PLACE,
    RESETS_OF_ADDRESS,
    RESETS_OF_PLACE,
    Count,
    Limit,
    place_of,
    sign_ups,
    too_many,
)
from tests.services.identity.people import NOW, minutes, seconds

LIMIT = Limit(free=3, first=seconds(10), longest=seconds(60), forget=minutes(10))
NONE = timedelta(0)
LIMITS = (ADDRESS, ADDRESS_AT_PLACE, PLACE, RESETS_OF_ADDRESS, RESETS_OF_PLACE, sign_ups(30))


def tried(limit, times, start=NOW):
    """The count of one who tries as soon as it is allowed, and when the last time was."""
    count, now = Count.nothing(start), start
    for _ in range(times):
        now += max(count.left(limit, now), NONE)
        count = count.after(limit, now)
    return count, now


@pytest.mark.parametrize(
    ("count", "wait"),
    [(0, 0), (2, 0), (3, 10), (4, 20), (5, 40), (6, 60), (7, 60), (100, 60), (10**6, 60)],
)
def test_the_wait_begins_at_the_last_free_one_doubles_and_has_an_end(count, wait):
    assert LIMIT.wait(count) == seconds(wait)


@pytest.mark.parametrize(("later", "left"), [(9.999999, 0.000001), (10, 0), (10.000001, -0.000001)])
def test_it_may_be_tried_again_at_the_end_of_the_wait_and_not_before(later, left):
    count, now = tried(LIMIT, 3)

    assert count.left(LIMIT, now + seconds(later)) == seconds(left)


def test_each_attempt_after_a_wait_makes_the_next_one_longer():
    waits = [LIMIT.wait(tried(LIMIT, times)[0].count) for times in range(1, 8)]

    assert waits == [NONE, NONE, *(seconds(each) for each in (10, 20, 40, 60, 60))]


@pytest.mark.parametrize(
    ("passed", "count"), [(9.99, 4), (10, 3), (19.99, 3), (20, 2), (30, 1), (1000, 1), (-5, 4)]
)
def test_attempts_are_forgotten_one_by_one(passed, count):
    before = Count(count=3, last=NOW)

    assert before.after(LIMIT, NOW + minutes(passed)).count == count


@pytest.mark.parametrize(("count", "forgotten"), [(1, 10), (3, 30)])
def test_a_count_says_when_nothing_is_left_of_it(count, forgotten):
    assert Count(count=count, last=NOW).forgotten(LIMIT) == NOW + minutes(forgotten)


def test_nothing_is_forgotten_while_somebody_waits():
    quick = Limit(free=1, first=minutes(5), longest=minutes(5), forget=minutes(1))

    assert Count(count=1, last=NOW).forgotten(quick) == NOW + minutes(5)


@given(st.lists(st.integers(0, 10**7), max_size=40), st.sampled_from(LIMITS))
def test_whatever_happens_no_wait_is_longer_than_the_longest(pauses, limit):
    count, now = Count.nothing(NOW), NOW
    for pause in pauses:
        now += seconds(pause)
        count = count.after(limit, now)
        assert NONE <= limit.wait(count.count) <= limit.longest
        assert count.left(limit, now + limit.longest) <= NONE


# What the limits are worth


def test_a_guesser_at_one_place_gets_five_guesses_and_then_four_an_hour():
    assert tried(ADDRESS_AT_PLACE, 5)[1] == NOW

    reached = [tried(ADDRESS_AT_PLACE, times)[1] - NOW for times in (6, 7, 8, 9, 10, 11, 15)]

    assert reached[0] == seconds(30)
    assert reached[-1] - reached[-2] == 4 * minutes(15)
    assert ADDRESS_AT_PLACE.wait(100) == minutes(15)


def test_the_owner_of_an_address_waits_a_minute_however_many_guess_it():
    assert ADDRESS.wait(19) == NONE
    assert ADDRESS.wait(20) == seconds(10)
    assert max(ADDRESS.wait(count) for count in range(1000)) == minutes(1)


def test_to_keep_the_owner_out_each_minute_takes_fifteen_places_and_more():
    assert ADDRESS_AT_PLACE.longest / ADDRESS.longest == 15


def test_a_place_with_many_people_may_fail_once_a_minute_for_ever():
    count, now = Count.nothing(NOW), NOW
    for _ in range(10_000):
        now += minutes(1)
        assert count.left(PLACE, now) <= NONE
        count = count.after(PLACE, now)

    assert count.count == 1


def test_a_place_that_fails_as_fast_as_it_can_soon_waits():
    assert tried(PLACE, 50)[1] == NOW
    assert tried(PLACE, 51)[1] == NOW + seconds(30)


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_grows_from_its_first_wait_to_its_longest(limit):
    assert limit.wait(limit.free - 1) == NONE
    assert limit.wait(limit.free) == limit.first
    assert limit.wait(limit.free + 1) == min(limit.first * 2, limit.longest)
    assert limit.first < limit.longest


def test_so_many_may_sign_up_from_a_place_as_the_setting_says():
    assert [sign_ups(free).wait(free - 1) for free in (1, 30)] == [NONE, NONE]
    assert [sign_ups(free).wait(free) for free in (1, 30)] == [minutes(1), minutes(1)]


# Places


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("/run/shop.sock", "/run/shop.sock"),
        ("", ""),
    ],
)
def test_a_place_is_an_address_or_the_network_of_an_ipv6_customer(address, place):
    assert place_of(address) == place


def test_who_has_to_wait_is_told_for_how_long():
    refused = too_many(seconds(29.2))

    assert refused.code is Code.RESOURCE_EXHAUSTED
    assert (refused.reason, refused.retry_after) == ("TOO_MANY_ATTEMPTS", 29.2)
    assert refused.message == "this was tried too often: try again in 30 s"
