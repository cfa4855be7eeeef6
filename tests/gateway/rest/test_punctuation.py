import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.rest.punctuation import LEVELS, colons, too_deep

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\[]{}:,é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet='ab":\\[', max_size=3), inner, max_size=4)
    ),
    max_leaves=30,
)


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nests = isinstance(value, dict | list)
    return nests + max((depth(item) for item in inner), default=0)


def keys(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = len(value) if isinstance(value, dict) else 0
    return own + sum(keys(item) for item in inner)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_is_bounded_where_it_says(opening, closing):
    levels = opening.count("[") + opening.count("{")
    times = LEVELS // levels

    assert not too_deep(f"{opening * (times - 1)}1{closing * (times - 1)}".encode())
    assert not too_deep(f"{opening * times}1{closing * times}".encode())
    assert too_deep(f"{opening * (times + 1)}1{closing * (times + 1)}".encode())


@given(value=VALUES, levels=st.integers(8, 12), wrapped=st.integers(0, 12))
def test_nesting_is_that_of_the_parsed_value(value, levels, wrapped):
    for _ in range(wrapped):
        value = [value, 1]

    assert too_deep(json.dumps(value).encode(), levels) == (depth(value) > levels)


@given(value=VALUES, ascii_only=st.booleans())
def test_colons_are_the_keys_of_the_parsed_value(value, ascii_only):
    assert colons(json.dumps(value, ensure_ascii=ascii_only).encode()) == keys(value)


@pytest.mark.parametrize("text", ["[" * 300, '{"a":' * 300, "[" * 300 + "]" * 10, '["x",' * 300])
def test_brackets_that_never_close_are_too_deep(text):
    assert too_deep(text.encode())


def test_wide_is_not_deep():
    assert not too_deep(b"[" + b"[[[1]]]," * 10_000 + b"1]")


def test_brackets_in_strings_do_not_count():
    assert not too_deep(json.dumps(["[" * 1000, '\\"' + "{" * 1000]).encode())


@given(text=st.binary(max_size=50))
def test_any_bytes_have_an_answer(text):
    assert too_deep(text, 8) in {True, False}
    assert colons(text) <= text.count(b":")
