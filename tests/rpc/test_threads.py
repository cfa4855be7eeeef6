"""Handlers that are plain functions, in threads."""

import asyncio
import contextvars
import threading

import grpc
import grpc.aio
import pytest

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.threads import ThreadContext, Threads
from tests.rpc.echo import both, calling, down, hosting, unary, up
from tests.rpc.peer import peer

PATIENCE = 10.0  # seconds


async def answered(handlers, call):
    """Return what a call by grpcio's client answers."""
    async with hosting(handlers) as (_, target), calling("grpcio", target) as stub:
        return await call(stub)


async def failed(act) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await answered(unary(act), lambda stub: stub.unary(b"", timeout=5))
    return failure.value


async def collect(call):
    return [message async for message in call]


async def test_a_plain_function_answers_from_a_thread():
    def act(request, context):
        return request + threading.current_thread().name.encode()

    answer = await answered(unary(act), lambda stub: stub.unary(b"in ", timeout=5))

    assert answer.startswith(b"in grpc")


async def test_a_plain_generator_answers_one_by_one():
    def act(request, context):
        for number in range(3):
            yield b"%d" % number

    assert await answered(down(act), lambda stub: collect(stub.down(b"", timeout=5))) == [
        *(b"0", b"1", b"2")
    ]


async def test_a_plain_function_may_return_what_is_iterated_over_or_nothing():
    def act(request, context):
        return [b"a", b"b"] if request else None

    assert await answered(down(act), lambda stub: collect(stub.down(b"x", timeout=5))) == [
        *(b"a", b"b")
    ]
    assert await answered(down(act), lambda stub: collect(stub.down(b"", timeout=5))) == []


async def test_a_plain_function_iterates_over_requests():
    def act(requests, context):
        return b",".join(requests)

    answer = await answered(up(act), lambda stub: stub.up(iter([b"a", b"b"]), timeout=5))

    assert answer == b"a,b"


async def test_both_streams_may_take_turns_in_a_thread():
    def act(requests, context):
        for request in requests:
            yield b"re: " + request

    call = answered(both(act), lambda stub: collect(stub.both(iter([b"a", b"b"]), timeout=5)))

    assert await call == [b"re: a", b"re: b"]


async def test_a_thread_that_waits_for_requests_hears_that_the_caller_is_gone():
    seen, began = [], threading.Event()
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def act(requests, context):
        began.set()
        try:
            seen.extend(requests)
        except grpc.RpcError as error:
            seen.append(str(error))
        loop.call_soon_threadsafe(told.set)
        return b""

    async with hosting(up(act)) as (_, target), peer(target) as one:
        stream = one.head("/test.Echo/Up")
        one.data(stream, framed(b"a"))
        await loop.run_in_executor(None, began.wait, PATIENCE)
        one.send(frames.reset(stream, ErrorCode.CANCEL))
        await asyncio.wait_for(told.wait(), PATIENCE)

    assert seen == [b"a", "the call has ended"]


async def test_a_plain_generator_is_closed_when_its_caller_goes_away():
    closed, begun = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def act(request, context):
        try:
            while True:
                loop.call_soon_threadsafe(begun.set)
                yield b"x" * 100_000
        finally:
            loop.call_soon_threadsafe(closed.set)

    async with hosting(down(act)) as (server, target), peer(target) as one:
        stream = one.call(b"", "/test.Echo/Down")
        await asyncio.wait_for(begun.wait(), PATIENCE)
        (link,) = server.links
        while link.connection.unsent < 65_536:  # noqa: ASYNC110 - until it waits for the reader
            await asyncio.sleep(0)
        one.send(frames.reset(stream, ErrorCode.CANCEL))
        await asyncio.wait_for(closed.wait(), PATIENCE)


# The context.


async def test_an_abort_ends_the_call():
    def act(request, context):
        context.set_trailing_metadata((("x", "1"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "gone", (("y", "2"),))

    failure = await failed(act)

    assert (failure.code(), failure.details()) == (grpc.StatusCode.NOT_FOUND, "gone")
    assert tuple(failure.trailing_metadata()) == (("x", "1"), ("y", "2"))


async def test_an_abort_by_a_status_ends_the_call():
    class Said(grpc.Status):
        code, details, trailing_metadata = grpc.StatusCode.ABORTED, "again", None

    failure = await failed(lambda request, context: context.abort_with_status(Said()))

    assert (failure.code(), failure.details()) == (grpc.StatusCode.ABORTED, "again")


async def test_a_call_may_be_cancelled():
    ended = threading.Event()

    def act(request, context):
        context.add_callback(ended.set)
        assert context.cancel()
        assert ended.wait(PATIENCE)
        assert not context.is_active()
        assert not context.add_callback(ended.set)
        return b""

    assert (await failed(act)).code() is grpc.StatusCode.CANCELLED


async def test_the_context_tells_what_that_of_the_loop_tells():
    def act(request, context):
        assert isinstance(context, grpc.ServicerContext)
        assert context.is_active()
        context.set_code(grpc.StatusCode.OK)
        context.set_details("d")
        context.set_compression(grpc.Compression.NoCompression)
        context.disable_next_message_compression()
        context.set_trailing_metadata((("x-tail", "1"),))
        context.send_initial_metadata((("x-head", "2"),))
        return repr(
            (
                context.code().name,
                context.details(),
                dict(context.trailing_metadata()),
                dict(context.invocation_metadata())["x-sent"],
                context.peer().partition(":")[0],
                context.peer_identities(),
                context.peer_identity_key(),
                context.auth_context(),
                0 < context.time_remaining() <= 5,
            )
        ).encode()

    async def call(stub):
        call = stub.unary(b"", timeout=5, metadata=(("x-sent", "y"),))
        return await call, dict(await call.initial_metadata())["x-head"]

    told, head = await answered(unary(act), call)

    assert head == "2"
    assert told.decode() == repr(("OK", "d", {"x-tail": "1"}, "y", "ipv4", None, None, {}, True))


async def test_a_function_that_returns_a_coroutine_is_told_what_is_wrong(caplog):
    async def real(request, context):
        return b""

    calls = []

    def wrapped(request, context):
        calls.append(real(request, context))
        return calls[0]

    failure = await failed(wrapped)
    calls[0].close()

    assert failure.code() is grpc.StatusCode.UNKNOWN
    assert "write it with async def" in caplog.text


async def test_context_variables_are_those_of_the_task():
    variable = contextvars.ContextVar("variable", default="")
    threads = Threads(1)

    variable.set("of the task")

    assert await threads.run(variable.get) == "of the task"
    threads.close()


async def test_no_more_run_at_once_than_there_are_threads():
    threads, gate, began = Threads(2), threading.Event(), []
    two_run = threading.Barrier(3)

    def act(number):
        began.append(number)
        if number < 2:
            two_run.wait(PATIENCE)
        gate.wait(PATIENCE)

    waiting = [asyncio.ensure_future(threads.run(act, number)) for number in range(5)]
    await asyncio.get_running_loop().run_in_executor(None, two_run.wait, PATIENCE)
    assert sorted(began) == [0, 1]
    gate.set()
    await asyncio.gather(*waiting)
    threads.close()

    assert sorted(began) == [0, 1, 2, 3, 4]


def test_the_context_has_all_that_grpcios_has():
    public = {name for name in dir(grpc.ServicerContext) if not name.startswith("_")}

    assert public <= set(dir(ThreadContext))
    assert ThreadContext.__abstractmethods__ == frozenset()
