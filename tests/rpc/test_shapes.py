"""What every call promises, with plait and with grpcio at either end."""

import asyncio

import grpc
import grpc.aio
import pytest


async def failure(call) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value


async def collect(call) -> list[bytes]:
    return [message async for message in call]


async def test_one_request_gets_one_answer(stub):
    assert await stub.unary(b"hello", timeout=5) == b"re: hello"
    assert await stub.unary(b"", timeout=5) == b"re: "


async def test_many_calls_at_once_get_each_its_own_answer(stub):
    answers = await asyncio.gather(*(stub.unary(b"%d" % n, timeout=10) for n in range(200)))

    assert answers == [b"re: %d" % n for n in range(200)]


async def test_an_answer_of_a_mebibyte_comes_whole(stub):
    assert await stub.unary(b"large 1048576", timeout=10) == b"x" * 1048576


async def test_a_request_of_a_mebibyte_goes_whole(stub):
    assert len(await stub.unary(b"x" * 1048576, timeout=10)) == 1048580


async def test_answers_come_as_a_stream(stub):
    assert await collect(stub.down(b"3 4", timeout=5)) == [b"%dxxx" % n for n in range(4)]


async def test_a_stream_may_be_empty(stub):
    assert await collect(stub.down(b"0 0", timeout=5)) == []


async def test_a_long_stream_of_large_answers_comes_whole(stub):
    sizes = [len(message) async for message in stub.down(b"100000 40", timeout=20)]

    assert sizes == [100001] * 10 + [100002] * 30


async def test_answers_may_be_written(stub):
    assert await collect(stub.write(b"3", timeout=5)) == [b"0", b"1", b"2"]


async def test_answers_may_be_read_one_by_one(stub):
    call = stub.down(b"0 2", timeout=5)

    assert [await call.read(), await call.read(), await call.read()] == [
        b"0",
        b"1",
        grpc.aio.EOF,
    ]
    assert await call.code() is grpc.StatusCode.OK


async def test_requests_go_as_a_stream_from_an_iterator(stub):
    assert await stub.up(iter([b"a", b"", b"ccc"]), timeout=5) == b"[1, 0, 3]"


async def test_requests_go_as_a_stream_from_an_async_iterator(stub):
    async def requests():
        for _ in range(50):
            yield b"x" * 10_000

    assert await stub.up(requests(), timeout=10) == repr([10_000] * 50).encode()


async def test_a_stream_of_no_requests_is_a_stream(stub):
    assert await stub.up(iter([]), timeout=5) == b"[]"


async def test_requests_may_be_written(stub):
    call = stub.up(timeout=5)
    await call.write(b"a")
    await call.write(b"bb")
    await call.done_writing()

    assert await call == b"[1, 2]"


async def test_a_server_may_answer_before_all_requests_have_come(stub):
    call = stub.up(timeout=5)
    await call.write(b"a")
    await call.write(b"stop")

    assert await call == b"[1]"


async def test_both_ends_may_take_turns(stub):
    call = stub.both(timeout=5)
    for word in (b"a", b"b", b"c"):
        await call.write(word)
        assert await call.read() == b"re: " + word
    await call.done_writing()

    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_an_abort_is_told_with_its_metadata(stub):
    failed = await failure(stub.unary(b"abort no such \xc3\xa4", timeout=5))

    assert failed.code() is grpc.StatusCode.NOT_FOUND
    assert failed.details() == "no such ä"
    assert ("x-why", "gone") in tuple(failed.trailing_metadata())


async def test_a_code_that_was_set_is_told(stub):
    failed = await failure(stub.unary(b"code it is there", timeout=5))

    assert (failed.code(), failed.details()) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "it is there",
    )


async def test_a_bug_is_unknown(stub, caplog):
    failed = await failure(stub.unary(b"bug secret", timeout=5))

    assert failed.code() is grpc.StatusCode.UNKNOWN


async def test_a_stream_may_fail_after_its_first_answer(stub):
    call = stub.down(b"fail", timeout=5)
    assert await call.read() == b"first"

    failed = await failure(call.read())

    assert (failed.code(), failed.details()) == (grpc.StatusCode.DATA_LOSS, "broken off")


async def test_a_method_that_nobody_serves_is_unimplemented(stub):
    failed = await failure(stub.nothing(b"", timeout=5))

    assert failed.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_metadata_go_both_ways(stub, echo):
    sent = (("x-sent", "a"), ("x-sent", "b"), ("x-sent-bin", b"\0\xff"))

    call = stub.unary(b"metadata", timeout=5, metadata=sent)
    await call

    assert [pair for pair in map(tuple, echo.seen) if pair[0].startswith("x-")] == list(sent)
    head, tail = tuple(await call.initial_metadata()), tuple(await call.trailing_metadata())
    assert ("x-head", "1") in head
    assert ("x-head-bin", b"\0\xff") in head
    assert ("x-tail", "2") in tail
    assert ("x-tail-bin", b"\xfe") in tail


async def test_a_deadline_ends_the_call_at_both_ends(stub, echo):
    failed = await failure(stub.unary(b"hang", timeout=0.5))

    assert failed.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(echo.ended.wait(), 5)
    assert echo.seen == ["cancelled"]


async def test_the_server_knows_how_long_it_has(stub):
    left = float(await stub.unary(b"left", timeout=30))

    assert 25 < left < 31


async def test_without_a_deadline_there_is_none(stub):
    assert await stub.unary(b"left") == b"None"


async def test_a_cancelled_call_ends_at_the_server(stub, echo):
    call = stub.unary(b"hang", timeout=30)
    await echo.began.wait()

    assert call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()
    assert call.done()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(echo.ended.wait(), 5)


async def test_a_task_that_is_cancelled_takes_its_call_along(stub, echo):
    async def wait():
        await stub.unary(b"hang", timeout=30)

    task = asyncio.create_task(wait())
    await echo.began.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(echo.ended.wait(), 5)


async def test_a_stream_is_cancelled_after_its_first_answer(stub, echo):
    call = stub.down(b"hang", timeout=30)
    assert await call.read() == b"first"
    await echo.began.wait()

    call.cancel()

    await asyncio.wait_for(echo.ended.wait(), 5)
    assert await call.code() is grpc.StatusCode.CANCELLED


async def test_a_stream_of_requests_is_cancelled(stub, echo):
    call = stub.up(timeout=30)
    await call.write(b"hang")
    await echo.began.wait()

    call.cancel()

    await asyncio.wait_for(echo.ended.wait(), 5)


async def test_done_callbacks_are_told(stub):
    done = asyncio.Event()
    call = stub.unary(b"a", timeout=5)

    call.add_done_callback(lambda _: done.set())
    await call

    await asyncio.wait_for(done.wait(), 5)


async def test_an_answer_can_be_awaited_twice(stub):
    call = stub.unary(b"a", timeout=5)

    assert await call == await call == b"re: a"
