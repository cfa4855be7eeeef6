"""Tokens by which a stream goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.data.resume import InvalidResumeToken, invalid_resume_token, resume_token, resumed
from plait.errors import Code


@given(st.binary(max_size=700), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_holds_its_place(place, query):
    assert resumed(resume_token(place, query), query) == place


def test_a_token_fits_into_a_url_and_into_a_header_as_it_is():
    token = resume_token(bytes(range(256)), "q")

    assert token.replace("-", "").replace("_", "").isalnum()
    assert token.isascii()


@pytest.mark.parametrize(("size", "length"), [(0, 16), (3, 20), (600, 816), (756, 1024)])
def test_a_token_takes_four_characters_for_three_bytes(size, length):
    assert len(resume_token(bytes(size), "q")) == length


def test_a_token_of_another_query_is_refused():
    with pytest.raises(InvalidResumeToken) as caught:
        resumed(resume_token(b"here", "q"), "another")

    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.reason == "INVALID_RESUME_TOKEN"
    assert [violation.field for violation in caught.value.violations] == ["resume_token"]
    assert caught.value.message == invalid_resume_token().message


def test_a_place_that_runs_into_its_query_is_another():
    assert resume_token(b"b", "a") != resume_token(b"", "ab")


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_refused(data):
    token = resume_token(b"here", "q")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCabc012-_+/= é").filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]

    try:
        found = resumed(changed, "q")
    except InvalidResumeToken:
        return
    # The last character may hold bits that mean nothing.
    assert at == len(token) - 1
    assert found == b"here"


@given(st.text(max_size=60))
def test_any_text_is_a_token_or_refused(text):
    with pytest.raises(InvalidResumeToken):
        resumed(text, "q")
