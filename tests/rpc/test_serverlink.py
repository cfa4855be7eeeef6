"""A connection that a client has opened."""

import asyncio

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.frames import Type
from tests.rpc.echo import hosting, unary
from tests.rpc.peer import peer


async def act(request, context):
    return request


async def test_from_the_second_answer_on_heads_and_trailers_are_three_bytes():
    async with hosting(unary(act)) as (_, target), peer(target) as one:
        sizes = []
        for _ in range(3):
            stream, size = one.call(b"a"), 0
            async for frame in one.frames():
                if frame.stream == stream:
                    size += len(frame.payload) * (frame.kind == Type.HEADERS)
                    if frame.ends:
                        break
            sizes.append(size)

    assert sizes[0] > 20
    assert sizes[1:] == [3, 3]


async def test_a_client_that_wants_no_table_gets_none():
    async with hosting(unary(act)) as (_, target), peer(target, {1: 0}) as one:
        one.decoder.header_table_size = 0
        for _ in range(3):
            answer = await one.answer(one.call(b"a"))
            assert (answer.data, answer.status) == (framed(b"a"), "0")


async def test_trailers_from_a_client_that_are_not_allowed_end_the_stream():
    async with hosting(unary(act)) as (_, target), peer(target) as one:
        stream = one.head()
        one.send(frames.headers(stream, b"\x00\x07:status\x03200", end=True, largest=99))

        assert (await one.answer(stream)).reset == 1
        assert (await one.answer(one.call(b"a"))).data == framed(b"a")


async def test_a_client_that_is_going_away_gets_its_answers():
    gate, began = asyncio.Event(), asyncio.Event()

    async def slow(request, context):
        began.set()
        await gate.wait()
        return request

    async with hosting(unary(slow)) as (_, target), peer(target) as one:
        stream = one.call(b"a")
        await asyncio.wait_for(began.wait(), 10)
        one.send(frames.goaway(0, 0))
        gate.set()

        assert (await one.answer(stream)).data == framed(b"a")
