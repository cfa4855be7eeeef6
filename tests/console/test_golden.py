from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.console.golden import GoldenSignals, Point, quantile

NOW = 1_800_000_000.0
NANOS = 1_000_000_000
BOUNDS = (0.01, 0.1, 1.0)


def point(*buckets: int, at: float = 0, start: float = -10, **more) -> Point:
    """A cumulative point; `at` and `start` are seconds after NOW."""
    base = Point(
        service="catalog",
        side="server",
        method="GetProduct",
        series="one",
        error=False,
        cumulative=True,
        start=int((NOW + start) * NANOS),
        time=int((NOW + at) * NANOS),
        bounds=BOUNDS,
        buckets=buckets or (0, 0, 0, 0),
    )
    return replace(base, **more)


def read(signals: GoldenSignals, at: float = 0):
    (found,) = signals.read(NOW + at)
    return found


def test_the_first_point_of_a_young_process_counts_from_its_start():
    signals = GoldenSignals()

    signals.record([point(10, 20, 10, 0)], NOW)

    found = read(signals)
    assert (found.service, found.side, found.method) == ("catalog", "server", "GetProduct")
    assert (found.calls, found.failures) == (40, 0)
    assert found.rate == pytest.approx(4.0)  # over the ten seconds since the process began


@pytest.mark.parametrize(("age", "calls"), [(299, 40), (300, 40), (301, 0)])
def test_the_past_of_an_old_process_does_not_count(age, calls):
    signals = GoldenSignals(window=300)

    signals.record([point(10, 20, 10, 0, start=-age)], NOW)

    assert read(signals).calls == calls


def test_a_cumulative_series_counts_by_what_it_gained():
    signals = GoldenSignals()
    signals.record([point(10, 0, 0, 0, start=-1000)], NOW)

    signals.record([point(12, 3, 0, 0, start=-1000, at=10)], NOW + 10)

    assert read(signals, 10).calls == 5


def test_a_delta_series_counts_as_it_is():
    signals = GoldenSignals()

    for at in (0, 10):
        signals.record([point(1, 1, 0, 0, at=at, start=at - 10, cumulative=False)], NOW + at)

    assert read(signals, 10).calls == 4


@pytest.mark.parametrize(
    "again",
    [
        point(2, 0, 0, 0, at=10, start=5),  # a new start
        point(2, 0, 0, 0, at=10),  # less than before
        point(2, 0, at=10, bounds=(0.5,)),  # other buckets
    ],
)
def test_a_series_that_begins_anew_counts_from_zero(again):
    signals = GoldenSignals()
    signals.record([point(10, 0, 0, 0)], NOW)

    signals.record([again], NOW + 10)

    assert read(signals, 10).calls == 12


@pytest.mark.parametrize("at", [0, -1])
def test_a_point_that_comes_twice_or_late_is_ignored(at):
    signals = GoldenSignals()
    signals.record([point(10, 0, 0, 0)], NOW)

    signals.record([point(10, 5, 0, 0, at=at)], NOW + 1)

    assert read(signals, 1).calls == 10


def test_failures_are_the_calls_of_the_series_that_count_them():
    signals = GoldenSignals()

    signals.record([point(9, 0, 0, 0), point(1, 0, 0, 0, series="two", error=True)], NOW)

    assert (read(signals).calls, read(signals).failures) == (10, 1)


def test_what_happened_before_the_window_is_forgotten():
    signals = GoldenSignals(window=300, slot=10)
    signals.record([point(10, 0, 0, 0)], NOW)
    signals.record([point(11, 0, 0, 0, at=200)], NOW + 200)

    signals.record([point(11, 0, 0, 0, at=400)], NOW + 400)

    found = read(signals, 400)
    assert found.calls == 1
    assert found.rate == pytest.approx(1 / 300)


def test_a_method_that_reports_no_more_disappears():
    signals = GoldenSignals(window=300)
    signals.record([point(1, 0, 0, 0)], NOW)

    assert len(signals.read(NOW + 300)) == 1
    assert signals.read(NOW + 301) == []


