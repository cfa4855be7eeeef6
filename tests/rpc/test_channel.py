"""A channel: its states, and the calls that wait for it or do not."""

import asyncio

import grpc
import grpc.aio
import pytest

from plait.rpc.channel import Channel
from tests.ports import free_port
from tests.rpc.echo import Echo, Stub, calling, serving

IDLE = grpc.ChannelConnectivity.IDLE
READY, FAILED = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE


async def test_a_channel_connects_with_its_first_call(echo):
    async with serving("plait", echo) as target, calling("plait", target) as stub:
        assert stub.channel.get_state() is IDLE
        await stub.unary(b"", timeout=5)
        assert stub.channel.get_state() is READY


async def test_a_channel_can_be_asked_to_connect_and_waited_for(echo):
    async with serving("plait", echo) as target, calling("plait", target) as stub:
        assert stub.channel.get_state(try_to_connect=True) is IDLE
        await stub.channel.channel_ready()
        assert stub.channel.get_state() is READY


async def test_a_change_of_state_can_be_waited_for(echo):
    async with serving("plait", echo) as target, calling("plait", target) as stub:
        stub.channel.get_state(try_to_connect=True)
        while (state := stub.channel.get_state()) is not READY:
            await asyncio.wait_for(stub.channel.wait_for_state_change(state), 5)


async def test_without_a_server_a_call_fails_at_once_and_says_where():
    target = f"127.0.0.1:{free_port()}"
    async with calling("plait", target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.unary(b"", timeout=5)

        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert f"failed to connect to {target}" in failed.value.details()
        assert stub.channel.get_state() is FAILED
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.unary(b"", timeout=5)


async def test_a_call_may_wait_until_there_is_a_server(echo):
    port = free_port()
    async with calling("plait", f"127.0.0.1:{port}") as stub:
        call = stub.unary(b"a", timeout=20, wait_for_ready=True)
        while stub.channel.get_state() is not FAILED:
            await stub.channel.wait_for_state_change(stub.channel.get_state())
        async with serving("plait", echo, port=port):
            assert await call == b"re: a"


async def test_a_call_never_waits_past_its_deadline_for_a_connection():
    async with calling("plait", f"127.0.0.1:{free_port()}") as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.unary(b"", timeout=0.2, wait_for_ready=True)

        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_closed_channel_refuses_calls(echo):
    async with serving("plait", echo) as target:
        channel = Channel(target)
        await channel.close()

        with pytest.raises(grpc.aio.AioRpcError, match="the channel is closed"):
            await Stub(channel).unary(b"", timeout=5)


async def test_closing_cancels_what_runs(echo):
    async with serving("plait", echo) as target:
        channel = Channel(target)
        call = Stub(channel).unary(b"hang", timeout=30)
        await echo.began.wait()

        await channel.close()

        assert await call.code() is grpc.StatusCode.CANCELLED
        await asyncio.wait_for(echo.ended.wait(), 5)


async def test_closing_with_grace_lets_calls_finish(echo):
    async with serving("plait", echo) as target:
        channel = Channel(target)
        call = Stub(channel).unary(b"large 100000", timeout=30)
        await call.wait_for_connection()

        await channel.close(grace=10)

        assert len(await call) == 100_000


async def test_more_calls_than_the_server_takes_at_once_have_their_turn(echo):
    async with (
        serving("plait", echo, max_streams=2) as target,
        calling("plait", target) as stub,
    ):
        answers = await asyncio.gather(*(stub.unary(b"%d" % n, timeout=20) for n in range(50)))

    assert answers == [b"re: %d" % n for n in range(50)]


async def test_a_new_connection_is_made_where_the_old_one_is_gone(echo):
    port = free_port()
    async with calling("plait", f"127.0.0.1:{port}") as stub:
        async with serving("plait", echo, port=port):
            await stub.unary(b"", timeout=5)
        async with serving("plait", Echo(), port=port):
            assert await stub.unary(b"b", timeout=20, wait_for_ready=True) == b"re: b"


async def test_credentials_of_a_call_are_refused_by_name(echo):
    async with serving("plait", echo) as target, calling("plait", target) as stub:
        with pytest.raises(TypeError, match="credentials of a call are not supported"):
            stub.unary(b"", credentials=object())


async def test_a_unix_socket_is_a_target(echo, tmp_path):
    path = tmp_path / "s"
    async with serving("plait", echo, path=path), calling("plait", f"unix:{path}") as stub:
        assert await stub.unary(b"a", timeout=5) == b"re: a"
