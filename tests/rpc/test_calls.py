"""The four call objects, where the shapes that both runtimes share do not reach them."""

import asyncio

import grpc
import grpc.aio
import pytest

from plait.rpc.calls import StreamStreamCall, StreamUnaryCall, UnaryStreamCall, UnaryUnaryCall


async def test_calls_are_those_of_grpc_aio(own):
    calls = [own.unary(b""), own.down(b"0 0"), own.up(iter([])), own.both(iter([]))]
    kinds = [UnaryUnaryCall, UnaryStreamCall, StreamUnaryCall, StreamStreamCall]

    for call, kind in zip(calls, kinds, strict=True):
        assert isinstance(call, kind)
        assert isinstance(call, getattr(grpc.aio, kind.__name__))
        await call.code()


async def test_a_call_that_runs_from_an_iterator_cannot_be_written_to(own):
    call = own.up(iter([b"a"]), timeout=5)

    with pytest.raises(grpc.aio.UsageError):
        await call.write(b"b")
    assert await call == b"[1]"


async def test_nothing_is_written_after_done_writing(own):
    call = own.up(timeout=5)
    await call.done_writing()
    await call.done_writing()

    with pytest.raises(asyncio.InvalidStateError, match="done_writing was called"):
        await call.write(b"a")
    assert await call == b"[]"


async def test_nothing_is_written_after_the_end(own):
    call = own.up(timeout=5)
    await call.write(b"stop")
    await call

    with pytest.raises(asyncio.InvalidStateError, match="the call has ended"):
        await call.write(b"a")


async def test_writing_to_a_call_that_has_failed_tells_its_failure(own):
    call = own.nothing(b"", timeout=5)
    streamed = own.channel.stream_unary("/test.Echo/Nothing")(timeout=5)
    await call.code()
    await streamed.code()

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await streamed.write(b"a")

    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_an_iterator_that_fails_ends_the_call_and_is_not_swallowed(own, echo):
    def requests():
        yield b"a"
        raise ValueError("the iterator is broken")

    call = own.up(requests(), timeout=5)

    assert await call.code() is grpc.StatusCode.CANCELLED
    assert "the iterator is broken" in await call.details()
    with pytest.raises(ValueError, match="the iterator is broken"):
        await call._sending


async def test_a_reader_that_is_cancelled_takes_its_call_along(own, echo):
    call = own.down(b"hang", timeout=30)
    await call.read()
    await echo.began.wait()
    reading = asyncio.create_task(call.read())
    await asyncio.sleep(0)  # it has begun to wait

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert call.cancelled()
    await asyncio.wait_for(echo.ended.wait(), 5)


async def test_an_answer_that_is_too_large_is_refused_with_both_numbers(own):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await own.unary(b"large 5000000", timeout=20)

    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "5000000 vs. 4194304" in failed.value.details()


async def test_an_answer_of_a_stream_that_is_too_large_ends_it(own):
    call = own.down(b"5000000 1", timeout=20)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call.read()

    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_answer_that_cannot_be_parsed_is_internal_and_its_text_stays_here(own):
    def parse(data):
        raise ValueError("secret")

    call = own.channel.unary_unary("/test.Echo/Unary", response_deserializer=parse)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"a", timeout=5)

    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in failed.value.details()
