"""Header blocks that come in."""

import hpack
import pytest

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed
from plait.rpc.http2.heads import Block, Heads
from plait.rpc.http2.hpack import Decoder
from plait.rpc.http2.patience import Limits


@pytest.fixture
def parsed():
    return []


@pytest.fixture
def decoder():
    return Decoder(largest_list=1000)


@pytest.fixture
def heads(decoder, parsed):
    def parse(headers):
        parsed.append(headers)
        if (b"bad", b"1") in headers:
            raise StreamFailed(ErrorCode.PROTOCOL_ERROR, "bad")
        return tuple(headers)

    return Heads(decoder, parse)


def test_the_same_bytes_are_parsed_once(heads, parsed):
    block = b"\x82\x00\x01a\x01b"

    assert heads.head(block) is heads.head(block)
    assert len(parsed) == 1


def test_a_block_that_changes_the_table_is_never_taken_for_the_same(heads, parsed):
    block = b"\x40\x01a\x01b"

    heads.head(block)
    heads.head(block)

    assert len(parsed) == 2


def test_a_change_of_the_table_ends_what_is_known(heads):
    encoder = hpack.Encoder()
    heads.head(encoder.encode([(b"a", b"1")]))
    known = encoder.encode([(b"a", b"1")])
    before = heads.head(known)

    heads.head(encoder.encode([(b"b", b"2")]))

    assert before == ((b"a", b"1"),)
    assert heads.head(known) == ((b"b", b"2"),)


def test_a_change_by_another_who_shares_the_decoder_counts_as_well(heads, decoder):
    other = Heads(decoder, tuple)
    heads.head(b"\x40\x01a\x011")
    assert heads.head(b"\xbe") == ((b"a", b"1"),)

    other.head(b"\x40\x01b\x012")

    assert heads.head(b"\xbe") == ((b"b", b"2"),)


def test_what_is_not_allowed_is_not_remembered(heads, parsed):
    for _ in range(2):
        with pytest.raises(StreamFailed):
            heads.head(b"\x00\x03bad\x011")

    assert len(parsed) == 2


def test_long_blocks_are_not_remembered(heads, parsed):
    block = b"\x00\x01a\x7f\x90\x03" + b"x" * 527

    heads.head(block)
    heads.head(block)

    assert len(parsed) == 2


def test_only_the_latest_64_blocks_are_remembered(heads, parsed):
    blocks = [b"\x00\x01a\x01" + bytes((number,)) for number in range(65)]
    for block in blocks:
        heads.head(block)

    heads.head(blocks[64])
    heads.head(blocks[0])

    assert len(parsed) == 66


def test_a_block_that_nobody_wants_still_counts_for_the_table(heads):
    heads.pass_over(b"\x40\x01a\x011")
    heads.pass_over(b"\x00\x01a\x7f\x81\x10" + b"x" * 2176)

    assert heads.head(b"\xbe") == ((b"a", b"1"),)


def test_the_parts_of_a_block_are_joined():
    block = Block(3, end=True, limits=Limits())
    block.add(b"a")
    block.add(b"b")

    assert (block.whole(), block.stream_id, block.end) == (b"ab", 3, True)


def test_a_block_of_too_many_bytes_is_refused():
    block = Block(3, end=True, limits=Limits(header_block=10))
    block.add(b"x" * 10)

    with pytest.raises(ConnectionFailed, match="ENHANCE_YOUR_CALM"):
        block.add(b"x")


def test_a_block_in_too_many_parts_is_refused():
    block = Block(3, end=True, limits=Limits(continuations=2))
    for _ in range(3):
        block.add(b"")

    with pytest.raises(ConnectionFailed, match="ENHANCE_YOUR_CALM"):
        block.add(b"")
