import pytest

from plait.console.mail.query import Wanted, of_latest, of_list
from plait.console.query import BadQuery

ID = "0123456789abcdef"


def test_without_parameters_all_is_asked_for():
    assert of_list([]) == Wanted(to="", after="", limit=200)
    assert of_latest([]) == Wanted(to="", after="", wait=0.0)


def test_every_parameter_is_read():
    assert of_list([("to", " a@b "), ("after", ID), ("limit", "7")]) == Wanted(
        to="a@b", after=ID, limit=7
    )
    assert of_latest([("to", "a@b"), ("after", ID), ("wait", "2.5")]) == Wanted(
        to="a@b", after=ID, wait=2.5
    )


@pytest.mark.parametrize("limit", ["1", "200"])
def test_the_smallest_and_the_largest_limit_are_limits(limit):
    assert of_list([("limit", limit)]).limit == int(limit)


@pytest.mark.parametrize("wait", ["0", "30", "29.999999"])
def test_the_shortest_and_the_longest_wait_are_waits(wait):
    assert of_latest([("wait", wait)]).wait == float(wait)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ([("limit", "0")], "limit"),
        ([("limit", "201")], "limit"),
        ([("limit", "ten")], "limit"),
        ([("after", "1")], "after"),
        ([("after", ID.upper())], "after"),
        ([("wait", "1")], "wait"),
        ([("to", "a"), ("to", "b")], "to"),
    ],
)
def test_a_wrong_parameter_of_a_list_is_named(parameters, name):
    with pytest.raises(BadQuery, match=name) as refused:
        of_list(parameters)

    assert refused.value.violations[0].field == name


@pytest.mark.parametrize("wait", ["", "-1", "30.1", "31", "inf", "nan", "1e1", "5s", "٣"])
def test_a_wait_that_is_none_or_too_long_is_refused(wait):
    with pytest.raises(BadQuery, match="wait in seconds from 0 to 30"):
        of_latest([("wait", wait)])


def test_a_limit_is_none_of_the_latest():
    with pytest.raises(BadQuery, match="expected one of to, after, wait"):
        of_latest([("limit", "1")])
