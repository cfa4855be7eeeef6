"""What a call promises on the wire, asked by a client that speaks frames."""

import asyncio
import gzip
import logging

import grpc
import pytest

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.frames import Type
from tests.rpc.echo import Echo, both, down, hosting, serving, unary, up
from tests.rpc.peer import peer


@pytest.fixture
async def target(echo):
    async with serving("plait", echo) as target:
        yield target


@pytest.fixture
async def one(target):
    async with peer(target) as one:
        yield one


async def echo_back(request, context):
    return request


# One message where the method says one.


async def test_a_call_without_a_message_is_unimplemented(one):
    first, second = one.head(end=True), one.head()
    one.data(second, end=True)

    for stream in (first, second):
        answer = await one.answer(stream)
        assert (answer.status, answer.message) == ("12", "the method wants exactly one message")


@pytest.mark.parametrize("pieces", [1, 2, 3])
async def test_a_call_with_two_messages_is_unimplemented(one, pieces):
    stream = one.head()
    first, second = framed(b"a"), framed(b"b")
    cut = {
        1: [first + second],
        2: [first, second],
        3: [first[:3], first[3:] + second[:2], second[2:]],
    }
    *before, last = cut[pieces]
    for data in before:
        one.data(stream, data)
    one.data(stream, last, end=True)

    assert (await one.answer(stream)).status == "12"
    assert await one.echoes()


async def test_a_second_message_is_refused_before_the_end(one):
    stream = one.head()

    one.data(stream, framed(b"a") + framed(b"b"))

    assert (await one.answer(stream)).status == "12"


async def test_a_message_whose_last_piece_looks_like_a_message_comes_whole(one):
    inner = framed(b"inner")
    message = b"outer" + inner
    stream = one.head()

    one.data(stream, framed(message)[: -len(inner)])
    one.data(stream, inner, end=True)

    assert (await one.answer(stream)).data == framed(b"re: " + message)


async def test_a_message_that_is_cut_off_is_internal(one):
    stream = one.head()
    one.data(stream, framed(b"hello")[:-1], end=True)

    answer = await one.answer(stream)

    assert (answer.status, "in the middle of a message" in answer.message) == ("13", True)
    assert await one.echoes()


async def test_a_message_may_end_with_an_empty_frame_or_with_trailers(one):
    first, second = one.head(), one.head()
    one.data(first, framed(b"a"))
    one.data(first, end=True)
    one.data(second, framed(b"b"))
    one.send(frames.headers(second, b"\x00\x01a\x01b", end=True, largest=99))

    assert (await one.answer(first)).data == framed(b"re: a")
    assert (await one.answer(second)).data == framed(b"re: b")


@pytest.mark.parametrize("size", [100, 101])
async def test_a_message_may_be_as_large_as_the_server_says(size):
    async with hosting(unary(echo_back), max_message=100) as (_, target), peer(target) as one:
        answer = await one.answer(one.call(b"x" * size))

    if size == 100:
        assert answer.data == framed(b"x" * 100)
    else:
        assert answer.status == "8"
        assert "101 vs. 100" in answer.message


async def test_a_prefix_that_announces_4_gib_is_refused_at_once(one):
    stream = one.head()

    one.data(stream, b"\0\xff\xff\xff\xff")

    answer = await one.answer(stream)
    assert (answer.status, "4294967295 vs. 4194304" in answer.message) == ("8", True)


@pytest.mark.parametrize("size", [100, 101])
async def test_an_answer_may_be_as_large_as_the_server_says(size):
    async def answer_large(request, context):
        return b"x" * size

    async with hosting(unary(answer_large), max_answer=100) as (_, target), peer(target) as one:
        answer = await one.answer(one.call())

    assert answer.status == ("0" if size == 100 else "8")
    assert answer.data == (framed(b"x" * 100) if size == 100 else b"")
    assert size == 100 or "sent message larger than max (101 vs. 100)" in answer.message


async def test_an_answer_of_a_stream_that_is_too_large_ends_it():
    async def answers(request, context):
        yield b"x" * 100
        yield b"x" * 101

    async with hosting(down(answers), max_answer=100) as (_, target), peer(target) as one:
        answer = await one.answer(one.call(b"", "/test.Echo/Down"))

    assert (answer.data, answer.status) == (framed(b"x" * 100), "8")


async def test_a_stream_of_requests_ends_with_the_message_that_is_none(one):
    stream = one.head("/test.Echo/Up")
    one.data(stream, framed(b"a"))
    one.data(stream, b"\x07\0\0\0\0")
    one.data(stream, framed(b"b"), end=True)

    answer = await one.answer(stream)

    assert (answer.status, "flag" in answer.message) == ("13", True)


# How messages are packed.


