"""The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B).

jh2 decodes a string ten times as fast as Python can, but takes padding that the RFC forbids and
panics on strings that are cut off: it is handed complete strings only, and the padding is checked
here. Where jh2 has no wheel, a machine decodes that reads a byte a step.
"""

from collections.abc import Callable
from functools import cache
from typing import cast

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, violation

# How many bits each byte's code has, from 0 to 255; the end-of-string code has 30. The code is
# canonical: codes of one length count up with the byte, so the lengths say it all.
_LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c"
    "060a0a0c0d06080b0a0a080b080606060505050606060606060607080f060c0a"
    "0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c"
    "1416141416161617161717171717181718181617181717171715161716171718"
    "1615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b"
    "14181415161515171616191918181a171a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a"
)
_END_LENGTH = 30
_MOST_PADDING = 7  # bits

_Decode = Callable[[bytes, bool], list[tuple[bytes, bytes, bool]]]


@cache
def decoder() -> Callable[[bytes], bytes]:
    """Return the fastest decoder there is; it raises ConnectionFailed for what is no string."""
    try:
        from jh2._hazmat import Decoder, HPACKError  # noqa: PLC0415 - it has no wheel everywhere
    except ImportError:
        return decode_by_machine
    return _by_jh2(cast("_Decode", Decoder().decode), HPACKError)


def _by_jh2(decode: _Decode, wrong: type[Exception]) -> Callable[[bytes], bytes]:
    def decoded(data: bytes) -> bytes:
        size = len(data)
        if not size:
            return b""
        try:  # a literal of the static name 1, so that the string is all there is to decode
            ((_, value, _),) = decode(b"\x01" + _length(size) + data, True)  # noqa: FBT003
        except wrong as error:
            raise _wrong() from error
        padding = size * 8 - sum(value.translate(_LENGTHS))
        if not 0 <= padding <= _MOST_PADDING or ~data[-1] & ((1 << padding) - 1):
            raise _wrong()
        return value

    return decoded


def _length(size: int) -> bytes:
    """Return the length of a Huffman string as an integer with a prefix of 7 bits."""
    if size < 127:
        return bytes((0x80 | size,))
    said = bytearray(b"\xff")
    size -= 127
    while size > 127:
        said.append(0x80 | size & 0x7F)
        size >>= 7
    said.append(size)
    return bytes(said)


def decode_by_machine(data: bytes) -> bytes:
    """Decode a Huffman string.

    Raises:
        ConnectionFailed: it holds the end-of-string code, or its padding is not the start of it.
    """
    steps, accepting = _machine()
    state = 0
    found: list[bytes] = []
    for byte in data:
        step = steps[state][byte]
        if step is None:
            raise _wrong()
        state, emitted = step
        found.append(emitted)
    if state not in accepting:
        raise _wrong()
    return b"".join(found)


_Step = tuple[int, bytes] | None


@cache
def _machine() -> tuple[list[list[_Step]], frozenset[int]]:
    """Return for each state and byte the next state and what was read, and where a string may end.

    A state is an inner node of the code's tree, 0 is its root.
    """
    tree = _tree()
    steps = [[_walk(tree, state, byte) for byte in range(256)] for state in range(len(tree))]
    accepting = [0]
    for _ in range(_MOST_PADDING):
        accepting.append(tree[accepting[-1]][1])
    return steps, frozenset(accepting)


def _walk(tree: list[list[int]], state: int, byte: int) -> _Step:
    emitted = bytearray()
    for bit in range(7, -1, -1):
        state = tree[state][byte >> bit & 1]
        if state < 0:
            symbol = -state - 1
            if symbol == len(_LENGTHS):
                return None  # the end-of-string code must not be in a string
            emitted.append(symbol)
            state = 0
    return state, bytes(emitted)


def _tree() -> list[list[int]]:
    """Return the inner nodes, each with what follows a 0 and a 1: a node, or -1 - symbol."""
    tree = [[0, 0]]
    lengths = [*_LENGTHS, _END_LENGTH]
    code, before = 0, 0
    for symbol in sorted(range(len(lengths)), key=lambda each: (lengths[each], each)):
        length = lengths[symbol]
        code <<= length - before
        before = length
        node = 0
        for bit in range(length - 1, 0, -1):
            side = code >> bit & 1
            if not tree[node][side]:
                tree.append([0, 0])
                tree[node][side] = len(tree) - 1
            node = tree[node][side]
        tree[node][code & 1] = -1 - symbol
        code += 1
    return tree


def _wrong() -> ConnectionFailed:
    return violation("a header holds no Huffman string", ErrorCode.COMPRESSION_ERROR)
