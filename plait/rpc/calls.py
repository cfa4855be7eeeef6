"""The four call objects of grpc.aio: one or many requests, one or many answers."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from plait.rpc.call import CANCELLED, NOTHING, Call
from plait.rpc.clientstream import ClientStream
from plait.rpc.framing import MessageBroken, MessageTooLarge
from plait.rpc.messages import CallOver
from plait.rpc.status import OK, Ended

if TYPE_CHECKING:
    from plait.rpc.channel import Channel
    from plait.rpc.clientlink import ClientMethod

_NOT_ONE = Ended(grpc.StatusCode.UNIMPLEMENTED, "the answer does not have exactly one message")


class OneAnswer(Call):
    """A call with one answer: await it."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            while self.ended is None:
                yield from self._changed().__await__()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if self._answer is NOTHING:
            self._answer = self._parsed()
        if self.ended.code is grpc.StatusCode.OK:
            return self._answer
        if self.ended is CANCELLED:
            raise asyncio.CancelledError
        raise self._error()

    def _parsed(self) -> Any:
        """Return the one message of an answer; one that cannot be had ends the call badly."""
        if self.stream is None or self.ended is None or self.ended.code is not OK.code:
            return None
        try:
            data = self.stream.only_message()
            if data is not None:
                return self._method.parse(data)
            self.ended = _NOT_ONE
        except MessageTooLarge as error:
            self.ended = Ended(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except MessageBroken as error:
            self.ended = Ended(grpc.StatusCode.INTERNAL, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a deserializer raises
            self.ended = Ended(
                grpc.StatusCode.INTERNAL, f"the answer cannot be parsed: {type(error).__name__}"
            )
        return None


class ManyAnswers(Call):
    """A call with a stream of answers: iterate over it, or `read`."""

    __slots__ = ()

    async def read(self) -> Any:
        """Return the next answer, `grpc.aio.EOF` after the last.

        Raises:
            AioRpcError: the call has failed.
        """
        try:
            await self.wait_for_connection()
            assert self.stream is not None
            data = await self.stream.next_message()
        except asyncio.CancelledError:
            self.cancel()
            raise
        except MessageTooLarge as error:
            self._give_up(Ended(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)))
            data = None
        except MessageBroken as error:
            self._give_up(Ended(grpc.StatusCode.INTERNAL, str(error)))
            data = None
        if data is not None:
            return self._method.parse(data)
        ended = await self._end()
        if ended.code is grpc.StatusCode.OK:
            return grpc.aio.EOF
        if ended is CANCELLED:
            raise asyncio.CancelledError
        raise self._error()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not grpc.aio.EOF:
            yield message


class OneRequest(Call):
    """A call with one request, which is sent at once."""

    __slots__ = ("_request",)

    def __init__(
        self, request: Any, channel: "Channel", method: "ClientMethod", **how: Any
    ) -> None:
        self._request = method.serialize(request)
        super().__init__(channel, method, **how)

    def _send_first(self, stream: ClientStream) -> None:
        stream.send_message(self._request, end=True)

    def _can_repeat(self) -> bool:
        return True


class ManyRequests(Call):
    """A call with a stream of requests: from an iterator, or by `write` and `done_writing`."""

    __slots__ = ("_done_writing", "_sending")

    def __init__(
        self,
        requests: AsyncIterable[Any] | Iterable[Any] | None,
        channel: "Channel",
        method: "ClientMethod",
        **how: Any,
    ) -> None:
        self._done_writing = False
        self._sending: asyncio.Task[None] | None = None
        super().__init__(channel, method, **how)
        if requests is not None:
            self._sending = self._loop.create_task(self._send_all(requests))
            self.add_done_callback(self._stop_sending)

    async def write(self, message: Any) -> None:
        """Send a request; waits while the server reads slowly.

        Raises:
            AioRpcError: the call has failed.
            InvalidStateError: it has ended, or `done_writing` was called.
        """
        if self._sending is not None:
            raise grpc.aio.UsageError(
                "the requests come from an iterator: write is not for this call"
            )
        await self._write(message)

    async def done_writing(self) -> None:
        """Say that no request follows."""
        if self._done_writing:
            return
        self._done_writing = True
        await self.wait_for_connection()
        if self.stream is not None and self.stream.local_open:
            self.stream.send_data(b"", end=True)

    async def _write(self, message: Any) -> None:
        if self._done_writing:
            raise asyncio.InvalidStateError("done_writing was called before")
        await self.wait_for_connection()
        assert self.stream is not None
        try:
            await self.stream.write_message(self._method.serialize(message))
        except CallOver:
            ended = await self._end()
            if ended.code is grpc.StatusCode.OK:
                raise asyncio.InvalidStateError("the call has ended") from None
            raise self._error() from None

    async def _send_all(self, requests: AsyncIterable[Any] | Iterable[Any]) -> None:
        try:
            if isinstance(requests, AsyncIterable):
                async for message in requests:
                    await self._write(message)
            else:
                for message in requests:
                    await self._write(message)
            await self.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the call itself tells how it ended
        except Exception as error:
            self._give_up(
                Ended(grpc.StatusCode.CANCELLED, f"the iterator of requests failed: {error!r}")
            )
            raise

    def _stop_sending(self, call: Any) -> None:
        del call
        if self._sending is not None and self._sending is not asyncio.current_task():
            self._sending.cancel()


class UnaryUnaryCall(OneRequest, OneAnswer):
    """One request, one answer."""

    __slots__ = ()


class UnaryStreamCall(OneRequest, ManyAnswers):
    """One request, a stream of answers."""

    __slots__ = ()


class StreamUnaryCall(ManyRequests, OneAnswer):
    """A stream of requests, one answer."""

    __slots__ = ()


class StreamStreamCall(ManyRequests, ManyAnswers):
    """Streams in both directions."""

    __slots__ = ()


grpc.aio.UnaryUnaryCall.register(UnaryUnaryCall)
grpc.aio.UnaryStreamCall.register(UnaryStreamCall)
grpc.aio.StreamUnaryCall.register(StreamUnaryCall)
grpc.aio.StreamStreamCall.register(StreamStreamCall)
