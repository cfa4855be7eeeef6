"""How long a caller will wait, as it travels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.rpc.timeouts import seconds_of, timeout_of


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"4m", 0.004),
        (b"5u", 5e-6),
        (b"6n", 6e-9),
        (b"0n", 0.0),
        (b"99999999H", 99_999_999 * 3600.0),
    ],
)
def test_every_unit_is_read(value, seconds):
    assert seconds_of(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", [b"", b"S", b"1", b"1s", b"1 S", b"-1S", b"1.5S", b"123456789S", b"\xb21S"]
)
def test_what_is_no_timeout_is_refused_and_shown(value):
    with pytest.raises(ValueError, match="grpc-timeout must be one to eight digits"):
        seconds_of(value)


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (-1.0, b"0n"),
        (0.0, b"0n"),
        (0.05, b"50000000n"),
        (0.099_999_999, b"99999999n"),
        (0.1, b"100000u"),
        (2.0, b"2000000u"),
        (100.0, b"100000m"),
        (100_000.0, b"100000S"),
        (100_000_000.0, b"1666666M"),
        (1e12, b"99999999H"),
        (float("inf"), b"99999999H"),
    ],
)
def test_the_finest_unit_that_fits_is_written(seconds, value):
    assert timeout_of(seconds) == value


@given(st.floats(min_value=1e-8, max_value=99_999_999 * 3600.0))
def test_a_timeout_never_grows_on_its_way_and_hardly_shrinks(seconds):
    sent = seconds_of(timeout_of(seconds))

    assert sent <= seconds * (1 + 1e-15)  # as exact as a float is
    assert sent == pytest.approx(seconds, rel=0.1 if seconds < 1e-7 else 0.03)
