"""gRPC messages in a stream of bytes."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.rpc.framing import (
    DEFLATE,
    GZIP,
    IDENTITY,
    MessageBroken,
    Messages,
    MessageTooLarge,
    deflated,
    framed,
    inflated,
    is_one_message,
    writer_of,
)

MANY = 1024 * 1024


@given(
    messages=st.lists(st.binary(max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 300), max_size=8),
)
def test_messages_come_out_whole_however_the_bytes_are_cut(messages, cuts):
    data = b"".join(map(framed, messages))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parser = Messages(MANY)

    found = [
        message for start, stop in pairwise(places) for message in parser.feed(data[start:stop])
    ]
    parser.finish()

    assert found == messages


@pytest.mark.parametrize("size", [9, 10])
def test_a_message_up_to_the_limit_is_taken(size):
    assert Messages(10).feed(framed(b"x" * size)) == [b"x" * size]


def test_a_larger_one_is_refused_with_both_numbers_before_it_has_come():
    with pytest.raises(MessageTooLarge, match=r"11 vs\. 10"):
        Messages(10).feed(b"\0\0\0\0\x0b")


def test_a_prefix_that_announces_4_gib_allocates_nothing():
    with pytest.raises(MessageTooLarge, match=r"4294967295 vs\. 1048576"):
        Messages(MANY).feed(b"\0\xff\xff\xff\xff")


def test_an_end_in_the_middle_of_a_message_is_seen():
    parser = Messages(MANY)
    parser.feed(framed(b"whole") + b"\0\0\0\0\x05abc")

    with pytest.raises(MessageBroken, match="8 bytes into it"):
        parser.finish()


def test_a_flag_that_means_nothing_is_refused():
    with pytest.raises(MessageBroken, match="the flag of a message is 2"):
        Messages(MANY).feed(b"\2\0\0\0\0")


def test_a_compressed_message_needs_an_encoding():
    with pytest.raises(MessageBroken, match="grpc-encoding names no way"):
        Messages(MANY).feed(b"\1\0\0\0\0")


@pytest.mark.parametrize("encoding", [GZIP, DEFLATE])
@given(data=st.binary(max_size=500))
def test_what_is_compressed_comes_back(encoding, data):
    sent = deflated(data * 3, encoding)

    assert Messages(MANY, encoding).feed(sent) == [data * 3]


def test_a_message_that_does_not_shrink_is_sent_as_it_is():
    assert deflated(b"abc", GZIP) == framed(b"abc")


def test_plain_and_compressed_messages_may_follow_each_other():
    parser = Messages(MANY, GZIP)

    assert parser.feed(framed(b"a") + deflated(b"b" * 100, GZIP)) == [b"a", b"b" * 100]


@pytest.mark.parametrize("encoding", [GZIP, DEFLATE])
def test_inflating_stops_at_the_limit(encoding):
    pack = gzip.compress if encoding == GZIP else zlib.compress

    assert inflated(pack(b"x" * 1000), encoding, 1000) == b"x" * 1000
    with pytest.raises(MessageTooLarge, match="more than 999"):
        inflated(pack(b"x" * 1000), encoding, 999)


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b"cut off", mtime=0)[:-9], b""])
def test_what_is_not_compressed_as_it_claims_is_refused(data):
    with pytest.raises(MessageBroken, match="gzip"):
        inflated(data, GZIP, MANY)


def test_bytes_behind_the_compressed_message_are_refused():
    with pytest.raises(MessageBroken, match="not one whole piece"):
        inflated(gzip.compress(b"a") + b"more", GZIP, MANY)


@pytest.mark.parametrize("encoding", [IDENTITY, GZIP, DEFLATE])
def test_a_writer_writes_what_its_reader_reads(encoding):
    assert Messages(MANY, encoding).feed(writer_of(encoding)(b"a" * 100)) == [b"a" * 100]


@pytest.mark.parametrize(
    ("data", "one"),
    [
        (framed(b""), True),
        (framed(b"abc"), True),
        (framed(b"abcd"), False),
        (framed(b"a") + b"\0", False),
        (framed(b"abc")[:-1], False),
        (b"\0\0\0", False),
        (b"\1\0\0\0\0", False),
    ],
)
def test_one_whole_plain_message_is_told_from_all_else(data, one):
    assert is_one_message(data, 3) is one
