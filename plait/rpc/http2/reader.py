"""Bytes that come in, cut into frames (RFC 9113 sections 3.4 and 4.1)."""

from collections.abc import Callable

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, violation

_TLS_HELLO = b"\x16\x03"
_REQUEST_LINES = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ")


class SpeaksHttp1(ConnectionFailed):
    """The client speaks HTTP/1: it understands no frame, and may be answered in its own words."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.HTTP_1_1_REQUIRED, "the client speaks HTTP/1")


class Reader:
    """Cuts bytes into frames and hands each on; holds no more than one frame's piece.

    Args:
        preface: what must come before the first frame; empty at a client.
        largest: bytes of a frame's payload.
        began: called when the preface has come.
        on_frame: called with type, flags, stream and payload of each frame.
    """

    __slots__ = ("_began", "_largest", "_on_frame", "_preface", "_rest")

    def __init__(
        self,
        preface: bytes,
        largest: int,
        *,
        began: Callable[[], None],
        on_frame: Callable[[int, int, int, bytes], None],
    ) -> None:
        self._preface = preface
        self._largest = largest
        self._began = began
        self._on_frame = on_frame
        self._rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take in bytes, in any pieces.

        Raises:
            ConnectionFailed: the preface is wrong, or a frame is larger than allowed.
        """
        if self._rest:
            data = self._rest + data
        position, end = 0, len(data)
        if self._preface:
            position = self._after_preface(data)
            if not position:
                self._rest = data
                return
        unpack, largest, on_frame = frames.header.unpack_from, self._largest, self._on_frame
        while end - position >= frames.HEADER_SIZE:
            word, flags, stream = unpack(data, position)
            size = word >> 8
            if size > largest:
                raise violation(
                    f"a frame has {size} bytes, at most {largest} are allowed",
                    ErrorCode.FRAME_SIZE_ERROR,
                )
            stop = position + frames.HEADER_SIZE + size
            if stop > end:
                break
            on_frame(word & 0xFF, flags, stream & frames.LARGEST_STREAM, data[position + 9 : stop])
            position = stop
        self._rest = data[position:]

    def _after_preface(self, data: bytes) -> int:
        """Return where the first frame begins; 0 as long as the preface is not complete."""
        preface = self._preface
        if data[: len(preface)] != preface[: len(data)]:
            raise _stranger(data)
        if len(data) < len(preface):
            return 0
        self._preface = b""
        self._began()
        return len(preface)


def _stranger(data: bytes) -> ConnectionFailed:
    """Return what is wrong with a client that does not begin as HTTP/2 does."""
    if data.startswith(_REQUEST_LINES):
        return SpeaksHttp1()
    if data.startswith(_TLS_HELLO):
        return violation("the client speaks TLS, and this port does not")
    return violation("the connection does not begin with the preface of HTTP/2")
