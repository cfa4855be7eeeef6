"""gRPC messages in a stream of bytes: the five-byte prefix, and compression (gRPC over HTTP/2)."""

import zlib
from collections.abc import Callable, Mapping
from struct import Struct

import grpc

PREFIX = Struct(">BI")
PREFIX_SIZE = 5
LARGEST = 2**32 - 1  # bytes of a message: what the prefix can say
_SMALL = 1024  # bytes of a piece

IDENTITY, GZIP, DEFLATE = b"identity", b"gzip", b"deflate"
ACCEPTED = b"identity,gzip,deflate"
"""What `grpc-accept-encoding` says."""

ENCODINGS: Mapping[grpc.Compression, bytes] = {
    grpc.Compression.NoCompression: IDENTITY,
    grpc.Compression.Deflate: DEFLATE,
    grpc.Compression.Gzip: GZIP,
}

_WINDOW_BITS: Mapping[bytes, int] = {GZIP: 16 + zlib.MAX_WBITS, DEFLATE: zlib.MAX_WBITS}


class MessageTooLarge(Exception):
    """A message is larger than may be received, or sent; the text has both numbers."""


class MessageBroken(Exception):
    """What came is no message: a wrong flag, wrong compression, or an end in its middle."""


class Messages:
    """Cuts messages out of the bytes of one stream; holds no more than one message and a piece.

    Args:
        largest: bytes of a message, before and after it is inflated.
        encoding: what `grpc-encoding` said of compressed messages; one of those in `ACCEPTED`.
    """

    __slots__ = ("_count", "_encoding", "_largest", "_parts", "_wanted")

    def __init__(self, largest: int, encoding: bytes = IDENTITY) -> None:
        self._largest = largest
        self._encoding = encoding
        self._parts: list[bytes | bytearray] = []
        self._count = 0
        self._wanted = PREFIX_SIZE

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with these bytes.

        Raises:
            MessageTooLarge: one is, or claims to be; nothing was allocated for it.
            MessageBroken: it cannot be read.
        """
        if self._count:
            self._keep(data)
            self._count += len(data)
            if self._count < self._wanted:
                return []
            data = b"".join(self._parts)
            self._parts = []
            self._count = 0
        found: list[bytes] = []
        position, end = 0, len(data)
        while True:
            self._wanted = PREFIX_SIZE
            if end - position < PREFIX_SIZE:
                break
            flag, size = PREFIX.unpack_from(data, position)
            self._check(flag, size)
            self._wanted = PREFIX_SIZE + size
            stop = position + self._wanted
            if stop > end:
                break
            message = data[position + PREFIX_SIZE : stop]
            found.append(inflated(message, self._encoding, self._largest) if flag else message)
            position = stop
        if position < end:
            self._parts = [data[position:] if position else data]
            self._count = end - position
        return found

    def is_empty(self) -> bool:
        """Whether no piece of a message waits for its rest."""
        return not self._count

    def finish(self) -> None:
        """Hear that no bytes follow.

        Raises:
            MessageBroken: the last message is cut off.
        """
        if self._count:
            raise MessageBroken(
                f"the stream ended in the middle of a message, {self._count} bytes into it"
            )

    def _keep(self, data: bytes) -> None:
        """Keep a piece; small ones together, or each would cost more than it holds."""
        last = self._parts[-1]
        if len(data) >= _SMALL:
            self._parts.append(data)
        elif isinstance(last, bytearray):
            last += data
        else:
            self._parts.append(bytearray(data))

    def _check(self, flag: int, size: int) -> None:
        if size > self._largest:
            raise too_large(size, self._largest)
        if flag > 1:
            raise MessageBroken(f"the flag of a message is {flag}, expected 0 or 1")
        if flag and self._encoding == IDENTITY:
            raise MessageBroken("a message is compressed although grpc-encoding names no way")


def inflated(data: bytes, encoding: bytes, largest: int) -> bytes:
    """Inflate a message, stopping as soon as it is larger than allowed.

    Raises:
        MessageTooLarge, MessageBroken: as `Messages.feed` does.
    """
    machine = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        found = machine.decompress(data, largest + 1)
    except zlib.error as error:
        raise MessageBroken(f"a message is not compressed with {encoding.decode()}") from error
    if len(found) > largest:
        raise MessageTooLarge(
            f"received message larger than max (more than {largest} vs. {largest}) once inflated"
        )
    if not machine.eof or machine.unused_data:
        raise MessageBroken(f"a message is not one whole piece of {encoding.decode()}")
    return found


def deflated(data: bytes, encoding: bytes) -> bytes:
    """Compress a message and write its prefix; one that does not shrink is sent as it is."""
    machine = zlib.compressobj(wbits=_WINDOW_BITS[encoding])
    packed = machine.compress(data) + machine.flush()
    if len(packed) >= len(data):
        return PREFIX.pack(0, len(data)) + data
    return PREFIX.pack(1, len(packed)) + packed


def framed(data: bytes) -> bytes:
    """Write a message with its prefix, uncompressed."""
    return PREFIX.pack(0, len(data)) + data


def writer_of(encoding: bytes) -> Callable[[bytes], bytes]:
    """Return what writes messages in an encoding."""
    return framed if encoding == IDENTITY else lambda data: deflated(data, encoding)


def check_sent(size: int, largest: int) -> None:
    """Refuse to send a message that is larger than allowed; raises MessageTooLarge."""
    if size > largest:
        raise MessageTooLarge(f"sent message larger than max ({size} vs. {largest})")


def too_large(size: int, largest: int) -> MessageTooLarge:
    return MessageTooLarge(f"received message larger than max ({size} vs. {largest})")


def is_one_message(data: bytes, largest: int) -> bool:
    """Whether these bytes are one whole message that is not compressed, and nothing else."""
    if len(data) < PREFIX_SIZE or data[0]:
        return False
    size = int.from_bytes(data[1:5])
    return size == len(data) - PREFIX_SIZE and size <= largest
