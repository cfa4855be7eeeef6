"""The frames of RFC 9113 section 6: their numbers, how each is written, how a payload is read."""

from enum import IntEnum, IntFlag
from struct import Struct

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, violation

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # section 3.4
HEADER_SIZE = 9
LARGEST_STREAM = 2**31 - 1
LARGEST_WINDOW = 2**31 - 1
SMALLEST_FRAME, LARGEST_FRAME = 2**14, 2**24 - 1  # what SETTINGS_MAX_FRAME_SIZE may be

header = Struct(">IBI")  # length and type in one word, flags, stream: nine bytes
_TWO = Struct(">II")
_WORD = Struct(">I")
_SETTING = Struct(">HI")


class Type(IntEnum):
    """The type of a frame (section 6)."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


class Flag(IntFlag):
    """The flags of a frame; ACK and END_STREAM share a bit, on different types."""

    END_STREAM = 0x1
    ACK = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


# Plain integers for the hot loop: an IntFlag's operators cost twenty times as much.
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
DATA, HEADERS, CONTINUATION = 0x0, 0x1, 0x9


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write one frame. The payload is at most what the peer's SETTINGS_MAX_FRAME_SIZE allows."""
    return header.pack(len(payload) << 8 | kind, flags, stream) + payload


def headers(stream: int, block: bytes, *, end: bool, largest: int) -> bytes:
    """Write a header block as one HEADERS frame and as many CONTINUATION frames as it takes."""
    flags = END_STREAM if end else 0
    if len(block) <= largest:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    parts = [block[start : start + largest] for start in range(0, len(block), largest)]
    written = [frame(HEADERS, flags, stream, parts[0])]
    written += [frame(CONTINUATION, 0, stream, part) for part in parts[1:-1]]
    written.append(frame(CONTINUATION, END_HEADERS, stream, parts[-1]))
    return b"".join(written)


def reset(stream: int, code: ErrorCode) -> bytes:
    return frame(Type.RST_STREAM, 0, stream, _WORD.pack(code))


def settings(values: dict[int, int]) -> bytes:
    payload = b"".join(_SETTING.pack(key, value) for key, value in values.items())
    return frame(Type.SETTINGS, 0, 0, payload)


def settings_ack() -> bytes:
    return frame(Type.SETTINGS, ACK, 0)


def ping(data: bytes, *, ack: bool = False) -> bytes:
    return frame(Type.PING, ACK if ack else 0, 0, data)


def goaway(last_stream: int, code: ErrorCode, debug: bytes = b"") -> bytes:
    return frame(Type.GOAWAY, 0, 0, _TWO.pack(last_stream, code) + debug)


def window_update(stream: int, increment: int) -> bytes:
    return frame(Type.WINDOW_UPDATE, 0, stream, _WORD.pack(increment))


def unpadded(payload: bytes, flags: int) -> bytes:
    """Return a payload without its padding (section 6.1)."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise violation("a padded frame has no room for its pad length", ErrorCode.FRAME_SIZE_ERROR)
    padding = payload[0]
    if padding >= len(payload):
        raise violation(f"a frame of {len(payload)} bytes claims {padding} bytes of padding")
    return payload[1 : len(payload) - padding]


def unprioritized(payload: bytes, flags: int, stream: int) -> bytes:
    """Return a header block without the deprecated priority fields (section 6.2)."""
    if not flags & PRIORITY:
        return payload
    if len(payload) < 5:
        raise violation("a HEADERS frame has no room for its priority", ErrorCode.FRAME_SIZE_ERROR)
    check_dependency(payload, stream)
    return payload[5:]


def check_dependency(payload: bytes, stream: int) -> None:
    """Refuse a stream that depends on itself: no use of it is left, and no honest peer says so."""
    if _WORD.unpack_from(payload)[0] & LARGEST_STREAM == stream:
        raise violation(f"stream {stream} depends on itself")


def word_of(payload: bytes, name: str) -> int:
    """Return the one 32-bit word of a RST_STREAM or WINDOW_UPDATE frame."""
    if len(payload) != 4:
        raise _size(name, len(payload), "4")
    (word,) = _WORD.unpack(payload)
    return int(word)


def settings_of(payload: bytes) -> list[tuple[int, int]]:
    """Return the pairs of a SETTINGS frame, in their order (section 6.5.1)."""
    if len(payload) % 6:
        raise _size("SETTINGS", len(payload), "a multiple of 6")
    return list(_SETTING.iter_unpack(payload))


def goaway_of(payload: bytes) -> tuple[int, int, bytes]:
    """Return the last stream, the error code and the debug data of a GOAWAY (section 6.8)."""
    if len(payload) < 8:
        raise _size("GOAWAY", len(payload), "at least 8")
    last, code = _TWO.unpack_from(payload)
    return last & LARGEST_STREAM, code, payload[8:]


def check_size(payload: bytes, size: int, name: str) -> None:
    if len(payload) != size:
        raise _size(name, len(payload), str(size))


def _size(name: str, found: int, expected: str) -> ConnectionFailed:
    return violation(
        f"a {name} frame has {found} bytes, expected {expected}", ErrorCode.FRAME_SIZE_ERROR
    )
