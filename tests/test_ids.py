"""Promises of new identifiers."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.ids import NewId, new_id, request_id

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware by `timezones`


class Stopped:
    """A clock that stands still."""

    def __init__(self, at):
        self._at = at

    def now(self):
        return self._at

    def monotonic(self):
        return self._at.timestamp()


def test_an_id_is_valid_in_a_resource_name():
    new: NewId = new_id

    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{20}", new())


def test_ids_of_one_moment_differ():
    clock = Stopped(START)

    ids = {new_id(clock) for _ in range(10_000)}

    assert len(ids) == 10_000


def test_ids_of_one_millisecond_begin_alike():
    a, b = (new_id(Stopped(START + timedelta(microseconds=us))) for us in (0, 999))

    assert a[:9] == b[:9]


@given(TIMES, TIMES)
def test_a_later_millisecond_gives_a_greater_id(one, other):
    earlier, later = sorted([one, other])
    if later - earlier < timedelta(milliseconds=1):
        later = earlier + timedelta(milliseconds=1)

    assert new_id(Stopped(earlier)) < new_id(Stopped(later))


def test_without_a_clock_the_time_is_now():
    before, made, after = new_id(Stopped(datetime.now(UTC))), new_id(), new_id()

    assert before[:9] <= made[:9] <= after[:9]


def test_the_same_act_has_the_same_request_id():
    saga = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

    assert request_id(saga, "authorize") == request_id(saga, "authorize")
    assert uuid.UUID(request_id(saga, "authorize")).version == 5


@pytest.mark.parametrize("other", ["capture", "authorize ", ""])
def test_another_act_has_another_request_id(other):
    saga = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

    assert request_id(saga, "authorize") != request_id(saga, other)
    assert request_id(saga, "authorize") != request_id(uuid.uuid4(), "authorize")
