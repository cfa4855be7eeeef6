"""What every call has: how it begins, and how it ends."""

import asyncio

import grpc
import grpc.aio
import pytest


async def test_a_call_that_has_ended_cannot_be_cancelled(own):
    call = own.unary(b"a", timeout=5)
    await call

    assert not call.cancel()
    assert not call.cancelled()
    assert await call.code() is grpc.StatusCode.OK


async def test_a_callback_of_a_call_that_has_ended_is_told_at_once(own):
    told = []
    call = own.unary(b"a", timeout=5)
    await call

    call.add_done_callback(told.append)

    assert told == [call]


async def test_several_callbacks_are_told(own):
    told = []
    call = own.unary(b"a", timeout=5)
    call.add_done_callback(lambda _: told.append(1))
    call.add_done_callback(lambda _: told.append(2))

    await call

    assert told == [1, 2]


@pytest.mark.parametrize("seconds", [None, 30])
async def test_a_call_knows_how_long_it_may_take(own, seconds):
    call = own.unary(b"a", timeout=seconds)
    left = call.time_remaining()
    await call

    assert left is None if seconds is None else 25 < left <= 30


async def test_metadata_of_a_head_come_before_the_end(own):
    call = own.down(b"hang", timeout=30)

    assert await asyncio.wait_for(call.initial_metadata(), 5) == ()
    call.cancel()
    assert await call.trailing_metadata() == ()


async def test_an_end_can_be_read_as_a_whole(own):
    call = own.unary(b"abort gone", timeout=5)

    assert await call.code() is grpc.StatusCode.NOT_FOUND
    assert await call.details() == "gone"
    assert await call.debug_error_string() == "/test.Echo/Unary: NOT_FOUND: gone"


async def test_who_waits_for_the_connection_of_a_call_that_ends_hears_of_it(own):
    call = own.unary(b"hang", timeout=30)
    call.cancel()

    with pytest.raises(grpc.aio.AioRpcError):
        await call.wait_for_connection()


async def test_a_call_compresses_if_it_is_asked_to(own):
    call = own.unary(b"a" * 1000, timeout=5, compression=grpc.Compression.Gzip)

    assert await call == b"re: " + b"a" * 1000
