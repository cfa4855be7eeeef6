"""What a servicer sees of its call: `grpc.aio.ServicerContext`, on the call's own stream."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Never

import grpc
import grpc.aio

from plait.rpc import framing, threads
from plait.rpc.handled import Handled, Way
from plait.rpc.messages import CallOver
from plait.rpc.metadata import Metadatum, Pair, fields_of, pairs_of
from plait.rpc.servercall import Aborted, ServerCall
from plait.rpc.status import Ended, code_from

_CARDINALITY = Ended(grpc.StatusCode.UNIMPLEMENTED, "the method wants exactly one message")
_UNREADABLE = Ended(grpc.StatusCode.INTERNAL, "a request could not be deserialized")
_UNWRITABLE = Ended(grpc.StatusCode.INTERNAL, "an answer could not be serialized")
_CANCELLED = Ended(grpc.StatusCode.CANCELLED, "the handler has cancelled the call")
_KEPT = frozenset({b"user-agent"})
_log = logging.getLogger(__name__)


class Context(ServerCall):
    """A call as its handler sees it; each method does what that of grpc.aio does."""

    __slots__ = ("_code", "_details", "_metadata", "_plain_next")

    def __init__(self, link: Any, stream_id: int) -> None:
        super().__init__(link, stream_id)
        self.encoding = link.server.encoding
        self._code = grpc.StatusCode.OK
        self._details = ""
        self._metadata: tuple[Metadatum, ...] | None = None
        self._plain_next = False

    async def read(self) -> Any:
        """Return the next request message, `grpc.aio.EOF` after the last.

        Raises:
            asyncio.CancelledError: the call has ended before the last message.
        """
        if self.ended is not None:
            raise asyncio.CancelledError
        try:
            data = await self.next_message()
        except CallOver:
            raise asyncio.CancelledError from None
        return grpc.aio.EOF if data is None else self._parsed(self.handled, data)

    async def write(self, message: Any) -> None:
        """Send an answer; waits while the caller reads slowly.

        Raises:
            asyncio.CancelledError: the call has ended.
        """
        plain, self._plain_next = self._plain_next, False
        await self.write_answer(self._serialized(self.handled, message), plain=plain)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Iterable[Pair] = (),
    ) -> Never:
        """End the call with an error; raises, so that the handler ends as well.

        Metadata are added to those that were set before.

        Raises:
            InvalidMetadata, ValueError: the metadata cannot be sent, or the code is OK.
        """
        raise self.aborted(code, details, trailing_metadata)

    async def abort_with_status(self, status: grpc.Status) -> Never:
        raise self.aborted(status.code, status.details, status.trailing_metadata or ())

    def aborted(
        self, code: grpc.StatusCode, details: str, trailing_metadata: Iterable[Pair]
    ) -> Aborted:
        """Return what `abort` raises."""
        code = code_from(code)
        if code is grpc.StatusCode.OK:
            raise ValueError("abort was called with StatusCode.OK: return instead")
        self.set_trailing_metadata([*self.trailing, *trailing_metadata])
        return Aborted(Ended(code, str(details or "")))

    def cancel(self) -> None:
        """End the call with CANCELLED, and its handler."""
        self.interrupt(_CANCELLED)

    async def send_initial_metadata(self, initial_metadata: Iterable[Pair]) -> None:
        """Send the head of the answer now, with metadata.

        Raises:
            InvalidMetadata: they cannot be sent.
            UsageError: the head was sent before.
        """
        if self.head_sent:
            raise grpc.aio.UsageError("the initial metadata were sent before")
        initial = tuple(initial_metadata)
        fields_of(initial)
        self.initial = initial
        self.send_head_once()

    def set_trailing_metadata(self, trailing_metadata: Iterable[Pair]) -> None:
        """Say what the end of the call carries; raises InvalidMetadata."""
        trailing = tuple(trailing_metadata)
        fields_of(trailing)
        self.trailing = trailing

    def invocation_metadata(self) -> tuple[Metadatum, ...]:
        """Return what the caller sent beside its messages."""
        if self._metadata is None:
            self._metadata = pairs_of(self.request.fields, kept=_KEPT)
        return self._metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code_from(code)

    def set_details(self, details: str) -> None:
        self._details = str(details or "")

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[Pair, ...]:
        return tuple(self.trailing)

    def set_compression(self, compression: grpc.Compression) -> None:
        """Pack the answers, if the caller can unpack them; before the first one is sent."""
        if self.head_sent:
            raise grpc.aio.UsageError("compression is chosen before the first answer is sent")
        self.encoding = framing.ENCODINGS[compression]

    def disable_next_message_compression(self) -> None:
        """Send the next answer as it is, also where answers are compressed."""
        self._plain_next = True

    def send_head_once(self) -> None:
        if not self.head_sent and self.encoding not in self.request.accepts:
            self.encoding = framing.IDENTITY
        super().send_head_once()

    def peer(self) -> str:
        return self.link.peer()

    def peer_identities(self) -> Iterable[bytes] | None:
        return self.link.auth().identities

    def peer_identity_key(self) -> str | None:
        return self.link.auth().key

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return self.link.auth().properties

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, None where there is none."""
        return None if self.expires is None else max(0.0, self.expires - self.link.loop.time())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call back with the context when the call is over and all of it was sent."""
        if self.closed:
            callback(self)
        elif self.callbacks is None:
            self.callbacks = [callback]
        else:
            self.callbacks.append(callback)

    def cancelled(self) -> bool:
        return self.ended is not None and self.ended.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self.ended is not None

    async def _handle(self, message: bytes | None) -> None:
        handled = self.handled
        asked = self._asked(handled, message)
        if handled.response_streams:
            await self._answer_many(handled, asked)
        else:
            await self._answer_once(handled, asked)

    async def _answer_once(self, handled: Handled, asked: Any) -> None:
        if handled.way is Way.COROUTINE:
            answer = await handled.act(asked, self)
        else:
            answer = await threads.one_answer(self.link.server.threads, handled.act, asked, self)
        if self._code is grpc.StatusCode.OK:
            self.answer(self._serialized(handled, answer), plain=self._plain_next)
        else:
            self._conclude_as_set()

    async def _answer_many(self, handled: Handled, asked: Any) -> None:
        if handled.way is Way.COROUTINE:
            await handled.act(asked, self)
        else:
            found: AsyncGenerator[Any, None] = (
                handled.act(asked, self)
                if handled.way is Way.GENERATOR
                else threads.answers(self.link.server.threads, handled.act, asked, self)
            )
            async with aclosing(found) as answers:
                async for answer in answers:
                    await self.write(answer)
        self._conclude_as_set()

    def _conclude_as_set(self) -> None:
        self.conclude(Ended(self._code, self._details), self.trailing)

    def _asked(self, handled: Handled, message: bytes | None) -> Any:
        """Return what the handler gets: the one request, or all as they come."""
        if handled.request_streams:
            return _Requests(self)
        data = self.only_message() if message is None else message
        if data is None:
            raise Aborted(_CARDINALITY)
        return self._parsed(handled, data)

    @staticmethod
    def _parsed(handled: Handled, data: bytes) -> Any:
        try:
            return handled.parse(data)
        except Exception:  # noqa: BLE001 - whatever it is, these bytes are no request
            raise Aborted(_UNREADABLE) from None

    @staticmethod
    def _serialized(handled: Handled, answer: Any) -> bytes:
        try:
            return handled.serialize(answer)
        except Exception as error:
            _log.exception("an answer of %s could not be serialized", handled.path)
            raise Aborted(_UNWRITABLE) from error


grpc.aio.ServicerContext.register(Context)


class _Requests(AsyncIterator[Any]):
    """The messages of a caller's stream."""

    __slots__ = ("_call",)

    def __init__(self, call: Context) -> None:
        self._call = call

    async def __anext__(self) -> Any:
        message = await self._call.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message
