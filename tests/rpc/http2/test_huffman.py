"""The Huffman code of HPACK, held against the judge's."""

import sys

import pytest
from hpack.exceptions import HPACKError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.rpc.http2 import huffman
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode
from plait.rpc.http2.huffman import decode_by_machine, decoder

JUDGE = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
BOTH = pytest.mark.parametrize("decode", [decode_by_machine, decoder()], ids=["machine", "jh2"])


def judged(data: bytes) -> bytes | None:
    try:
        return bytes(decode_huffman(data))
    except HPACKError:
        return None


def tried(decode, data: bytes) -> bytes | None:
    try:
        return decode(data)
    except ConnectionFailed as failed:
        return None if failed.code is ErrorCode.COMPRESSION_ERROR else str(failed).encode()


@BOTH
@settings(deadline=None)
@given(text=st.binary(max_size=300))
def test_every_string_is_read(decode, text):
    assert decode(JUDGE.encode(text)) == text


@BOTH
@settings(deadline=None)
@given(data=st.binary(min_size=1, max_size=12))
def test_what_is_no_string_is_refused_exactly_where_the_judge_refuses_it(decode, data):
    assert tried(decode, data) == judged(data)


@BOTH
@pytest.mark.parametrize(
    "data", [b"\xff", b"\xff\xff\xff\xff", b"\x1f\xff", b"\x18\xff\xff", b"\x00"], ids=bytes.hex
)
def test_wrong_padding_and_the_end_of_string_code_are_refused(decode, data):
    assert tried(decode, data) is None


@BOTH
@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 300, 20_000])
def test_strings_of_every_length_of_length_are_read(decode, size):
    text = b"\xf9" * size  # 28 bits each

    assert decode(JUDGE.encode(text)) == text


def test_where_jh2_is_not_installed_the_machine_decodes(monkeypatch):
    decoder.cache_clear()
    monkeypatch.setitem(sys.modules, "jh2._hazmat", None)
    try:
        assert huffman.decoder() is decode_by_machine
    finally:
        decoder.cache_clear()
