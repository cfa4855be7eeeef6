"""What two ends tell each other beside calls: settings, pings, windows, the end of it all."""

from collections.abc import Sequence

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed, error_code, violation
from plait.rpc.http2.flow import Bandwidth, Window, shared_window
from plait.rpc.http2.hpack import Header
from plait.rpc.http2.outgoing import FIRST_WINDOW, Outgoing, too_wide
from plait.rpc.http2.owner import Owner
from plait.rpc.http2.patience import Limits, Patience
from plait.rpc.http2.settings import Settings
from plait.rpc.http2.stream import Stream

_BANDWIDTH_PING = b"plaitbdp"
_STREAMS_A_NUISANCE = 64  # how many streams a change of windows may touch to count once


class Control(Outgoing):
    """The frames that belong to no call, from the peer and to it."""

    def __init__(
        self,
        owner: Owner,
        *,
        server: bool,
        ours: Settings,
        limits: Limits,
        primed: Sequence[Header],
    ) -> None:
        super().__init__(owner.wake, Patience(limits), primed)
        self.server = server
        self.ours = ours
        self.streams: dict[int, Stream] = {}
        self.last_remote = 0
        self._owner = owner
        self._next_local = 2 if server else 1
        self._refuse_above = frames.LARGEST_STREAM
        self._window = Window(FIRST_WINDOW)
        self._bandwidth = Bandwidth(ours.initial_window_size)
        self._pings = self._settings = 0  # sent, and not answered yet

    def ping(self, data: bytes) -> None:
        """Ask for an answer with the same 8 bytes (section 6.7)."""
        self._pings += 1
        self.write(frames.ping(data))

    def refuse_new(self) -> None:
        """Say that no new streams are wanted; those on their way are still taken (section 6.8)."""
        self.write(frames.goaway(frames.LARGEST_STREAM, ErrorCode.NO_ERROR))

    def go_away(self, code: ErrorCode = ErrorCode.NO_ERROR, debug: bytes = b"") -> None:
        """Say which streams were taken in; later ones are ignored."""
        self._refuse_above = self.last_remote
        self.write(frames.goaway(self.last_remote, code, debug))

    def tick(self) -> None:
        self.patience.tick()

    def fail(self, stream: Stream, failure: StreamFailed) -> None:
        """End a stream whose peer has broken a rule."""
        raise NotImplementedError

    def _greet(self) -> None:
        """Send the settings (section 3.4), and open the connection's window."""
        self._settings += 1
        self.write(frames.settings(self.ours.pairs(server=self.server)))
        if more := self._window.grow(shared_window(self.ours.initial_window_size)):
            self.write(frames.window_update(0, more))

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise violation("a SETTINGS frame names a stream")
        if flags & frames.ACK:
            frames.check_size(payload, 0, "SETTINGS ACK")
            self._settings = self._answered(self._settings, "answers to no SETTINGS")
            return
        self.patience.nuisance("SETTINGS frames")
        before = self.peer
        self.heed(before.applied(frames.settings_of(payload), from_server=not self.server))
        self.write(frames.settings_ack())  # before what the new windows let out
        self._widen_streams(self.peer.initial_window_size - before.initial_window_size)
        self._owner.settled()

    def _widen_streams(self, more: int) -> None:
        """Give every stream, also those that wait, that much more room (section 6.9.2)."""
        if not more:
            return
        self.patience.nuisance(
            "changes of windows", weight=len(self.streams) // _STREAMS_A_NUISANCE
        )
        for stream in self.streams.values():
            stream.send_left += more
            if stream.send_left > frames.LARGEST_WINDOW:
                raise too_wide()
        if more > 0:
            for stream in tuple(self.streams.values()):
                self.go_on(stream)

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise violation("a PING frame names a stream")
        frames.check_size(payload, 8, "PING")
        if not flags & frames.ACK:
            self.patience.nuisance("PING frames", message="too_many_pings")
            self.write(frames.ping(payload, ack=True))
            return
        self._pings = self._answered(self._pings, "answers to no PING")
        if payload == _BANDWIDTH_PING:
            if more := self._window.grow(shared_window(self._bandwidth.answered())):
                self.write(frames.window_update(0, more))
        else:
            self._owner.pong(payload)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if stream_id:
            raise violation("a GOAWAY frame names a stream")
        last, code, debug = frames.goaway_of(payload)
        self.patience.nuisance("GOAWAY frames")
        self._owner.gone(last, error_code(code), debug)

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        increment = frames.word_of(payload, "WINDOW_UPDATE") & frames.LARGEST_STREAM
        self.patience.nuisance("WINDOW_UPDATE frames")
        stream = self.streams.get(stream_id)
        if stream_id == 0:
            self.widen_connection(increment)
        elif stream is None:
            self._check_known(stream_id, "WINDOW_UPDATE")
        else:
            try:
                self.widen_stream(stream, increment)
            except ConnectionFailed as failure:  # here it is the stream's alone (section 6.9)
                self.fail(stream, StreamFailed(failure.code, failure.message))

    def _on_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        if stream_id == 0:
            raise violation("a PRIORITY frame names no stream")
        self.patience.nuisance("PRIORITY frames")
        if len(payload) == 5:
            frames.check_dependency(payload, stream_id)
        elif stream_id in self.streams:  # an error of the stream (section 6.3)
            wrong = f"a PRIORITY frame has {len(payload)} bytes, expected 5"
            self.fail(self.streams[stream_id], StreamFailed(ErrorCode.FRAME_SIZE_ERROR, wrong))
        else:
            self.write(frames.reset(stream_id, ErrorCode.FRAME_SIZE_ERROR))

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags, stream_id, payload
        raise violation("a PUSH_PROMISE frame came, which nobody has allowed")

    def _answered(self, asked: int, what: str) -> int:
        """Return how many answers are still due; one that nobody has asked for is a nuisance."""
        if not asked:
            self.patience.nuisance(what)
            return 0
        return asked - 1

    def _received(self, count: int) -> None:
        """Count data of any stream that came."""
        self._window.take(count, "connection")
        if self._bandwidth.received(count):
            self.ping(_BANDWIDTH_PING)

    def _check_known(self, stream_id: int, name: str) -> None:
        """Refuse a frame on no stream, or on one that nobody has opened (section 5.1)."""
        ours = stream_id % 2 == (0 if self.server else 1)
        last = self._next_local - 2 if ours else self.last_remote
        if stream_id == 0 or stream_id > last:
            raise violation(f"a {name} frame on stream {stream_id}, which is idle")

    def _give_back(self, count: int) -> None:
        if more := self._window.give(count):
            self.write(frames.window_update(0, more))
