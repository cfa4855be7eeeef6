"""Times as the database keeps them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.data.times import microseconds, time_of


@pytest.mark.parametrize(
    ("time", "stored"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
        (datetime.max.replace(tzinfo=UTC), 253_402_300_799_999_999),
    ],
)
def test_a_time_is_kept_as_microseconds_since_1970(time, stored):
    assert microseconds(time) == stored
    assert time_of(stored) == time


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_as_it_was(time):
    assert time_of(microseconds(time)) == time
