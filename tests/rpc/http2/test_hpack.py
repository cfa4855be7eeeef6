"""HPACK, held against the judge's, block after block of one connection."""

import hpack
import pytest
from hpack.exceptions import HPACKError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.hpack import Decoder, Encoder, HeaderListTooLarge

MANY = 1024 * 1024
NAMES = st.sampled_from([b":path", b"x", b"cookie", b"authorization", b"grpc-timeout", b"a" * 40])
VALUES = st.one_of(st.sampled_from([b"", b"/", b"1", b"v" * 200]), st.binary(max_size=30))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


def judge() -> hpack.Decoder:
    return hpack.Decoder(max_header_list_size=MANY)


def judged(decoder: hpack.Decoder, block: bytes):
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    except HPACKError:
        return None


def tried(decoder: Decoder, block: bytes):
    try:
        return decoder.decode(block)
    except ConnectionFailed as failed:
        return None if failed.code is ErrorCode.COMPRESSION_ERROR else failed


@given(st.lists(st.tuples(HEADERS, st.booleans()), max_size=12))
def test_what_another_encoder_writes_is_read(blocks):
    encoder, decoder = hpack.Encoder(), Decoder(largest_list=MANY)

    for headers, compressed in blocks:
        assert decoder.decode(encoder.encode(headers, huffman=compressed)) == headers


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=4))
@example([b"\x1f"])
@example([b"\x82\x20"])
@example([b"\x3f\xe1\x1f", b"\x82"])
@example([b"\x3f\xe2\x1f"])
@example([b"\x80"])
@example([b"\xbe"])
@example([b"\x40\x01a\x01b", b"\xbe"])
def test_any_bytes_are_read_or_refused_as_the_judge_does(blocks):
    ours, theirs = Decoder(largest_list=MANY), judge()

    for block in blocks:
        found = tried(ours, block)
        assert found == judged(theirs, block)
        if found is None:
            return  # the connection is over


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x80", "no entry 0"),
        (b"\xbe", "no entry 62"),
        (b"\x00\x7f\x00", "longer than its block"),
        (b"\x00\x01a", "middle of a header"),
        (b"\xff\xff\xff\xff\xff\xff\xff", "integer is too long"),
        (b"\x82\x20", "in the middle of a block"),
        (b"\x3f\xe2\x1f", "at most 4096 were agreed on"),
    ],
    ids=["zero", "absent", "string", "cut", "integer", "late size", "large size"],
)
def test_what_is_refused_says_why(block, why):
    with pytest.raises(ConnectionFailed, match=f"COMPRESSION_ERROR.*{why}"):
        Decoder(largest_list=MANY).decode(block)


@pytest.mark.parametrize("limit", [42, 41])
def test_a_list_may_be_as_large_as_was_agreed_on(limit):
    block = b"\x00\x05name1\x05value"

    if limit == 42:
        assert Decoder(largest_list=limit).decode(block) == [(b"name1", b"value")]
    else:
        with pytest.raises(HeaderListTooLarge, match="42 bytes, at most 41"):
            Decoder(largest_list=limit).decode(block)


def test_the_table_is_right_after_a_list_that_was_too_large():
    decoder = Decoder(largest_list=50)
    with pytest.raises(HeaderListTooLarge):
        decoder.decode(b"\x40\x01a\x01b" + b"\x00\x05name1\x05value")

    assert decoder.decode(b"\xbe") == [(b"a", b"b")]


@pytest.mark.parametrize("count", [16, 17])
def test_a_bomb_of_indexed_headers_is_not_read_to_its_end(count):
    decoder = Decoder(largest_list=4033)
    decoder.decode(b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000)

    with pytest.raises(HeaderListTooLarge if count == 16 else ConnectionFailed) as refused:
        decoder.decode(b"\xbe" * count)

    assert refused.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_the_generation_tells_whether_the_table_has_changed():
    decoder = Decoder(largest_list=MANY)

    decoder.decode(b"\x82\x00\x01a\x01b")
    before = decoder.generation
    decoder.decode(b"\x40\x01a\x01b")

    assert before == 0
    assert decoder.generation == 1


@given(st.lists(HEADERS, max_size=8), st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_what_we_encode_another_decoder_reads(blocks, primed):
    encoder, decoder = Encoder(primed), judge()

    for headers in blocks:
        assert judged(decoder, encoder.encode(headers)) == headers


def test_a_primed_header_is_one_byte_from_the_second_time_on():
    encoder = Encoder([(b"content-type", b"application/grpc"), (b"grpc-status", b"0")])

    first = encoder.encode([(b"content-type", b"application/grpc")])
    encoder.encode([(b"grpc-status", b"0")])
    again = encoder.encode([(b":status", b"200"), (b"content-type", b"application/grpc")])

    assert len(first) > 10
    assert again == b"\x88\xbf"


def test_a_header_can_be_primed_later():
    encoder, decoder = Encoder(), judge()
    header = (b":path", b"/shop.catalog.v1.CatalogService/GetProduct")
    decoder.decode(encoder.encode([header]))

    encoder.prime(header)
    decoder.decode(encoder.encode([header]))

    assert encoder.encode([header]) == b"\xbe"
    assert judged(decoder, b"\xbe") == [header]


def test_what_does_not_fit_into_the_table_stays_a_literal():
    encoder, decoder = Encoder([(b"x", b"v" * 5000)]), judge()

    for _ in range(2):
        block = encoder.encode([(b"x", b"v" * 5000)])
        assert judged(decoder, block) == [(b"x", b"v" * 5000)]
        assert len(block) > 5000


def test_a_secret_is_never_indexed_by_anyone():
    block = Encoder().encode([(b"authorization", b"Bearer x"), (b"x-other", b"1")])

    assert block[0] & 0xF0 == 0x10
    assert judge().decode(block)[0].indexable is False


@pytest.mark.parametrize("capacity", [0, 100, 4096, 10_000])
def test_a_smaller_table_of_the_peer_is_heeded(capacity):
    encoder, decoder = Encoder([(b"x", b"1")]), judge()
    decoder.decode(encoder.encode([(b"x", b"1")]))

    decoder.max_allowed_table_size = capacity
    encoder.resize(capacity)

    for _ in range(3):
        assert judged(decoder, encoder.encode([(b"x", b"1")])) == [(b"x", b"1")]


def test_a_table_that_shrinks_and_grows_between_two_blocks_is_told_both():
    encoder, decoder = Encoder([(b"x", b"1")]), judge()
    decoder.decode(encoder.encode([(b"x", b"1")]))

    encoder.resize(0)
    encoder.resize(4096)

    block = encoder.encode([(b"x", b"1")])
    assert block.startswith(b"\x20\x3f\xe1\x1f")
    assert judged(decoder, block) == [(b"x", b"1")]
    assert judged(decoder, encoder.encode([(b"x", b"1")])) == [(b"x", b"1")]
