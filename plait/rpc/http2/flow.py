"""Flow control (RFC 9113 section 5.2): what the peer may send, and how large a window pays."""

from plait.rpc.http2.errors import ErrorCode, violation

LARGEST = 16 * 1024 * 1024  # bytes, of a stream's window that follows the bandwidth
_SMALLEST_SHARED = 16 * 1024 * 1024  # bytes: as many as a peer can make one connection hold


def shared_window(size: int) -> int:
    """Return the connection's window where its streams have this one.

    It is larger, so that streams that nobody reads do not hold up the others.
    """
    return max(_SMALLEST_SHARED, 4 * size)


class Window:
    """What the peer may still send: on one stream, or on the whole connection."""

    __slots__ = ("_left", "_owed", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._left = size
        self._owed = 0

    def take(self, count: int, what: str) -> None:
        """Count bytes that came.

        Raises:
            ConnectionFailed: they are more than the window let through.
        """
        self._left -= count
        if self._left < 0:
            raise violation(
                f"{-self._left} bytes more came than the window of the {what} lets through",
                ErrorCode.FLOW_CONTROL_ERROR,
            )

    def give(self, count: int, size: int = 0) -> int:
        """Count bytes that were consumed; return how many to announce now, mostly none.

        Half a window is announced at once: fewer frames, and the sender never runs dry. A larger
        `size` makes the window grow: only here, so that nobody's window grows who does not read.
        """
        self._owed += count
        if size > self.size:
            self._owed += size - self.size
            self.size = size
        if self._owed * 2 < self.size:
            return 0
        announced, self._owed = self._owed, 0
        self._left += announced
        return announced

    def grow(self, size: int) -> int:
        """Make the window larger and return how many bytes to announce for it."""
        more = size - self.size
        if more <= 0:
            return 0
        self.size = size
        self._left += more
        return more


class Bandwidth:
    """Finds the product of bandwidth and delay, and so the window that keeps a link busy.

    After each eighth of a window a PING goes out, one at a time: what arrives until its answer is
    what the link holds in a round trip. A window that was mostly filled doubles. Small calls, which
    fill no window, are so not accompanied by PINGs.
    """

    __slots__ = ("_asked", "_came", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self._asked = False
        self._came = 0

    def received(self, count: int) -> bool:
        """Count bytes; return whether a PING should be sent now."""
        self._came += count
        if self._asked or self._came * 8 < self.window or self.window >= LARGEST:
            return False
        self._asked = True
        self._came = count
        return True

    def answered(self) -> int:
        """Take the answer of the PING; return the new size of the windows, 0 if it stays."""
        self._asked = False
        came, self._came = self._came, 0
        if came * 3 < self.window * 2:
            return 0
        self.window = min(self.window * 2, LARGEST)
        return self.window
