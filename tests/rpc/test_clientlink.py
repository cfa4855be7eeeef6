"""A connection to a server, whose server ends it."""

import asyncio

from tests.ports import free_port
from tests.rpc.echo import Echo, calling, serving


async def test_the_head_that_a_method_repeats_is_encoded_once(own):
    for _ in range(3):
        await own.unary(b"", timeout=5)
    link = own.channel.ready()

    before = link._heads["/test.Echo/Unary"]
    await own.unary(b"", timeout=5)

    assert link._heads["/test.Echo/Unary"] is before
    assert len(before[1]) < 12


async def test_a_call_that_the_server_never_took_is_sent_again_elsewhere(echo):
    """GOAWAY names the last stream that was taken; what came later is free to be repeated."""
    port = free_port()
    async with calling("plait", f"127.0.0.1:{port}") as stub:
        async with serving("plait", echo, port=port):
            await stub.unary(b"", timeout=5)
            link = stub.channel.ready()
            call = stub.unary(b"again", timeout=20)
            link.gone(1, 0, b"")
        async with serving("plait", Echo(), port=port):
            assert await call == b"re: again"


async def test_a_connection_that_is_ending_takes_no_new_calls_and_finishes_the_running(echo):
    port = free_port()
    async with calling("plait", f"127.0.0.1:{port}") as stub, serving("plait", echo, port=port):
        running = stub.down(b"100000 5", timeout=20)
        assert await running.read() == b"0" + b"x" * 100_000
        link = stub.channel.ready()

        link.gone(2**31 - 1, 0, b"")

        assert stub.channel.ready() is not link
        assert await stub.unary(b"new", timeout=20) == b"re: new"
        assert [len(each) async for each in running] == [100_001] * 4
        while link.transport is not None:  # noqa: ASYNC110 - between two turns of the loop
            await asyncio.sleep(0)
