"""What every contract shares, to the wire and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given
from hypothesis import strategies as st

from plait.money import InvalidMoney, Money
from plait.wire import money_from, money_to, time_to


@given(nanos=st.integers(-(10**18), 10**18), currency=st.text("AEUZ", min_size=3, max_size=3))
def test_an_amount_comes_back_exactly(nanos, currency):
    amount = Money.from_nanos(nanos, currency)

    assert money_from(MoneyMessage.FromString(money_to(amount).SerializeToString())) == amount


def test_what_is_no_amount_is_refused():
    with pytest.raises(InvalidMoney):
        money_from(MoneyMessage(currency_code="EUR", units=1, nanos=-1))


def test_times_have_microseconds():
    time = datetime(2026, 1, 31, 12, 0, 1, 123_456, tzinfo=UTC)

    assert time_to(time) == Timestamp(seconds=int(time.timestamp()), nanos=123_456_000)


def test_a_time_of_another_zone_is_the_same_moment():
    time = datetime(2026, 1, 31, 14, 0, tzinfo=timezone(timedelta(hours=2)))

    assert time_to(time) == Timestamp(seconds=1_769_860_800)
