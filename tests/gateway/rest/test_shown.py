"""Promises of what errors repeat: enough to find the mistake, and never too much."""

import pytest

from plait.gateway.rest.shown import LONGEST, cut, entry, kind_of, member, shown


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (None, "null", "null"),
        ([1], "an array", "an array"),
        ({"a": 1}, "an object", "an object"),
        (True, "a boolean", "the boolean true"),
        (7, "a number", "the number 7"),
        (1.5, "a number", "the number 1.5"),
        ("é", "a string", 'the string "é"'),
    ],
)
def test_a_value_is_told_by_its_kind_or_by_itself(value, kind, told):
    assert kind_of(value) == kind
    assert shown(value) == told


@pytest.mark.parametrize(
    ("length", "whole"), [(LONGEST - 1, True), (LONGEST, True), (LONGEST + 1, False)]
)
def test_of_a_long_text_the_beginning_is_told(length, whole):
    text = "x" * length

    assert cut(text) == (text if whole else "x" * LONGEST + "...")


def test_a_path_leads_to_members_and_entries():
    assert member("", "a") == "a"
    assert member("a", "b") == "a.b"
    assert entry("a", 'k"') == 'a["k\\""]'
