"""An attempt of a call, at a server that breaks the rules."""

import asyncio

import grpc
import grpc.aio
import pytest

from plait.rpc.channel import Channel
from plait.rpc.http2 import frames
from plait.rpc.http2.frames import Type
from tests.rpc.peer import Peer


@pytest.fixture
async def broken():
    """A server that answers each call with a head that HTTP/2 does not allow."""

    closed = asyncio.Event()

    async def answer(reader, writer):
        one = Peer(reader, writer)
        await reader.readexactly(len(frames.PREFACE))
        one.send(frames.settings({}))
        async for frame in one.frames():
            if frame.kind == Type.HEADERS:
                one.send(frames.headers(frame.stream, b"\x00\x01A\x01b", end=True, largest=99))
        writer.close()
        await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await asyncio.wait_for(closed.wait(), 5)


async def test_an_answer_that_http2_does_not_allow_ends_the_call(broken):
    async with Channel(broken) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary("/test.Echo/Unary")(b"", timeout=5)

    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "PROTOCOL_ERROR" in failed.value.details()