async def test_one_calls_compression_is_nothing_to_another(one):
    packed = gzip.compress(b"hello" * 50)
    whole = b"\1" + len(packed).to_bytes(4) + packed

    for _ in range(3):
        unknown = one.head("/test.Echo/Unary", ("grpc-encoding", "snappy"))
        one.data(unknown, framed(b"x"), end=True)
        assert (await one.answer(unknown)).status == "12"
        broken = one.head("/test.Echo/Unary", ("grpc-encoding", "gzip"))
        one.data(broken, b"\1\0\0\0\1x", end=True)
        assert (await one.answer(broken)).status == "13"
        good = one.head("/test.Echo/Unary", ("grpc-encoding", "gzip"))
        one.data(good, whole, end=True)
        assert (await one.answer(good)).data == framed(b"re: " + b"hello" * 50)
        assert await one.echoes()


async def test_an_unknown_codec_is_told_with_those_that_are_known(one):
    stream = one.head("/test.Echo/Unary", ("grpc-encoding", "snappy"))
    one.data(stream, framed(b"x"), end=True)

    answer = await one.answer(stream)

    assert answer.status == "12"
    assert "snappy" in answer.message
    assert answer.head["grpc-accept-encoding"] == "identity,gzip,deflate"


async def test_a_compressed_message_without_an_encoding_is_internal(one):
    stream = one.head()
    one.data(stream, b"\1\0\0\0\1x", end=True)

    assert (await one.answer(stream)).status == "13"


# Deadlines.


@pytest.mark.parametrize("reading", [True, False])
async def test_a_deadline_ends_the_call_and_its_handler(one, echo, reading):
    stream = one.head("/test.Echo/Unary", ("grpc-timeout", "50m"))
    one.data(stream, framed(b"hang"), end=True)

    answer = await one.answer(stream)

    assert (answer.status, answer.message) == ("4", "Deadline Exceeded")
    await asyncio.wait_for(echo.ended.wait(), 5)
    assert echo.seen == ["cancelled"]


async def test_a_deadline_that_is_over_is_told_without_a_handler(one, echo):
    stream = one.head("/test.Echo/Unary", ("grpc-timeout", "0n"))
    one.data(stream, framed(b"hang"), end=True)

    assert (await one.answer(stream)).status == "4"
    assert not echo.began.is_set()


async def test_a_deadline_that_cannot_be_read_is_internal(one):
    stream = one.head("/test.Echo/Unary", ("grpc-timeout", "soon"))
    one.data(stream, framed(b"x"), end=True)

    answer = await one.answer(stream)

    assert (answer.status, "grpc-timeout" in answer.message) == ("13", True)


async def test_a_deadline_counts_while_the_request_is_still_to_come(one):
    stream = one.head("/test.Echo/Unary", ("grpc-timeout", "50m"))

    assert (await one.answer(stream)).status == "4"


