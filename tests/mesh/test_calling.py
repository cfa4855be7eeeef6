"""Promises of what a caller holds: an answer that is a coroutine, a stream that cleans up."""

import asyncio
import gc

import pytest

from plait.errors import DeadlineExceeded, InvalidArgument
from plait.mesh.channel import connect
from tests.mesh.asking import echoing
from tests.mesh.echo import EchoRequest, EchoStub


async def test_nothing_is_sent_for_an_answer_that_is_closed_before_it_is_awaited():
    asked = []

    async def say(request, context):
        asked.append(request)

    async with echoing(Say=say) as (_, stub):
        stub.Say(EchoRequest()).close()
        stub.Say(EchoRequest()).close()

    assert asked == []


async def test_an_answer_takes_an_exception_like_any_coroutine():
    async with echoing() as (_, stub):
        said = stub.Say(EchoRequest())

        with pytest.raises(LookupError):
            said.throw(LookupError())


async def test_an_answer_is_awaited_once():
    async with echoing() as (_, stub):
        said = stub.Say(EchoRequest())
        await said

        with pytest.raises(RuntimeError, match="already awaited"):
            await said


@pytest.mark.parametrize("name", ["Tell", "Talk"])
async def test_a_stream_that_was_refused_before_it_began_says_so_to_whoever_asks(name):
    async with echoing() as (_, stub):
        request = EchoRequest() if name == "Tell" else [EchoRequest()]

        for ask in ("anext", "initial_metadata"):
            told = getattr(stub, name)(request, timeout=0)
            with pytest.raises(DeadlineExceeded, match="not begun"):
                await (anext(told) if ask == "anext" else told.initial_metadata())


async def test_a_stream_that_was_refused_and_is_never_read_bothers_nobody(caplog):
    async with echoing() as (_, stub):
        told = stub.Tell(EchoRequest(), timeout=0)
        await asyncio.wait([told._task])
        del told
        gc.collect()

    assert "never retrieved" not in caplog.text


async def test_a_stream_that_has_ended_in_an_error_has_ended():
    async with echoing() as (_, stub):
        told = stub.Tell(EchoRequest(text="x" * 11))
        with pytest.raises(InvalidArgument):
            await anext(told)

        with pytest.raises(StopAsyncIteration):
            await anext(told)
        await told.aclose()


def test_a_stream_outlives_its_loop_in_silence():
    held = []

    async def begin():
        async with echoing() as (_, stub):
            held.append(stub.Tell(EchoRequest(count=1)))

    asyncio.run(begin())

    held.clear()
    gc.collect()


def test_a_stream_needs_a_running_loop():
    stub = EchoStub(connect("echo", target="127.0.0.1:1", environ={}))

    with pytest.raises(RuntimeError, match="no running event loop"):
        stub.Tell(EchoRequest())


async def test_requests_may_come_from_anything_that_can_be_iterated():
    class Requests:
        def __init__(self):
            self.left = 2

        def __aiter__(self):
            return self

        async def __anext__(self):
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return EchoRequest(text="a")

    async with echoing() as (_, stub):
        assert (await stub.Gather(Requests())).text == "a,a"
        assert (await stub.Gather(EchoRequest(text=t) for t in "bc")).text == "b,c"
        assert (await stub.Gather([EchoRequest(text="d")])).text == "d"
