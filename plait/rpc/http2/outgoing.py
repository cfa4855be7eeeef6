"""What one end of a connection sends: frames collected in order, data as far as windows allow."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, violation
from plait.rpc.http2.hpack import Encoder, Header
from plait.rpc.http2.patience import Patience
from plait.rpc.http2.settings import Settings
from plait.rpc.http2.stream import Stream

FIRST_WINDOW = 65_535  # bytes, of a connection, whatever the settings say (section 6.9.2)
_LARGEST_SENT = 64 * 1024  # bytes of a frame, so that no stream holds up the others for long
_WORTH_WHILE = 1024  # bytes: a peer that lets out less of what waits gets no credit for it


class Outgoing:
    """The sending half of a connection.

    Args:
        wake: called when there are bytes to send, which were none before.
        patience: of this end with its peer.
        primed: headers that every call repeats.
    """

    def __init__(
        self, wake: Callable[[], None], patience: Patience, primed: Sequence[Header]
    ) -> None:
        self.out: list[bytes] = []
        self.peer = Settings()
        self.encoder = Encoder(primed)
        self.send_left = FIRST_WINDOW
        self.paused = False  # the socket is full: data wait, whatever the windows say
        self.patience = patience
        self.largest_frame = self.peer.max_frame_size
        self.unsent = 0  # bytes of all streams that wait for a window, or for the socket
        self._blocked: OrderedDict[int, Stream] = OrderedDict()  # by the connection or the socket
        self._wake = wake

    def write(self, data: bytes) -> None:
        if not self.out:
            self._wake()
        self.out.append(data)

    def write_headers(self, stream_id: int, headers: Sequence[Header], *, end: bool) -> None:
        self.write_block(stream_id, self.encoder.encode(headers), end=end)

    def write_block(self, stream_id: int, block: bytes, *, end: bool) -> None:
        """Send a header block that was encoded just now."""
        self.write(frames.headers(stream_id, block, end=end, largest=self.largest_frame))

    def room_for(self, stream: Stream, size: int) -> bool:
        """Whether that many bytes can be sent on a stream at once, in one frame."""
        return (
            size <= stream.send_left
            and size <= self.send_left
            and size <= self.largest_frame
            and not self.paused
        )

    def write_data(self, stream: Stream, data: bytes, *, end: bool) -> int:
        """Send as much of the data as the windows allow and return how many bytes.

        An empty frame always goes.
        """
        size = len(data)
        room = min(size, self.send_left, stream.send_left)
        if size and (room <= 0 or self.paused):
            return 0
        self.send_left -= room
        stream.send_left -= room
        largest = self.largest_frame
        for start in range(0, room or 1, largest):
            part = data[start : min(start + largest, room)] if room > largest else data[:room]
            flags = frames.END_STREAM if end and start + len(part) == size else 0
            self.write(frames.header.pack(len(part) << 8, flags, stream.id) + part)
            if room == size or len(part) >= _WORTH_WHILE:
                self.patience.work()
        return room

    def heed(self, settings: Settings) -> None:
        """Take the peer's settings; what they mean for open streams is the connection's."""
        self.peer = settings
        self.largest_frame = min(settings.max_frame_size, _LARGEST_SENT)
        self.encoder.resize(settings.header_table_size)

    def block(self, stream: Stream) -> None:
        """Remember a stream whose data wait for the connection; its own window wakes it itself."""
        if stream.send_left > 0:
            self._blocked[stream.id] = stream

    def go_on(self, stream: Stream) -> None:
        """Send what waits on a stream whose window has opened, unless it has to wait its turn."""
        if stream.waiting_bytes and stream.id not in self._blocked and not stream.pump():
            self.block(stream)

    def unblock(self, stream: Stream) -> None:
        """Forget a stream that is over."""
        self._blocked.pop(stream.id, None)
        stream.forget_waiting()

    def widen_connection(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection; raises ConnectionFailed."""
        self.send_left = widened(self.send_left, increment)
        self.pump()

    def widen_stream(self, stream: Stream, increment: int) -> None:
        """Take a WINDOW_UPDATE of a stream; its ConnectionFailed is the stream's alone."""
        stream.send_left = widened(stream.send_left, increment)
        self.go_on(stream)

    def pump(self) -> None:
        """Send what waited, a stream after the other, the longest blocked first."""
        for _ in range(len(self._blocked)):
            if self.send_left <= 0 or self.paused or not self._blocked:
                return
            _, stream = self._blocked.popitem(last=False)
            if not stream.pump():
                self.block(stream)  # at the end: the others have their turn

    def resume(self) -> None:
        """Hear that the socket takes more."""
        self.paused = False
        self.pump()


def widened(left: int, increment: int) -> int:
    """Return a window that a WINDOW_UPDATE has made larger (section 6.9).

    Raises:
        ConnectionFailed: by nothing, or too large.
    """
    if not increment:
        raise violation("a WINDOW_UPDATE of nothing")
    if left + increment > frames.LARGEST_WINDOW:
        raise too_wide()
    return left + increment


def too_wide() -> ConnectionFailed:
    return violation("a window is larger than 2^31 - 1", ErrorCode.FLOW_CONTROL_ERROR)