def test_a_method_without_calls_has_a_rate_of_zero_and_no_latency():
    signals = GoldenSignals()

    signals.record([point(0, 0, 0, 0)], NOW)

    found = read(signals)
    assert (found.rate, found.p50, found.p99) == (0, None, None)


def test_latencies_come_from_all_series_of_the_method():
    signals = GoldenSignals()

    signals.record([point(50, 0, 0, 0), point(0, 49, 0, 1, series="two", error=True)], NOW)

    found = read(signals)
    assert found.p50 == pytest.approx(0.01)
    assert found.p99 == pytest.approx(0.1)


def test_services_and_methods_are_read_by_name():
    signals = GoldenSignals()

    signals.record(
        [
            point(service="orders", series="1"),
            point(method="B", series="2"),
            point(method="A", series="3"),
            point(side="client", series="4"),
        ],
        NOW,
    )

    found = [(one.service, one.side, one.method) for one in signals.read(NOW)]
    assert found == [
        ("catalog", "client", "GetProduct"),
        ("catalog", "server", "A"),
        ("catalog", "server", "B"),
        ("orders", "server", "GetProduct"),
    ]


@pytest.mark.parametrize(("methods", "kept"), [(2, 2), (3, 3), (4, 3)])
def test_beyond_the_number_of_methods_the_one_silent_longest_is_forgotten(methods, kept):
    signals = GoldenSignals(methods=3)

    for number in range(methods):
        signals.record([point(method=f"m{number}", series=f"s{number}")], NOW + number)

    assert len(signals) == kept
    assert [one.method for one in signals.read(NOW + methods)][-1] == f"m{methods - 1}"


@pytest.mark.parametrize(("between", "calls"), [(2, 11), (3, 20)])
def test_beyond_the_number_of_series_the_one_silent_longest_is_forgotten(between, calls):
    signals = GoldenSignals(series=3)
    signals.record([point(10, 0, 0, 0, series="first", method="watched")], NOW)

    for number in range(between):
        signals.record([point(series=f"s{number}")], NOW)
    signals.record([point(10, 1, 0, 0, series="first", method="watched", at=1)], NOW + 1)

    watched = [one for one in signals.read(NOW + 1) if one.method == "watched"]
    assert watched[0].calls == (11 if between < 3 else 21)


@pytest.mark.parametrize(("buckets", "kept"), [(255, 1), (256, 1), (257, 0)])
def test_a_histogram_of_too_many_buckets_is_left_out(buckets, kept):
    signals = GoldenSignals()

    bounds = tuple(float(number) for number in range(1, buckets))
    signals.record([point(*([1] * buckets), bounds=bounds)], NOW)

    assert len(signals) == kept


def test_buckets_of_very_many_different_bounds_stay_bounded():
    signals = GoldenSignals()

    for number in range(20):
        bounds = tuple(number / 100 + edge for edge in range(1, 50))
        signals.record([point(*([1] * 50), bounds=bounds, series=f"s{number}")], NOW)

    slot = next(iter(signals._methods.values())).slots[-1]
    assert len(slot.buckets) == 256
    assert read(signals).calls == 1000  # the calls count all the same


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        ({(0.0, 0.1): 10}, 0.5, 0.05),
        ({(0.0, 0.1): 10, (0.1, 0.3): 10}, 0.5, 0.1),
        ({(0.0, 0.1): 10, (0.1, 0.3): 10}, 0.75, 0.2),
        ({(0.0, 0.1): 1, (0.1, float("inf")): 99}, 0.99, 0.1),  # all that is known: above 0.1
        ({}, 0.5, None),
    ],
)
def test_a_quantile_lies_where_its_share_of_calls_ended(buckets, share, seconds):
    assert quantile(Counter(buckets), share) == (
        None if seconds is None else pytest.approx(seconds)
    )


@given(
    st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_a_larger_share_never_has_a_smaller_quantile(counts, one, other):
    buckets = Counter(
        dict(zip([(0.0, 0.01), (0.01, 0.1), (0.1, 1.0), (1.0, float("inf"))], counts, strict=True))
    )
    buckets = +buckets

    low, high = sorted((one, other))

    assert quantile(buckets, low) <= quantile(buckets, high)
