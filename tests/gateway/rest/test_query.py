from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.errors import InvalidRequest
from plait.gateway.rest.query import pairs


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("a=1", [("a", "1")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=1", [("", "1")]),
        ("&&a=1&", [("a", "1")]),
        ("a=b=c", [("a", "b=c")]),
        ("a+b=c+d", [("a b", "c d")]),
        ("a=%2B+%26%3D", [("a", "+ &=")]),
        ("labels%5Bx%5D=%C3%A9", [("labels[x]", "é")]),
        ("a=b;c", [("a", "b;c")]),
    ],
)
def test_a_query_is_split_and_decoded(query, expected):
    assert pairs(query) == expected


@given(values=st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=4))
def test_what_a_browser_encodes_comes_back(values):
    encoded = urlencode(values, quote_via=quote_plus)

    assert pairs(encoded) == values
    assert pairs(encoded) == parse_qsl(encoded, keep_blank_values=True)


@pytest.mark.parametrize(
    ("query", "name"), [("a=%", "a"), ("a=%2", "a"), ("a=%zz", "a"), ("%q=1", "%q"), ("a=1%", "a")]
)
def test_a_malformed_escape_is_refused(query, name):
    with pytest.raises(InvalidRequest, match="malformed escape") as caught:
        pairs(query)

    (violation,) = caught.value.violations
    assert (violation.rule, violation.field) == ("query.value", name)


@pytest.mark.parametrize("query", ["password=hunter2%", "password=hunter2%ff"])
def test_a_value_is_not_repeated_because_it_may_be_a_secret(query):
    with pytest.raises(InvalidRequest, match='the parameter "password"') as caught:
        pairs(query)

    assert "hunter2" not in f"{caught.value.message} {caught.value.violations}"


@pytest.mark.parametrize("query", ["a=%FF", "%C3=1", "a=%ED%A0%80"])
def test_what_is_not_utf_8_is_refused(query):
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        pairs(query)


def test_of_a_long_name_the_beginning_is_shown():
    with pytest.raises(InvalidRequest, match=r'"a{64}\.\.\."'):
        pairs("a" * 100 + "=%")


@given(query=st.text(alphabet="ab%=&+;[]é2F", max_size=20))
def test_any_query_is_pairs_or_a_documented_error(query):
    try:
        found = pairs(query)
    except InvalidRequest:
        return
    assert len(found) <= query.count("&") + 1
