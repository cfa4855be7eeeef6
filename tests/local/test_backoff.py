"""The pauses between two lives of a process."""

import random

import pytest

from plait.local.backoff import BackOff


class Least(random.Random):
    """Draws the smallest numbers."""

    def random(self) -> float:
        return 0.0


class Most(random.Random):
    """Draws the largest numbers."""

    def random(self) -> float:
        return 1.0


@pytest.mark.parametrize(
    ("ends", "pause"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 6.4), (8, 10.0), (9, 10.0), (5000, 10.0)]
)
def test_the_pause_doubles_from_a_tenth_of_a_second_to_ten_seconds(ends, pause):
    assert BackOff().pause(ends, Most()) == pytest.approx(pause)


@pytest.mark.parametrize("ends", [1, 4, 20])
def test_half_of_the_pause_is_jitter(ends):
    assert BackOff().pause(ends, Least()) == pytest.approx(BackOff().pause(ends, Most()) / 2)


@pytest.mark.parametrize(("healthy", "ends"), [(0.0, 6), (9.99, 6), (10.0, 1), (3600.0, 1)])
def test_ten_seconds_of_health_begin_anew(healthy, ends):
    assert BackOff().ends(5, healthy) == ends
