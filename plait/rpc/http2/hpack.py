"""HPACK (RFC 7541): header blocks to header lists and back, with the state that both ends share."""

from collections.abc import Callable, Iterable, Sequence

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed, violation
from plait.rpc.http2.huffman import decoder
from plait.rpc.http2.static import STATIC

Header = tuple[bytes, bytes]

ENTRY_OVERHEAD = 32  # bytes that an entry counts beside its name and value (section 4.1)
_LARGEST_TABLE = 4096  # bytes that we use of the peer's table, however many it offers
_BOMB = 16  # times the largest list: a list as large as that is no mistake
_LONGEST_INTEGER = 5  # bytes after the prefix: 2**35, more than any length that is honest

_SIZE = len(STATIC)


class HeaderListTooLarge(StreamFailed):
    """The list is larger than was agreed on; it was read to its end, so the table is good."""


class Decoder:
    """Decodes the header blocks of one direction of one connection, in their order.

    `generation` grows whenever the dynamic table changes: a block that left it alone, and refers to
    nothing in it that has moved since, decodes to the same list again.
    """

    def __init__(self, *, largest_list: int, table_size: int = 4096) -> None:
        self.generation = 0
        self._largest_list = largest_list
        self._bomb = largest_list * _BOMB
        self._largest_table = table_size  # what we allow; the peer may choose less
        self._capacity = table_size
        self._size = 0
        self._table: list[Header] = []  # the newest entry last
        self._huffman: Callable[[bytes], bytes] = decoder()

    def decode(self, block: bytes) -> list[Header]:  # noqa: C901, PLR0912 - the hot loop stands alone
        """Return the headers of a complete block.

        Raises:
            HeaderListTooLarge: they are more than was agreed on.
            ConnectionFailed: it is no header block (COMPRESSION_ERROR), or a bomb: what is far too
                large is not read to its end (ENHANCE_YOUR_CALM).
        """
        found: list[Header] = []
        size, position, end = 0, 0, len(block)
        try:
            while position < end:
                byte = block[position]
                position += 1
                if byte & 0x80:  # an entry (section 6.1)
                    index = byte & 0x7F
                    if index == 0x7F:
                        index, position = _integer(block, position, 0x7F)
                    header = STATIC[index - 1] if 0 < index <= _SIZE else self._entry(index)
                elif byte & 0x40:  # a literal to remember (section 6.2.1)
                    index = byte & 0x3F
                    if index == 0x3F:
                        index, position = _integer(block, position, 0x3F)
                    header, position = self._literal(block, position, index)
                    self._remember(header)
                elif byte & 0x20:  # a new size of the table, before any header (section 4.2)
                    capacity = byte & 0x1F
                    if capacity == 0x1F:
                        capacity, position = _integer(block, position, 0x1F)
                    if size:
                        raise _wrong("the table's size changes in the middle of a block")
                    self._resize(capacity)
                    continue
                else:  # a literal to forget, perhaps for ever (sections 6.2.2 and 6.2.3)
                    index = byte & 0x0F
                    if index == 0x0F:
                        index, position = _integer(block, position, 0x0F)
                    header, position = self._literal(block, position, index)
                size += len(header[0]) + len(header[1]) + ENTRY_OVERHEAD
                if size <= self._largest_list:
                    found.append(header)
                elif size > self._bomb:
                    raise _bomb(size)
        except IndexError:
            raise _wrong("a block ends in the middle of a header") from None
        if size > self._largest_list:
            raise self._too_large(size)
        return found

    def _entry(self, index: int) -> Header:
        if not 0 < index - _SIZE <= len(self._table):
            raise _wrong(f"there is no entry {index}")
        return self._table[_SIZE - index]

    def _literal(self, block: bytes, position: int, index: int) -> tuple[Header, int]:
        if not index:
            name, position = self._string(block, position)
        else:
            name = (STATIC[index - 1] if index <= _SIZE else self._entry(index))[0]
        value, position = self._string(block, position)
        return (name, value), position

    def _string(self, block: bytes, position: int) -> tuple[bytes, int]:
        byte = block[position]
        position += 1
        length = byte & 0x7F
        if length == 0x7F:
            length, position = _integer(block, position, 0x7F)
        end = position + length
        if end > len(block):
            raise _wrong(f"a string of {length} bytes is longer than its block")
        text = block[position:end]
        return (self._huffman(text) if byte & 0x80 else text), end

    def _remember(self, header: Header) -> None:
        size = len(header[0]) + len(header[1]) + ENTRY_OVERHEAD
        self._evict(self._capacity - size)
        if size <= self._capacity:  # a larger one empties the table and is not kept (section 4.4)
            self._table.append(header)
            self._size += size
        self.generation += 1

    def _resize(self, capacity: int) -> None:
        if capacity > self._largest_table:
            raise _wrong(
                f"a table of {capacity} bytes, at most {self._largest_table} were agreed on"
            )
        self._capacity = capacity
        self._evict(capacity)
        self.generation += 1

    def _evict(self, room: int) -> None:
        """Drop the oldest entries until the rest takes no more than `room` bytes."""
        dropped = 0
        while self._size > room and dropped < len(self._table):
            name, value = self._table[dropped]
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD
            dropped += 1
        if dropped:
            del self._table[:dropped]

    def _too_large(self, size: int) -> HeaderListTooLarge:
        return HeaderListTooLarge(
            ErrorCode.ENHANCE_YOUR_CALM,
            f"a header list has {size} bytes, at most {self._largest_list} were agreed on",
        )


