"""A JSON array: elements out, elements in, however the bytes are cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.errors import MalformedJson
from plait.gateway.streams.array import Array, Elements, ElementTooLong
from tests.gateway.streams.test_ndjson import cut


def fed(elements: Elements, *chunks: bytes) -> list[tuple[int, bytes]]:
    found = [item for chunk in chunks for item in elements.feed(chunk)]
    return [*found, *elements.finish()]


def test_a_stream_is_one_array():
    framing = Array()

    text = framing.message(b"1") + framing.message(b"2") + framing.end()

    assert json.loads(text) == [1, 2]


def test_a_stream_without_messages_is_an_empty_array():
    assert Array().end() == b"[]"


def test_an_error_is_the_last_element_of_a_closed_array():
    framing = Array()

    text = framing.message(b"1") + framing.error(b'{"error":{}}')

    assert json.loads(text) == [1, {"error": {}}]
    assert json.loads(Array().error(b'{"error":{}}')) == [{"error": {}}]


@pytest.mark.parametrize(
    ("body", "elements"),
    [
        (b"", []),
        (b" \n", []),
        (b"[]", []),
        (b" [ ] ", []),
        (b"[1]", [(1, b"1")]),
        (b'[1, {"a": [2, "]"]} ,3]\n', [(1, b"1"), (2, b'{"a": [2, "]"]}'), (3, b"3")]),
        (b'["\\"],[", "\\\\"]', [(1, b'"\\"],["'), (2, b'"\\\\"')]),
    ],
)
def test_elements_are_taken_apart_by_brackets_and_strings(body, elements):
    assert fed(Elements(100), body) == elements


@pytest.mark.parametrize(
    "body",
    [b"1", b"{}", b'"[1]"', b"[1", b'["', b"[1,]", b"[,1]", b"[1,,2]", b"[1]]", b"[1] 2", b"[1}"],
)
def test_what_is_no_array_is_refused(body):
    with pytest.raises(MalformedJson):
        fed(Elements(100), body)


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False)])
def test_an_element_is_bounded_before_it_has_ended(size, fits):
    elements = Elements(10)
    body = b"[1," + b"2" * size

    if fits:
        assert fed(elements, body, b"]") == [(1, b"1"), (2, b"2" * size)]
    else:
        with pytest.raises(ElementTooLong, match="element 2 of the array") as refused:
            fed(elements, body)
        assert refused.value.http == 413


def test_blanks_around_the_array_are_not_kept():
    elements = Elements(10)

    for piece, kept in ((b" \n" * 500, 0), (b" [1", 1), (b" ] ", 0), (b"\t \r" * 500, 0)):
        list(elements.feed(piece))
        assert elements.kept == kept

    assert list(elements.finish()) == []
    with pytest.raises(MalformedJson, match="something follows"):
        list(elements.feed(b" x"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(VALUES), st.lists(st.integers(1, 7), min_size=1))
def test_elements_do_not_depend_on_how_the_bytes_are_cut(values, sizes):
    body = json.dumps(values, ensure_ascii=False).encode()

    found = fed(Elements(10_000), *cut(body, sizes))

    assert [json.loads(element) for _, element in found] == values
    assert [number for number, _ in found] == [*range(1, len(values) + 1)]


PIECES = st.binary() | st.sampled_from([b" " * 300, b"[", b"]", b"\n" * 200, b"1,", b'"'])


@given(st.lists(PIECES))
def test_no_bytes_can_break_it_or_make_it_keep_more_than_an_element(pieces):
    elements = Elements(100)
    try:
        for piece in pieces:
            list(elements.feed(piece))
            assert elements.kept <= 100
        list(elements.finish())
    except (MalformedJson, ElementTooLong):
        return
