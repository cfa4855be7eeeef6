"""A call that is being served: its stream, its deadline, its end, and the task of its handler."""

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from plait.rpc import framing
from plait.rpc.framing import MessageBroken, MessageTooLarge
from plait.rpc.handled import Handled
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.hpack import ENTRY_OVERHEAD, Header
from plait.rpc.messages import CallOver, MessageStream
from plait.rpc.metadata import Pair, fields_of
from plait.rpc.request import Refusal, Request
from plait.rpc.status import OK, Ended, trailers_of

if TYPE_CHECKING:
    from plait.rpc.serverlink import ServerLink

HEAD: tuple[Header, ...] = ((b":status", b"200"), (b"content-type", b"application/grpc"))
OK_TRAILERS: tuple[Header, ...] = ((b"grpc-status", b"0"),)

_EXPIRED = Ended(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
_GONE = Ended(grpc.StatusCode.CANCELLED, "the caller went away")
_NO_METHOD = Ended(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
_STOPPING = Ended(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
_log = logging.getLogger(__name__)


class Aborted(grpc.aio.AbortError):
    """Ends a handler with a status: what `context.abort` raises."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(f"{ended.code.name}: {ended.message}")
        self.ended = ended


class ServerCall(MessageStream):
    """The wire's side of a call; `plait.rpc.context` adds what a handler sees of it."""

    __slots__ = (
        "callbacks",
        "ended",
        "expires",
        "handled",
        "head_sent",
        "initial",
        "link",
        "request",
        "started",
        "task",
        "timer",
        "trailing",
    )
    request: Request
    handled: Handled

    def __init__(self, link: "ServerLink", stream_id: int) -> None:
        server = link.server
        super().__init__(
            link.connection, stream_id, largest=server.max_message, largest_sent=server.max_answer
        )
        self.link = link
        self.started = False  # whether there is a task, be it that it has not begun yet
        self.task: asyncio.Task[None] | None = None
        self.ended: Ended | None = None  # how the call ended, once it has
        self.expires: float | None = None  # by the loop's clock
        self.timer: asyncio.TimerHandle | None = None
        self.head_sent = False
        self.initial: Sequence[Pair] = ()
        self.trailing: Sequence[Pair] = ()
        self.callbacks: list[Callable[[Any], None]] | None = None

    # What the peer does.

    def on_head(self, head: Any, *, end: bool) -> None:
        self.request = head
        if head.refusal is not None:
            self._refuse(head.refusal)
            return
        handled = head.handled or self._found(head)
        if handled is None or head.ended is not None:
            self.conclude(head.ended or _NO_METHOD)
            return
        self.handled = handled
        self.complete = end
        self.expect(head.encoding)
        if head.timeout is not None:
            self.expires = self.link.loop.time() + head.timeout
            self.link.watch(self)
        if end or handled.request_streams:
            self._start(None)

    def on_data(self, data: bytes, *, end: bool) -> None:
        if self.ended is not None:
            self.consumed(len(data))
        elif (
            end
            and not self.started
            and framing.is_one_message(data, self._largest)
            and self.is_fresh()
        ):
            self.complete = True
            self.consumed(len(data))
            self._start(data[framing.PREFIX_SIZE :])
        else:
            self.take_in(data, end=end)
            if not self.started and (self.broken() or self.waiting_messages() > 1 or end):
                self._start(None)  # there is one message, or an end for having none, or too many

    def on_trailers(self, trailers: Any) -> None:
        del trailers  # gRPC has none from a client
        self.on_data(b"", end=True)

    def on_writable(self) -> None:
        super().on_writable()
        self.link.let_in()

    def on_closed(self, code: ErrorCode | None, *, remote: bool) -> None:
        super().on_closed(code, remote=remote)
        if self.timer is not None:
            self.timer.cancel()
        if self.ended is None:
            self.ended = _GONE
            self._stop_handler()
        self.link.over(self)
        callbacks, self.callbacks = self.callbacks or (), None
        for callback in callbacks:
            try:
                callback(self)
            except Exception:  # noqa: BLE001 - nobody else is to blame, or to suffer
                _log.exception("a callback at the end of %s failed", self.request.path)

    def end(self) -> None:
        """Note that the trailers are out: what the client still sends is of no use (8.1)."""
        if self.remote_open:
            self.local_open = False
            self.reset(ErrorCode.NO_ERROR)
        else:
            super().end()

    # What the server does.

    def conclude(self, ended: Ended, trailing: Sequence[Pair] = ()) -> None:
        """End the call with a status, unless it has ended; the task, if any, runs on.

        Raises:
            InvalidMetadata: the metadata cannot be sent; the call has not ended then.
        """
        if self.ended is not None:
            return
        fields = [] if self.head_sent else [*HEAD, *fields_of(self.initial)]
        if not self.head_sent and ended.code is grpc.StatusCode.UNIMPLEMENTED:
            fields.append((b"grpc-accept-encoding", framing.ACCEPTED))
        fields = self._that_fit([*fields, *trailers_of(ended), *fields_of(trailing)])
        self.ended = ended
        self.head_sent = True
        self.send_trailers(fields)

    def stop(self) -> None:
        """End the call because the server is stopping, which its own handler may have asked for."""
        self.conclude(_STOPPING)
        if self.task is not asyncio.current_task():
            self._stop_handler()

    def interrupt(self, ended: Ended) -> None:
        """End the call with a status, and its handler."""
        self.conclude(ended)
        self._stop_handler()

    def outlived_its_first_step(self) -> None:
        """Arm the deadline: a call that is over by now needs no timer."""
        if self.expires is not None and not self.closed:
            self.timer = self.link.loop.call_at(self.expires, self._expire)

    def send_head_once(self) -> None:
        if not self.head_sent:
            fields = [*HEAD, *fields_of(self.initial)]
            if self.encoding != framing.IDENTITY:
                fields.append((b"grpc-encoding", self.encoding))
            self.head_sent = True
            self.send_head(fields)

    async def write_answer(self, data: bytes, *, plain: bool = False) -> None:
        """Send one of several answers; waits while the caller reads slowly."""
        if self.ended is not None:
            raise asyncio.CancelledError
        framing.check_sent(len(data), self._largest_sent)
        self.send_head_once()
        try:
            await self.write_message(data, plain=plain)
        except CallOver:
            raise asyncio.CancelledError from None

    def answer(self, data: bytes, *, plain: bool = False) -> None:
        """Send the one answer and end well: in one piece, if nothing is in the way."""
        if self.ended is not None:
            return
        framing.check_sent(len(data), self._largest_sent)
        usual = not (
            self.head_sent or self.initial or self.trailing or self.encoding != framing.IDENTITY
        )
        if usual and self._answer_at_once(data):
            return
        self.send_head_once()
        self.send_message(data, plain=plain)
        self.conclude(OK, self.trailing)

    def _answer_at_once(self, data: bytes) -> bool:
        size = framing.PREFIX_SIZE + len(data)
        connection = self.connection
        if not connection.room_for(self, size) or self.waiting_bytes:
            return False
        self.ended = OK
        connection.send_left -= size
        self.send_left -= size
        head, trailers = self.link.usual_blocks()
        pack, stream = frames.header.pack, self.id
        connection.write(
            b"".join(
                (
                    *(pack(len(head) << 8 | 1, frames.END_HEADERS, stream), head),
                    *(pack(size << 8, 0, stream), framing.framed(data)),
                    *(pack(len(trailers) << 8 | 1, frames.END_HEADERS | 1, stream), trailers),
                )
            )
        )
        self.end()
        return True

    def _start(self, message: bytes | None) -> None:
        """Let the handler begin, with its one request where that has come."""
        self.started = True
        self.link.after_this_turn()
        self.task = asyncio.Task(self._run(message), loop=self.link.loop, **_EAGER)

    async def _run(self, message: bytes | None) -> None:
        try:
            if self.connection.unsent > self.link.max_unread:
                await self.link.has_room()
            await self._handle(message)
        except Aborted as aborted:
            self.conclude(aborted.ended, self.trailing)
        except MessageTooLarge as error:
            self.conclude(Ended(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)), self.trailing)
        except MessageBroken as error:
            self.conclude(Ended(grpc.StatusCode.INTERNAL, str(error)), self.trailing)
        except asyncio.CancelledError:  # if the call has not ended, a part of the handler was it
            self.conclude(Ended(grpc.StatusCode.CANCELLED, "the handler was cancelled"))
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer
            _log.exception("the handler of %s failed", self.request.path)
            self.conclude(Ended(grpc.StatusCode.UNKNOWN, "the handler failed"), self.trailing)

    async def _handle(self, message: bytes | None) -> None:
        raise NotImplementedError

    def _found(self, head: Request) -> Handled | None:
        try:
            return self.link.server.registry.found(head)
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer
            _log.exception("who serves %s could not be found", head.path)
            self.conclude(Ended(grpc.StatusCode.UNKNOWN, "the method could not be looked up"))
            return None

    def _expire(self) -> None:
        """End the call at its deadline; what the caller has not read by then is of no use."""
        if self.waiting_bytes:
            self.ended = self.ended or _EXPIRED
            self.reset(ErrorCode.CANCEL)
        else:
            self.conclude(_EXPIRED)
        self._stop_handler()

    def _stop_handler(self) -> None:
        task = self.task
        if task is not None and not task.done():
            task.cancel()
            self.link.server.leaves(task)

    def _that_fit(self, fields: list[Header]) -> list[Header]:
        """Return the fields of an end, or that they are larger than the caller takes."""
        most = self.connection.peer.max_header_list_size
        size = sum(len(name) + len(value) + ENTRY_OVERHEAD for name, value in fields)
        if size <= most:
            return fields
        _log.warning("%s: the trailing metadata have %s bytes", self.request.path, size)
        said = f"trailing metadata larger than the caller takes ({size} vs. {most})"
        head = [] if self.head_sent else [*HEAD]
        return [*head, *trailers_of(Ended(grpc.StatusCode.RESOURCE_EXHAUSTED, said))]

    def _refuse(self, refusal: Refusal) -> None:
        self.ended = Ended(grpc.StatusCode.UNKNOWN, refusal.message)
        text = refusal.message.encode()
        fields = [
            (b":status", b"%d" % refusal.status),
            (b"content-type", b"text/plain"),
            (b"content-length", b"%d" % len(text)),
        ]
        if refusal.status == 405:
            fields.append((b"allow", b"POST"))
        self.send_head(fields, end=refusal.silent)
        if not refusal.silent:
            self.send_data(text, end=True)