class Encoder:
    """Encodes the header blocks of one direction of one connection, in the order they are sent.

    Headers that every call repeats are *primed*: the first block puts them into the peer's table,
    later ones name them by one byte. Nothing else ever enters the table, so it is never full, and
    what was encoded once is good until `generation` grows.
    """

    def __init__(self, primed: Iterable[Header] = ()) -> None:
        self.generation = 0
        self._wanted = set(primed)
        self._known: dict[Header, bytes] = dict(_STATIC_BYTES)
        self._owed: list[int] = []
        self._capacity: int = _LARGEST_TABLE
        self._room: int = _LARGEST_TABLE
        self._sent: list[Header] = []

    def prime(self, header: Header) -> None:
        """Let a header enter the peer's table with the next block that has it, if there is room."""
        self._wanted.add(header)

    def resize(self, capacity: int) -> None:
        """Heed the peer's SETTINGS_HEADER_TABLE_SIZE; owes it an update (section 4.2)."""
        capacity = min(capacity, _LARGEST_TABLE)
        if capacity == self._capacity and not self._owed:
            return
        if capacity < self._capacity:  # what is in it may be gone: begin anew, from an empty table
            self._owed = [0, capacity] if capacity else [0]
            self._known = dict(_STATIC_BYTES)
            self._sent = []
            self._room = capacity
        else:
            self._owed = [*self._owed[:1], capacity]
            self._room += capacity - self._capacity
        self._capacity = capacity
        self.generation += 1

    def encode(self, headers: Sequence[Header]) -> bytes:
        """Return the block for these headers, to be sent before any block that is encoded later."""
        parts = [_prefixed(size, 0x1F, 0x20) for size in self._owed]
        self._owed = []
        for header in headers:
            known = self._known.get(header)
            parts.append(known if known is not None else self._literal(header))
        return b"".join(parts)

    def _literal(self, header: Header) -> bytes:
        name, value = header
        size = len(name) + len(value) + ENTRY_OVERHEAD
        if header in self._wanted and size <= self._room:
            self._room -= size
            self._sent.append(header)
            self._index()
            return b"\x40" + _string(name) + _string(value)
        index = _STATIC_NAMES.get(name)
        first = 0x10 if name in NEVER_INDEXED else 0x00
        if index is None:
            return bytes((first,)) + _string(name) + _string(value)
        return _prefixed(index, 0x0F, first) + _string(value)

    def _index(self) -> None:
        """Number the entries of the peer's table: the newest is the first after the static ones."""
        for age, header in enumerate(reversed(self._sent), start=1):
            self._known[header] = _prefixed(_SIZE + age, 0x7F, 0x80)
        self.generation += 1


NEVER_INDEXED = frozenset({b"authorization", b"cookie", b"set-cookie"})
"""Secrets: no one on the way may put them into a table either (section 7.1.3)."""


def _integer(block: bytes, position: int, value: int) -> tuple[int, int]:
    """Read the rest of an integer whose prefix is full (section 5.1)."""
    for shift in range(0, 7 * _LONGEST_INTEGER, 7):
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _wrong("an integer is too long")


def _prefixed(value: int, prefix: int, first: int) -> bytes:
    """Write an integer behind the bits `first`; `prefix` is the largest that fits beside them."""
    if value < prefix:
        return bytes((first | value,))
    said = bytearray((first | prefix,))
    value -= prefix
    while value > 0x7F:
        said.append(0x80 | value & 0x7F)
        value >>= 7
    said.append(value)
    return bytes(said)


def _string(text: bytes) -> bytes:
    return (bytes((len(text),)) if len(text) < 0x7F else _prefixed(len(text), 0x7F, 0)) + text


def _bomb(size: int) -> ConnectionFailed:
    return violation(
        f"a header list of more than {size} bytes in one block", ErrorCode.ENHANCE_YOUR_CALM
    )


def _wrong(message: str) -> ConnectionFailed:
    return violation(message, ErrorCode.COMPRESSION_ERROR)


_STATIC_BYTES: dict[Header, bytes] = {
    header: bytes((0x80 | index,)) for index, header in enumerate(STATIC, start=1)
}
_STATIC_NAMES: dict[bytes, int] = {
    name: index for index, (name, _) in reversed(tuple(enumerate(STATIC, start=1)))
}
