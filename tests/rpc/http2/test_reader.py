"""Bytes cut into frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.reader import Reader, SpeaksHttp1


def reading(preface: bytes = b"", largest: int = 16_384):
    """Return a reader, and what it tells."""
    told = []
    return (
        Reader(
            preface,
            largest,
            began=lambda: told.append("began"),
            on_frame=lambda *frame: told.append(frame),
        ),
        told,
    )


@given(
    sent=st.lists(
        st.tuples(
            *(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1)),
            st.binary(max_size=40),
        ),
        max_size=5,
    ),
    size=st.integers(1, 50),
)
def test_frames_come_out_whole_however_the_bytes_are_cut(sent, size):
    reader, told = reading(b"hello")
    data = b"hello" + b"".join(frames.frame(*each) for each in sent)

    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])

    assert told == ["began", *sent]


@pytest.mark.parametrize(("size", "refused"), [(10, False), (11, True)])
def test_a_frame_may_be_as_large_as_was_agreed_on(size, refused):
    reader, told = reading(largest=10)
    head = frames.frame(0, 0, 1, b"x" * size)[:9]

    if refused:
        with pytest.raises(ConnectionFailed, match="11 bytes, at most 10") as failed:
            reader.feed(head)
        assert failed.value.code is ErrorCode.FRAME_SIZE_ERROR
    else:
        reader.feed(head + b"x" * 10)
        assert told == [(0, 0, 1, b"x" * 10)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP/1"),
        (b"POST /a HTTP/1.0\r\n", "HTTP/1"),
        (b"\x16\x03\x01\x02\x00\x01", "TLS"),
        (b"PRI * HTTP/2.1", "preface"),
    ],
)
def test_who_begins_otherwise_is_told_apart(data, why):
    reader, told = reading(frames.PREFACE)

    with pytest.raises(ConnectionFailed, match=why) as failed:
        reader.feed(data)

    assert isinstance(failed.value, SpeaksHttp1) is (why == "HTTP/1")
    assert told == []


def test_a_preface_that_is_wrong_from_its_second_piece_on_is_refused():
    reader, _ = reading(frames.PREFACE)
    reader.feed(frames.PREFACE[:20])

    with pytest.raises(ConnectionFailed, match="preface"):
        reader.feed(b"????")