async def test_a_handler_that_answers_after_its_deadline_answers_nobody():
    ended = asyncio.Event()

    async def stubborn(request, context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
            return b"too late"

    async with hosting(unary(stubborn)) as (_, target), peer(target) as one:
        stream = one.head("/test.Echo/Unary", ("grpc-timeout", "50m"))
        one.data(stream, framed(b""), end=True)
        answer = await one.answer(stream)
        await asyncio.wait_for(ended.wait(), 5)

        assert (answer.status, answer.data) == ("4", b"")
        one.send(frames.ping(b"whatever"))
        assert (await one.until(Type.PING)).payload == b"whatever"


async def test_answers_that_are_not_read_by_the_deadline_are_let_go_of():
    async def large(request, context):
        return b"x" * 1_000_000

    async with hosting(unary(large)) as (server, target), peer(target) as one:
        stream = one.head("/test.Echo/Unary", ("grpc-timeout", "50m"))
        one.data(stream, framed(b""), end=True)

        answer = await one.answer(stream)

        (link,) = server.links
        assert answer.reset is ErrorCode.CANCEL
        assert link.connection.unsent == 0
        assert link.connection.streams == {}


# Ends.


async def test_a_handler_is_cancelled_when_its_caller_goes_away(one, echo):
    stream = one.call(b"hang")
    await echo.began.wait()

    one.send(frames.reset(stream, ErrorCode.CANCEL))

    await asyncio.wait_for(echo.ended.wait(), 5)
    assert echo.seen == ["cancelled"]


async def test_half_of_a_stream_is_not_taken_for_the_whole():
    seen, began, ended = [], asyncio.Event(), asyncio.Event()

    async def read_all(requests, context):
        began.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(read(requests))
        finally:
            ended.set()

    async def read(requests):
        seen.extend([request async for request in requests])
        seen.append("complete")

    async with hosting(up(read_all)) as (_, target), peer(target) as one:
        stream = one.head("/test.Echo/Up")
        one.data(stream, framed(b"a"))
        await asyncio.wait_for(began.wait(), 5)
        one.send(frames.reset(stream, ErrorCode.CANCEL))
        await asyncio.wait_for(ended.wait(), 5)

    assert "complete" not in seen


async def test_a_client_that_goes_on_after_the_answer_is_told_to_stop(one):
    stream = one.head("/test.Echo/Up")
    one.data(stream, framed(b"stop"))

    answer = await one.answer(stream)
    reset = await one.until(Type.RST_STREAM, stream)

    assert answer.status == "0"
    assert int.from_bytes(reset.payload) == ErrorCode.NO_ERROR
    one.data(stream, framed(b"late"))
    one.data(stream, end=True)
    assert await one.echoes()


async def test_a_part_of_a_handler_that_was_cancelled_is_not_the_call():
    async def cancelled(request, context):
        raise asyncio.CancelledError

    async with hosting(unary(cancelled)) as (_, target), peer(target) as one:
        answer = await one.answer(one.call())

    assert (answer.status, answer.message) == ("1", "the handler was cancelled")


async def test_a_bug_is_unknown_and_its_text_stays_here(one, caplog):
    answer = await one.answer(one.call(b"bug secret"))

    assert (answer.status, answer.message) == ("2", "the handler failed")
    assert "ValueError: secret" in caplog.text


async def test_a_request_that_cannot_be_read_is_internal_and_no_bug(caplog):
    def refuse(data):
        raise ValueError("secret")

    async with (
        hosting(unary(echo_back, request_deserializer=refuse)) as (_, target),
        peer(target) as one,
    ):
        answer = await one.answer(one.call())

    assert (answer.status, answer.message) == ("13", "a request could not be deserialized")
    assert caplog.records == []


async def test_an_answer_that_cannot_be_written_is_internal_and_logged(caplog):
    async with (
        hosting(unary(echo_back, response_serializer=lambda data: data.nothing)) as (_, target),
        peer(target) as one,
    ):
        answer = await one.answer(one.call())

    assert (answer.status, answer.message) == ("13", "an answer could not be serialized")
    assert "nothing" in caplog.text


async def test_trailing_metadata_that_the_caller_does_not_take_are_not_sent(caplog):
    async def much(request, context):
        context.set_trailing_metadata((("x", "y" * 2000),))
        return b""

    async with hosting(unary(much)) as (_, target), peer(target, {6: 1000}) as one:
        answer = await one.answer(one.call())

    assert answer.status == "8"
    assert "vs. 1000" in answer.message
    assert "x" not in answer.trailers
    assert "have 2" in caplog.text


# What waits.


async def test_a_writer_waits_while_the_socket_is_full():
    written = []

    async def flood(request, context):
        for number in range(2000):
            yield b"x" * 16_000
            written.append(number)

    big = {4: 2**31 - 1}
    async with hosting(down(flood)) as (server, target), peer(target, big, limit=1024) as one:
        one.send(frames.window_update(0, 2**31 - 65_536))
        one.call(b"", "/test.Echo/Down")
        await one.until(Type.HEADERS)
        (link,) = server.links
        while not link.connection.unsent:  # noqa: ASYNC110 - nobody tells when the socket is full
            await asyncio.sleep(0)
        held = link.transport.get_write_buffer_size() + link.connection.unsent

        assert held < 4 * 2**20
        assert len(written) < 2000
        data = 0
        async for frame in one.frames():
            data += len(frame.payload) * (frame.kind == Type.DATA)
            if frame.ends:
                break

    assert data == 2000 * 16_005


async def test_handlers_begin_later_if_too_many_answers_are_left_unread():
    began = []

    async def large(request, context):
        began.append(request)
        return b"x" * 600_000

    async with (
        hosting(unary(large), max_unread=1_100_000) as (_, target),
        peer(target, {4: 0}) as one,
    ):
        one.send(frames.window_update(0, 2**30))
        streams = [one.call(b"%d" % number) for number in range(5)]
        one.send(frames.ping(b"whatever"))
        await one.until(Type.PING)
        assert began == [b"0", b"1"]

        one.send(frames.reset(streams[2], ErrorCode.CANCEL))
        for stream in (streams[0], streams[1], streams[3], streams[4]):
            one.send(frames.window_update(stream, 2**20))
            assert len((await one.answer(stream)).data) == 600_005

    assert began == [b"0", b"1", b"3", b"4"]


# Callbacks.


async def test_a_callback_that_fails_fails_alone(caplog):
    told = []

    async def call_back(request, context):
        context.add_done_callback(lambda _: 1 / 0)
        context.add_done_callback(lambda it: told.append(it.code()))
        return request

    async with hosting(unary(call_back)) as (_, target), peer(target) as one:
        for _ in range(2):
            assert (await one.answer(one.call(b"a"))).data == framed(b"a")

    assert told == [grpc.StatusCode.OK] * 2
    assert "ZeroDivisionError" in caplog.text


async def test_many_calls_leave_nothing_behind():
    async with serving("plait", Echo()) as target, peer(target) as one:
        for number in range(300):
            answer = await one.answer(one.call(b"%d" % number))
            assert answer.data == framed(b"re: %d" % number)


async def test_both_sides_of_a_stream_end_in_either_order(caplog):
    caplog.set_level(logging.INFO)

    async def first_word(requests, context):
        async for request in requests:
            yield request
            return

    async with hosting(both(first_word)) as (server, target), peer(target) as one:
        stream = one.head("/test.Echo/Both")
        one.data(stream, framed(b"a"))
        answer = await one.answer(stream)
        late = one.head("/test.Echo/Both")
        one.data(late, framed(b"a"), end=True)
        again = await one.answer(late)
        (link,) = server.links

        assert answer.data == again.data == framed(b"a")
        assert link.connection.streams == {}
    assert caplog.records == []
