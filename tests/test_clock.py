"""Promises of the clock."""

from datetime import UTC, datetime, timedelta

from plait.clock import Clock, SystemClock


def test_now_is_the_time_of_day_in_utc():
    clock: Clock = SystemClock()

    before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)

    assert before <= now <= after
    assert now.utcoffset() == timedelta(0)


def test_the_monotonic_clock_never_goes_back():
    clock = SystemClock()

    readings = [clock.monotonic() for _ in range(1000)]

    assert readings == sorted(readings)
