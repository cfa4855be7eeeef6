"""What fields hold; tests/data/test_filter.py tries each kind in the language."""

from datetime import UTC, datetime

import pytest

from plait.data.kinds import AMOUNT, CURRENCY, FLAG, TAGS, TEXT, TIME, Operator


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TEXT, "", ""),
        (TEXT, "true", "true"),
        (TAGS, "new", "new"),
        (AMOUNT, "-0.5", -500_000_000),
        (AMOUNT, "0.0000000001", None),
        (CURRENCY, "EUR", "EUR"),
        (CURRENCY, "EURO", None),
        (FLAG, "true", True),
        (FLAG, "false", False),
        (FLAG, "1", None),
        (TIME, "2026-01-31T13:00:00+01:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (TIME, "2026-02-30T00:00:00Z", None),
    ],
)
def test_a_value_is_read_or_it_is_none_of_its_kind(kind, text, value):
    assert kind.read(text) == value
    assert type(kind.read(text)) is type(value)


def test_a_kind_may_be_narrowed_to_fewer_operators():
    exact = TEXT.only(Operator.EQ, Operator.NE)

    assert exact.operators == {Operator.EQ, Operator.NE}
    assert exact.read is TEXT.read
    assert TEXT.operators == set(Operator)


def test_only_tags_are_a_set():
    kinds = (TEXT, TAGS, AMOUNT, CURRENCY, FLAG, TIME)

    assert [kind for kind in kinds if kind.is_set] == [TAGS]
