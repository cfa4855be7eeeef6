"""Streams over HTTP: the messages in a body, and the body that messages make."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Protocol

from plait.gateway.edge.http import Body
from plait.gateway.edge.limits import Limits
from plait.gateway.rest.negotiation import Format
from plait.gateway.rest.reply import Reply
from plait.gateway.streams.array import Array, Elements
from plait.gateway.streams.framing import Framing
from plait.gateway.streams.ndjson import Lines, Ndjson
from plait.gateway.streams.raw import Raw
from plait.gateway.streams.sse import Sse
from plait.gateway.upstream import Answers

FRAMINGS: Mapping[Format, Callable[[], Framing]] = {
    Format.NDJSON: Ndjson,
    Format.JSON: Array,
    Format.SSE: Sse,
    Format.RAW: Raw,
}

NO_CACHE = ("cache-control", "no-store")
UNBUFFERED = ("x-accel-buffering", "no")  # nginx would keep events back until there are enough


class Splitter(Protocol):
    """Takes a body apart into items, each with its number, as it comes."""

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]: ...
    def finish(self) -> Iterator[tuple[int, bytes]]: ...


async def messages_of(
    body: Body, form: Format, limits: Limits, message: Callable[[bytes, int], bytes]
) -> AsyncGenerator[bytes]:
    """Yield the messages of a client's stream, as `Binding.stream` makes them of its items.

    Raises what reading the body raises, and what `message` raises for an item.
    """
    if form is Format.RAW:
        number = 0
        async for chunk in body.chunks(limits.stream, limits.stream_time):
            number += 1
            yield message(chunk, number)
        if number == 0:  # what path and query say is in the first message
            yield message(b"", 1)
        return
    splitter: Splitter = Lines(limits.item) if form is Format.NDJSON else Elements(limits.item)
    async for chunk in body.chunks(limits.stream, limits.stream_time):
        for number, item in splitter.feed(chunk):
            yield message(item, number)
    for number, item in splitter.finish():
        yield message(item, number)


class Opened:
    """A server's stream of which the first message, or the end, or an error has been awaited.

    An error that comes first is an answer of its own; later it can only be a part of the stream.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._first: asyncio.Task[bytes | None] = asyncio.create_task(
            self._read(), name="first message"
        )

    async def wait(self, patience: float | None) -> bytes | None:
        """Return the first message; None if there is none, or none within `patience` seconds.

        Raises:
            plait.errors.Error: the call failed before its first message; it is closed.
        """
        try:
            await asyncio.wait((self._first,), timeout=patience)
            return self._first.result() if self._first.done() else None
        except BaseException:
            await self.close()
            raise

    async def frames(
        self, framing: Framing, reply: Callable[[bytes], Reply], position: Callable[[bytes], str]
    ) -> AsyncGenerator[bytes]:
        """Yield the stream as bytes, a chunk for each message; raises what ends the call early."""
        message = await self._first
        while message is not None:
            yield framing.message(reply(message).body, position(message))
            message = await self._read()
        if end := framing.end():
            yield end

    async def close(self) -> None:
        """End the call, if it still runs."""
        self._first.cancel()
        await asyncio.wait((self._first,))
        await self._answers.aclose()

    async def _read(self) -> bytes | None:
        return await anext(self._answers, None)
