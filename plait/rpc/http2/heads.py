"""Header blocks that come in: put together from frames, decoded, and the usual ones remembered."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from plait.rpc.http2.errors import ErrorCode, StreamFailed, violation
from plait.rpc.http2.hpack import Decoder, Header
from plait.rpc.http2.patience import Limits

_MOST_BLOCKS, _LONGEST_BLOCK = 64, 512  # what is remembered of a connection: at most 32 KiB


class Block:
    """A header block of which not all frames have come."""

    __slots__ = ("_limits", "_parts", "_size", "end", "stream_id")

    def __init__(self, stream_id: int, *, end: bool, limits: Limits) -> None:
        self.stream_id = stream_id
        self.end = end
        self._limits = limits
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Take in one frame's part.

        Raises:
            ConnectionFailed: the block is too long, or in too many parts.
        """
        self._parts.append(part)
        self._size += len(part)
        limits = self._limits
        if self._size > limits.header_block or len(self._parts) > limits.continuations + 1:
            raise violation("a header block is too long", ErrorCode.ENHANCE_YOUR_CALM)

    def whole(self) -> bytes:
        return b"".join(self._parts)


class Heads:
    """Decodes the blocks of one direction, in their order, and makes heads of them.

    The same bytes make the same head as long as the table stays as it is: such blocks are looked up
    instead of decoded, which is nearly all that a call's headers cost. Several may share a decoder.

    Args:
        decoder: that of the connection.
        parse: makes a head of headers, and depends on nothing else; raises StreamFailed.
    """

    __slots__ = ("_decoder", "_generation", "_known", "_parse")

    def __init__(self, decoder: Decoder, parse: Callable[[list[Header]], Any]) -> None:
        self._decoder = decoder
        self._parse = parse
        self._generation = decoder.generation
        self._known: dict[bytes, Any] = {}

    def head(self, block: bytes) -> Any:
        """Return what a block means.

        Raises:
            StreamFailed: the headers are not allowed, or too many.
            ConnectionFailed: it is no header block.
        """
        if self._decoder.generation != self._generation:
            self._forget()
        head = self._known.get(block)
        if head is None:
            before = self._decoder.generation
            head = self._parse(self.headers(block))
            if before == self._decoder.generation and len(block) <= _LONGEST_BLOCK:
                self._remember(block, head)
        return head

    def headers(self, block: bytes) -> list[Header]:
        """Return the headers of a block; raises as `head` does."""
        return self._decoder.decode(block)

    def pass_over(self, block: bytes) -> None:
        """Decode a block that nobody wants: the table must stay the peer's."""
        with suppress(StreamFailed):
            self.headers(block)

    def _forget(self) -> None:
        """Forget all blocks: the table has changed, and what they name in it may have moved."""
        self._generation = self._decoder.generation
        self._known.clear()

    def _remember(self, block: bytes, head: Any) -> None:
        if len(self._known) >= _MOST_BLOCKS:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[block] = head
