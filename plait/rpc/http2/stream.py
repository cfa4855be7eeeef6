"""One stream of a connection: its state, its windows, and what waits to be sent on it."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed
from plait.rpc.http2.flow import Window
from plait.rpc.http2.headers import NO_LENGTH
from plait.rpc.http2.hpack import Header

if TYPE_CHECKING:
    from plait.rpc.http2.connection import Connection


class Stream:
    """What both ends of a call are built on: subclasses hear from the peer by the `on_` methods.

    They are called while bytes are taken in, so they must not wait; what they send goes out
    together when all bytes were taken in. `on_closed` comes exactly once, last of all.
    """

    __slots__ = (
        "_expected",
        "_last",
        "_waiting",
        "connection",
        "headed",
        "id",
        "local_open",
        "receive",
        "remote_open",
        "send_left",
        "waiting_bytes",
    )

    def __init__(self, connection: "Connection", stream_id: int) -> None:
        self.connection = connection
        self.id = stream_id
        self.remote_open = True
        self.local_open = True
        self.headed = False  # whether the peer's head has come
        self.send_left = connection.peer.initial_window_size
        self.receive = Window(connection.ours.initial_window_size)
        self.waiting_bytes = 0
        self._expected = NO_LENGTH  # bytes of data that content-length still promises
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._last: Sequence[Header] | None = None  # trailers, behind all that waits

    def on_head(self, head: Any, *, end: bool) -> None:
        """Hear the head: what the connection's owner has made of it (`Owner.first`)."""

    def on_data(self, data: bytes, *, end: bool) -> None:
        """Hear data; `consumed` must be called for it, now or later."""

    def on_trailers(self, trailers: Any) -> None:
        """Hear the trailers (`Owner.last`), which end the peer's side."""

    def on_writable(self) -> None:
        """Hear that everything that waited has gone out."""

    def on_closed(self, code: ErrorCode | None, *, remote: bool) -> None:
        """Hear that the stream is over: None after both sides have ended, or why it was reset.

        `remote` is whether the peer, or the loss of the connection, has ended it.
        """

    def send_head(self, headers: Sequence[Header], *, end: bool = False) -> None:
        self.connection.write_headers(self.id, headers, end=end)
        if end:
            self.end()

    def send_data(self, data: bytes, *, end: bool = False) -> None:
        """Send data as far as the windows allow, and the rest when they open."""
        if self._waiting:
            self._wait(data, end=end)
            return
        sent = self.connection.write_data(self, data, end=end)
        if sent < len(data):
            self._wait(data[sent:], end=end)
            self.connection.block(self)
        elif end:
            self.end()

    def send_trailers(self, headers: Sequence[Header]) -> None:
        """End this side with trailers, after all data.

        They are encoded when they are sent: what a header block means depends on those before it.
        """
        if self._waiting:
            self._last = headers
        else:
            self.send_head(headers, end=True)

    def end(self) -> None:
        """Note that this side has sent its last frame."""
        self.local_open = False
        if not self.remote_open:
            self.connection.finished(self)

    def reset(self, code: ErrorCode) -> None:
        """End the stream in both directions at once; nothing happens if it is over."""
        self.connection.reset(self, code)

    def consumed(self, count: int) -> None:
        """Let the peer send as many bytes more."""
        self.connection.consumed(self, count)

    def pump(self) -> bool:
        """Send what waits as far as the windows allow; return whether nothing waits any more."""
        while self._waiting:
            data, end = self._waiting[0]
            sent = self.connection.write_data(self, data, end=end)
            self.waiting_bytes -= sent
            self.connection.unsent -= sent
            if sent < len(data):
                self._waiting[0] = (data[sent:], end)
                return False
            self._waiting.popleft()
            if end:
                self.end()
                return True
        if self._last is not None:
            self.send_head(self._last, end=True)
        self.on_writable()
        return True

    def forget_waiting(self) -> None:
        self._waiting.clear()
        self.connection.unsent -= self.waiting_bytes
        self._last = None
        self.waiting_bytes = 0

    # What the connection checks of what the peer sends; each raises StreamFailed.

    def begin(self, length: int, *, end: bool) -> None:
        """Note the head, and what its content-length promises."""
        if end and length > 0:
            raise _malformed("content-length promises data, and none can follow")
        self.headed = True
        self._expected = length

    def check_interim(self, *, end: bool) -> None:
        """Check a response 1xx: the real one must follow (section 8.1)."""
        if end:
            raise _malformed("an interim response ends the stream")

    def take(self, size: int, count: int, *, end: bool) -> None:
        """Note a DATA frame of `size` bytes, of which `count` are no padding."""
        self.check_open("DATA")
        if not self.headed:
            raise _malformed("DATA before the head")
        try:
            self.receive.take(size, "stream")
        except ConnectionFailed as failure:
            raise StreamFailed(failure.code, failure.message) from failure
        if self._expected != NO_LENGTH:
            self._expected -= count
            if self._expected < 0 or (end and self._expected):
                raise _malformed("the data are not as long as content-length says")

    def check_last(self, *, end: bool) -> None:
        """Check that trailers come where they may."""
        if not end:
            raise _malformed("trailers do not end the stream")
        if self._expected > 0:
            raise _malformed("content-length promised more data")

    def check_open(self, name: str) -> None:
        if not self.remote_open:
            raise StreamFailed(ErrorCode.STREAM_CLOSED, f"{name} after the end of the stream")

    def _wait(self, data: bytes, *, end: bool) -> None:
        self._waiting.append((data, end))
        self.waiting_bytes += len(data)
        self.connection.unsent += len(data)


def _malformed(message: str) -> StreamFailed:
    return StreamFailed(ErrorCode.PROTOCOL_ERROR, message)
