"""NDJSON: lines out, lines in, however the bytes are cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.streams.ndjson import Lines, LineTooLong, Ndjson


def fed(lines: Lines, *chunks: bytes) -> list[tuple[int, bytes]]:
    found = [item for chunk in chunks for item in lines.feed(chunk)]
    return [*found, *lines.finish()]


def test_a_stream_is_a_line_a_message():
    framing = Ndjson()

    assert framing.message(b"1") + framing.message(b"2") + framing.end() == b"1\n2\n"
    assert framing.error(b'{"error":{}}') == b'{"error":{}}\n'


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"1", [(1, b"1")]),
        (b"1\n", [(1, b"1")]),
        (b"1\r\n2\r\n", [(1, b"1"), (2, b"2")]),
        (b"\n 1 \n\n\t\n2", [(2, b"1"), (5, b"2")]),
    ],
)
def test_blank_lines_are_skipped_but_counted(body, lines):
    assert fed(Lines(100), body) == lines


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False)])
def test_a_line_is_bounded_before_it_has_ended(size, fits):
    lines = Lines(10)

    if fits:
        assert fed(lines, b"x" * size) == [(1, b"x" * size)]
    else:
        with pytest.raises(LineTooLong, match="line 1 has more than 10 bytes"):
            fed(lines, b"x" * size)


def test_a_long_line_is_refused_with_its_number():
    with pytest.raises(LineTooLong) as refused:
        fed(Lines(3), b"1\n2\nlong\n")

    assert refused.value.metadata == {"line": "3"}
    assert refused.value.http == 413


@given(st.lists(st.integers()), st.lists(st.integers(1, 7), min_size=1))
def test_lines_do_not_depend_on_how_the_bytes_are_cut(values, sizes):
    body = b"".join(json.dumps(value).encode() + b"\n" for value in values)

    assert [json.loads(line) for _, line in fed(Lines(100), *cut(body, sizes))] == values


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    """Cut a body into pieces of these sizes, again and again."""
    pieces, at = [], 0
    while at < len(body):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(body[at : at + size])
        at += size
    return pieces
