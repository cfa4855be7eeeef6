"""A stream of gRPC messages, in both directions: what calls on the server and the client share."""

import asyncio
from collections import deque

from plait.rpc.framing import (
    IDENTITY,
    LARGEST,
    PREFIX_SIZE,
    MessageBroken,
    Messages,
    MessageTooLarge,
    check_sent,
    framed,
    is_one_message,
    writer_of,
)
from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.stream import Stream

_HELD = 64 * 1024  # bytes that wait to be read, or to be sent, before the other side has to wait
_HELD_BY_ALL = 16 * 1024 * 1024  # bytes that wait to be sent on a connection, likewise
_OVERHEAD = 48  # bytes that a message costs beside what it holds
_MANY_FRAMES = 128  # written in one go: then others have their turn, and the socket its say


class CallOver(Exception):
    """Nothing can be sent or read any more: the call has ended."""


class MessageStream(Stream):
    """Cuts what comes into messages, which wait to be read, and sends messages.

    Memory is bounded: beyond 64 KiB of messages that wait to be read, the peer gets no more window,
    and `write_message` waits while more than that waits to be sent, or 16 MiB on all streams.
    """

    __slots__ = (
        "_fault",
        "_held",
        "_largest",
        "_largest_sent",
        "_messages",
        "_parser",
        "_queued",
        "_readable",
        "_writable",
        "closed",
        "complete",
        "encoding",
    )

    def __init__(
        self, connection: Connection, stream_id: int, *, largest: int, largest_sent: int = LARGEST
    ) -> None:
        super().__init__(connection, stream_id)
        self.complete = False  # whether the peer's last message has come
        self.closed = False  # whether the stream is over
        self.encoding = IDENTITY  # of what is sent
        self._largest = largest
        self._largest_sent = largest_sent
        self._parser: Messages | None = None
        self._messages: deque[bytes] = deque()
        self._queued = 0
        self._held = 0
        self._fault: MessageTooLarge | MessageBroken | None = None
        self._readable: asyncio.Event | None = None
        self._writable: asyncio.Event | None = None

    def expect(self, encoding: bytes) -> None:
        """Hear how compressed messages of the peer are packed."""
        if encoding != IDENTITY:
            self._parser = Messages(self._largest, encoding)

    def take_in(self, data: bytes, *, end: bool) -> None:
        """Take in data: whole messages wait to be read, the peer may send as many bytes more."""
        if self._fault is not None:  # what follows a broken message means nothing
            self.consumed(len(data))
            return
        if self._parser is None and not end and is_one_message(data, self._largest):
            self._keep(data[PREFIX_SIZE:])
        else:
            self._parse(data, end=end)
        self.complete = self.complete or end
        self._held += len(data)
        self._release()
        _wake(self._readable)

    def finish_taking(self) -> None:
        """Hear that no data follow."""
        self.take_in(b"", end=True)

    def is_fresh(self) -> bool:
        """Whether nothing of a message has come yet."""
        return not self._messages and (self._parser is None or self._parser.is_empty())

    async def next_message(self) -> bytes | None:
        """Return the next message, None after the last.

        Raises:
            MessageTooLarge, MessageBroken: the peer sent none.
            CallOver: the call has ended before the last message.
        """
        while not self._messages:
            if self._fault is not None:
                raise self._fault
            if self.complete:
                return None
            if self.closed:
                raise CallOver
            self._readable = self._readable or asyncio.Event()
            self._readable.clear()
            await self._readable.wait()
        message = self._messages.popleft()
        self._queued -= len(message) + _OVERHEAD
        if self._held:
            self._release()
        return message

    def only_message(self) -> bytes | None:
        """Return the one message that has come, None if there were none or more than one.

        Raises:
            MessageTooLarge, MessageBroken: the peer sent none.
        """
        if self._fault is not None:
            raise self._fault
        return self._messages.popleft() if len(self._messages) == 1 else None

    async def write_message(self, data: bytes, *, end: bool = False, plain: bool = False) -> None:
        """Send a message; returns when it is on its way, or not much waits before it.

        Raises:
            CallOver: the call has ended.
            MessageTooLarge: the message is larger than may be sent.
        """
        self.send_message(data, end=end, plain=plain)
        if len(self.connection.out) > _MANY_FRAMES:
            await asyncio.sleep(0)
        while self._is_full() and not self.closed:
            self._writable = self._writable or asyncio.Event()
            self._writable.clear()
            await self._writable.wait()
        if self.closed:
            raise CallOver

    def send_message(self, data: bytes, *, end: bool = False, plain: bool = False) -> None:
        """Send a message without waiting; `plain` leaves it as it is where others are compressed.

        Raises:
            CallOver, MessageTooLarge: as `write_message` does.
        """
        if not self.local_open:
            raise CallOver
        check_sent(len(data), self._largest_sent)
        packed = plain or self.encoding == IDENTITY
        self.send_data(framed(data) if packed else writer_of(self.encoding)(data), end=end)

    def broken(self) -> bool:
        """Whether what came is no message."""
        return self._fault is not None

    def waiting_messages(self) -> int:
        """How many messages wait to be read."""
        return len(self._messages)

    def on_writable(self) -> None:
        _wake(self._writable)

    def on_closed(self, code: ErrorCode | None, *, remote: bool) -> None:
        """Wake whoever waits; what was not read is given back to the connection."""
        del code, remote
        self.closed = True
        if self._held:
            held, self._held = self._held, 0
            self.consumed(held)
        _wake(self._readable)
        _wake(self._writable)

    def _parse(self, data: bytes, *, end: bool) -> None:
        if self._parser is None:
            self._parser = Messages(self._largest)
        try:
            for message in self._parser.feed(data):
                self._keep(message)
            if end:
                self._parser.finish()
        except (MessageTooLarge, MessageBroken) as fault:
            self._fault = fault

    def _keep(self, message: bytes) -> None:
        self._messages.append(message)
        self._queued += len(message) + _OVERHEAD

    def _release(self) -> None:
        if self._held and self._queued <= _HELD:
            held, self._held = self._held, 0
            self.consumed(held)

    def _is_full(self) -> bool:
        waiting = self.waiting_bytes
        return waiting > _HELD or (waiting > 0 and self.connection.unsent > _HELD_BY_ALL)


def _wake(event: asyncio.Event | None) -> None:
    if event is not None:
        event.set()
