"""One HTTP/2 connection (RFC 9113): bytes in, calls on its streams out, bytes to send collected."""

from collections.abc import Callable, Sequence
from typing import Any

from plait.rpc.http2 import frames
from plait.rpc.http2.control import Control
from plait.rpc.http2.errors import ConnectionFailed, ErrorCode, StreamFailed, error_code, violation
from plait.rpc.http2.heads import Block, Heads
from plait.rpc.http2.hpack import Decoder, Header
from plait.rpc.http2.owner import Owner
from plait.rpc.http2.patience import Limits
from plait.rpc.http2.reader import Reader, SpeaksHttp1
from plait.rpc.http2.settings import Settings
from plait.rpc.http2.stream import Stream

_FEWEST_FORGIVEN, _MOST_FORGIVEN = 128, 10_000
_HTTP1_TEXT = b"This port speaks HTTP/2 only.\n"
_HTTP1_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_HTTP1_TEXT), _HTTP1_TEXT)
)


class Connection(Control):
    """The state machine of one end.

    `receive` takes bytes in any pieces; what is to be sent collects in `out`, to be joined and
    written together. Once `failure` is set the connection is to be closed, after `out` was sent.
    `tick` is called about once a second.
    """

    def __init__(
        self,
        owner: Owner,
        *,
        server: bool,
        ours: Settings,
        limits: Limits | None = None,
        primed: Sequence[Header] = (),
    ) -> None:
        self._limits = limits = limits or Limits()
        super().__init__(owner, server=server, ours=ours, limits=limits, primed=primed)
        self.failure: ConnectionFailed | None = None
        self.is_lost = False
        self.greeted = False  # whether the peer's first SETTINGS has come
        decoder = Decoder(largest_list=ours.max_header_list_size)
        self._heads = Heads(decoder, owner.first)
        self._trailers = Heads(decoder, owner.last)
        self._forgiven: dict[int, None] = {}
        self._most_forgiven = min(
            max(ours.max_concurrent_streams, _FEWEST_FORGIVEN), _MOST_FORGIVEN
        )
        self._block: Block | None = None
        self._reader = Reader(
            frames.PREFACE if server else b"",
            ours.max_frame_size,
            began=self._greet,
            on_frame=self._frame,
        )
        self._handlers: list[Callable[[int, int, bytes], None]] = [
            *(self._on_data, self._on_headers, self._on_priority, self._on_reset),
            *(self._on_settings, self._on_push_promise, self._on_ping, self._on_goaway),
            *(self._on_window_update, self._on_continuation),
        ]

    def start(self) -> None:
        """Greet the peer (section 3.4); a server waits for the client's preface.

        What comes first may not be HTTP/2 at all, and is then answered in its own words.
        """
        if not self.server:
            self.write(frames.PREFACE)
            self._greet()

    def next_stream(self) -> int:
        """Return the id of a new stream of ours; 0 when they are used up."""
        if self._next_local > frames.LARGEST_STREAM:
            return 0
        self._next_local += 2
        return self._next_local - 2

    def open(self, stream: Stream) -> None:
        """Add a stream of ours, before its head is sent."""
        self.streams[stream.id] = stream

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        if self._leave(stream, ended=True):
            self._forgive(stream.id)
            self.write(frames.reset(stream.id, code))
            stream.on_closed(code, remote=False)

    def fail(self, stream: Stream, failure: StreamFailed) -> None:
        """End a stream whose peer has broken a rule."""
        self.reset(stream, failure.code)
        self.patience.early_end()  # it counts as if the peer had done it: it is the peer's fault

    def finished(self, stream: Stream) -> None:
        """Note that both sides of a stream have ended."""
        if self._leave(stream):
            self.patience.whole_call()
            stream.on_closed(None, remote=True)

    def consumed(self, stream: Stream, count: int) -> None:
        """Let the peer send that many bytes more, on the connection and on the stream."""
        self._give_back(count)
        size = self._bandwidth.window
        if stream.remote_open and (more := stream.receive.give(count, size)):
            self.write(frames.window_update(stream.id, more))

    def lost(self, code: ErrorCode) -> None:
        """End all streams: the connection is no more."""
        self.is_lost = True
        for stream in list(self.streams.values()):
            if self._leave(stream, ended=True):
                stream.on_closed(code, remote=True)

    def receive(self, data: bytes) -> None:
        """Take in bytes."""
        if self.failure is not None:
            return
        try:
            self._reader.feed(data)
        except ConnectionFailed as failure:
            self.failure = failure
            if isinstance(failure, SpeaksHttp1):
                self.write(_HTTP1_ANSWER)
            else:
                self.go_away(failure.code, failure.message.encode()[:200])
            self.lost(failure.code)

    def waits_for_peer(self) -> bool:
        """Whether the peer owes its greeting, or the rest of a header block."""
        return not self.greeted or self._block is not None

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if self._block is not None and kind != frames.CONTINUATION:
            raise violation("a header block is interrupted by another frame")
        if not self.greeted:
            if kind != frames.Type.SETTINGS or flags & frames.ACK:
                raise violation("the first frame is not SETTINGS")
            self.greeted = True
        if kind < len(self._handlers):
            self._handlers[kind](flags, stream_id, payload)
        else:
            self.patience.nuisance("frames of unknown types")  # ignored (section 4.1)

    def _on_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        size = len(payload)
        self._received(size)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_forgiven(stream_id, "DATA")
            self._give_back(size)
            return
        end = bool(flags & frames.END_STREAM)
        data = frames.unpadded(payload, flags) if flags & frames.PADDED else payload
        try:
            stream.take(size, len(data), end=end)
        except StreamFailed as failure:
            self._give_back(size)
            self.fail(stream, failure)
            return
        if size > len(data):
            self.consumed(stream, size - len(data))
        if not data and not end:
            self.patience.nuisance("empty DATA frames")
        stream.remote_open = not end
        stream.on_data(data, end=end)
        if end and not stream.local_open:
            self.finished(stream)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if flags & frames.PADDED:
            payload = frames.unpadded(payload, flags)
        if flags & frames.PRIORITY:
            payload = frames.unprioritized(payload, flags, stream_id)
        end = bool(flags & frames.END_STREAM)
        if flags & frames.END_HEADERS:
            self._on_block(stream_id, payload, end=end)
        else:
            self._block = Block(stream_id, end=end, limits=self._limits)
            self._block.add(payload)

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        block = self._block
        if block is None or block.stream_id != stream_id:
            raise violation("a CONTINUATION frame continues nothing")
        block.add(payload)
        if flags & frames.END_HEADERS:
            self._block = None
            self._on_block(stream_id, block.whole(), end=block.end)

    def _on_block(self, stream_id: int, block: bytes, *, end: bool) -> None:
        stream = self.streams.get(stream_id) or self._accepted(stream_id)
        if stream is None:
            self._heads.pass_over(block)
            return
        try:
            if not stream.remote_open:
                self._heads.pass_over(block)
                stream.check_open("HEADERS")
            elif stream.headed:
                trailers = self._trailers.head(block)
                stream.check_last(end=end)
                stream.remote_open = False
                stream.on_trailers(trailers)
            else:
                self._on_first(stream, self._heads.head(block), end=end)
        except StreamFailed as failure:
            self.fail(stream, failure)
            return
        if end and not stream.local_open:
            self.finished(stream)

    def _on_first(self, stream: Stream, head: Any, *, end: bool) -> None:
        if head.interim:  # passed over: another head follows (section 8.1)
            self.patience.nuisance("interim responses")
            stream.check_interim(end=end)
            return
        stream.begin(head.length, end=end)
        stream.remote_open = not end
        stream.on_head(head, end=end)

    def _accepted(self, stream_id: int) -> Stream | None:
        """Return a new stream for a request; None where nobody wants the headers that came."""
        if not self.server or stream_id % 2 == 0 or stream_id <= self.last_remote:
            self._check_forgiven(stream_id, "HEADERS")
            return None
        self.last_remote = stream_id
        if stream_id > self._refuse_above:
            return None
        self.patience.work()
        full = len(self.streams) >= self.ours.max_concurrent_streams
        stream = None if full else self._owner.accept(stream_id)
        if stream is not None:
            self.streams[stream_id] = stream
            return stream
        self._forgive(stream_id)
        self.patience.early_end()
        self.write(frames.reset(stream_id, ErrorCode.REFUSED_STREAM))
        return None

    def _on_reset(self, flags: int, stream_id: int, payload: bytes) -> None:
        del flags
        code = frames.word_of(payload, "RST_STREAM")
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_known(stream_id, "RST_STREAM")
            self.patience.nuisance("RST_STREAM frames")
            return
        if self.server:
            self.patience.early_end()
        self._leave(stream, ended=True)
        stream.on_closed(error_code(code), remote=True)

    def _leave(self, stream: Stream, *, ended: bool = False) -> bool:
        """Take a stream out; return whether it was there."""
        if self.streams.pop(stream.id, None) is None:
            return False
        if ended:
            stream.local_open = stream.remote_open = False
        self.unblock(stream)
        return True

    def _forgive(self, stream_id: int) -> None:
        """Remember a stream that we have reset: frames on their way to it are no offence.

        As many are remembered as the peer may have had open when it could not know yet.
        """
        self._forgiven[stream_id] = None
        if len(self._forgiven) > self._most_forgiven:
            del self._forgiven[next(iter(self._forgiven))]

    def _check_forgiven(self, stream_id: int, name: str) -> None:
        """Let a frame pass on a stream that we have reset: the peer may not know yet (5.1)."""
        self._check_known(stream_id, name)
        if stream_id not in self._forgiven and stream_id <= self._refuse_above:
            raise violation(
                f"a {name} frame on stream {stream_id}, which is closed", ErrorCode.STREAM_CLOSED
            )
