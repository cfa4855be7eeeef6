"""What a handler can say and learn by its context."""

import asyncio

import grpc
import grpc.aio
import pytest
from google.rpc import status_pb2
from grpc_status import rpc_status

from plait.rpc.context import Context
from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.metadata import InvalidMetadata
from tests.rpc.echo import both, calling, down, hosting, unary, up
from tests.rpc.peer import peer


async def failed(act, **how) -> grpc.aio.AioRpcError:
    """Return how a call of a handler fails, as grpcio's client sees it."""
    async with hosting(unary(act)) as (_, target), calling("grpcio", target) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stub.unary(b"", timeout=5, **how)
    return failure.value


async def asked(act, *more, handlers=unary, path="/test.Echo/Unary"):
    """Return what comes on the wire of a call of a handler."""
    async with hosting(handlers(act)) as (_, target), peer(target) as one:
        return await one.answer(one.call(b"", path, *more))


def test_it_is_a_context_of_grpcio():
    assert issubclass(Context, grpc.aio.ServicerContext)


# Ends.


async def test_an_abort_adds_its_metadata_to_those_that_were_set():
    async def act(request, context):
        context.set_trailing_metadata((("x-set", "1"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", (("x-abort", "2"),))

    failure = await failed(act)

    assert (failure.code(), failure.details()) == (grpc.StatusCode.NOT_FOUND, "gone")
    assert tuple(failure.trailing_metadata()) == (("x-set", "1"), ("x-abort", "2"))


async def test_an_abort_may_carry_a_rich_status():
    said = status_pb2.Status(code=5, message="gone")
    said.details.add(type_url="type.googleapis.com/x", value=b"y")

    async def act(request, context):
        await context.abort_with_status(rpc_status.to_status(said))

    failure = await failed(act)

    assert rpc_status.from_call(failure) == said


@pytest.mark.parametrize(
    ("code", "told"), [(5, grpc.StatusCode.NOT_FOUND), (99, None), ("x", None)]
)
async def test_a_code_may_be_a_number_and_what_is_none_is_unknown(code, told):
    async def act(request, context):
        await context.abort(code, "why")

    failure = await failed(act)

    assert failure.code() is (told or grpc.StatusCode.UNKNOWN)


async def test_an_abort_with_ok_is_a_bug(caplog):
    async def act(request, context):
        await context.abort(grpc.StatusCode.OK, "fine")

    assert (await failed(act)).code() is grpc.StatusCode.UNKNOWN
    assert "abort was called with StatusCode.OK" in caplog.text


@pytest.mark.parametrize(
    "say",
    [
        lambda context: context.abort(grpc.StatusCode.ABORTED, "x", (("x", "ä"),)),
        lambda context: context.send_initial_metadata((("x", "a\nb"),)),
        lambda context: context.send_initial_metadata((("te", "x"),)),
    ],
    ids=["abort", "initial", "reserved"],
)
async def test_metadata_that_cannot_be_sent_are_a_bug_and_the_caller_is_answered(say, caplog):
    async def act(request, context):
        await say(context)

    assert (await failed(act)).code() is grpc.StatusCode.UNKNOWN
    assert "InvalidMetadata" in caplog.text


async def test_trailing_metadata_that_cannot_be_sent_are_refused_at_once():
    async def act(request, context):
        context.set_trailing_metadata(iter([("x", "1")]))
        with pytest.raises(InvalidMetadata):
            context.set_trailing_metadata((("x", "ä"),))
        return repr(context.trailing_metadata()).encode()

    answer = await asked(act)

    assert answer.data == framed(b"(('x', '1'),)")
    assert answer.trailers == {"grpc-status": "0", "x": "1"}


async def test_a_code_that_was_set_ends_the_call_without_the_answer():
    async def act(request, context):
        context.set_code(9)
        context.set_details("not now")
        return (repr((context.code(), context.details()))).encode()

    answer = await asked(act)

    assert (answer.data, answer.status, answer.message) == (b"", "9", "not now")


async def test_a_code_that_was_set_ends_a_stream():
    async def act(request, context):
        yield b"a"
        context.set_code(grpc.StatusCode.DATA_LOSS)

    answer = await asked(act, handlers=down, path="/test.Echo/Down")

    assert (answer.data, answer.status) == (framed(b"a"), "15")


async def test_a_call_may_be_cancelled_by_its_handler():
    async def act(request, context):
        context.cancel()
        assert context.cancelled()
        assert context.done()
        await asyncio.Event().wait()

    async with hosting(unary(act)) as (_, target), peer(target) as one:
        answer = await one.answer(one.call())

        assert answer.status == "1"
    # The handler hears of it as soon as it waits: the server would not stop otherwise.


async def test_callbacks_are_told_once_and_late_ones_at_once():
    told = []

    async def act(request, context):
        context.add_done_callback(lambda it: told.append(("first", it is context)))
        context.add_done_callback(lambda it: told.append(("second", it.done())))
        seen.append(context)
        return b""

    seen = []
    await asked(act)
    seen[0].add_done_callback(lambda _: told.append("late"))

    assert told == [("first", True), ("second", True), "late"]
    assert not seen[0].cancelled()


# What it learns.


async def test_metadata_have_keys_and_values_as_grpcios_have():
    async def act(request, context):
        (datum,) = [m for m in context.invocation_metadata() if m.key.startswith("x-")]
        assert context.invocation_metadata() is context.invocation_metadata()
        return datum.value

    assert (await asked(act, ("x-bin", "AAE"))).data == framed(b"\0\1")


async def test_the_user_agent_is_told_and_what_is_grpcs_own_is_not():
    async def act(request, context):
        return repr(dict(context.invocation_metadata())).encode()

    answer = await asked(act, ("user-agent", "me"), ("grpc-timeout", "9S"), ("a", "b"))

    assert answer.data[5:] == b"{'user-agent': 'me', 'a': 'b'}"


async def test_without_tls_nothing_is_proven_of_the_peer():
    async def act(request, context):
        return repr(
            (context.peer_identities(), context.peer_identity_key(), context.auth_context())
        ).encode()

    assert (await asked(act)).data[5:] == b"(None, None, {})"


async def test_the_peer_is_told_in_grpcios_words():
    async def act(request, context):
        return context.peer().encode()

    assert (await asked(act)).data[5:].startswith(b"ipv4:127.0.0.1:")


async def test_the_time_that_remains_is_told():
    async def act(request, context):
        return repr(context.time_remaining()).encode()

    assert (await asked(act)).data[5:] == b"None"
    assert 50 < float((await asked(act, ("grpc-timeout", "1M"))).data[5:]) <= 60


# What it sends.


async def test_initial_metadata_are_sent_once_and_at_once():
    async def act(request, context):
        await context.send_initial_metadata(iter([("x", "1")]))
        with pytest.raises(grpc.aio.UsageError, match="sent before"):
            await context.send_initial_metadata(())
        with pytest.raises(grpc.aio.UsageError, match="before the first answer"):
            context.set_compression(grpc.Compression.Gzip)
        return b""

    answer = await asked(act)

    assert (answer.head["x"], answer.status) == ("1", "0")


@pytest.mark.parametrize(("accepts", "packed"), [("gzip", True), ("identity", False)])
async def test_one_answer_is_compressed_if_the_caller_takes_it(accepts, packed):
    async def act(request, context):
        context.set_compression(grpc.Compression.Gzip)
        return b"a" * 500

    answer = await asked(act, ("grpc-accept-encoding", accepts))

    assert answer.head.get("grpc-encoding") == ("gzip" if packed else None)
    assert answer.data[0] == packed
    assert (len(answer.data) < 100) is packed


async def test_one_answer_may_be_sent_as_it_is_where_others_are_compressed():
    async def act(request, context):
        context.set_compression(grpc.Compression.Deflate)
        context.disable_next_message_compression()
        yield b"a" * 500
        yield b"a" * 500

    answer = await asked(
        act, ("grpc-accept-encoding", "deflate"), handlers=down, path="/test.Echo/Down"
    )

    assert answer.data.startswith(framed(b"a" * 500) + b"\1")


async def test_the_one_answer_may_be_sent_as_it_is():
    async def act(request, context):
        context.disable_next_message_compression()
        return b"a" * 500

    how = {"compression": grpc.Compression.Gzip}
    async with hosting(unary(act), **how) as (_, target), peer(target) as one:
        stream = one.call(b"", "/test.Echo/Unary", ("grpc-accept-encoding", "gzip"))
        answer = await one.answer(stream)

    assert answer.head["grpc-encoding"] == "gzip"
    assert answer.data == framed(b"a" * 500)


@pytest.mark.parametrize("client", ["plait", "grpcio"])
async def test_a_server_may_compress_all_answers(client):
    async def act(request, context):
        return request * 500

    how = {"compression": grpc.Compression.Gzip}
    async with hosting(unary(act), **how) as (_, target), calling(client, target) as stub:
        assert await stub.unary(b"ab", timeout=5) == b"ab" * 500


# Reading and writing.


async def test_requests_may_be_read_and_answers_written():
    async def act(requests, context):
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(b"re: " + request)

    async with hosting(both(act)) as (_, target), calling("grpcio", target) as stub:
        call = stub.both(iter([b"a", b"b"]), timeout=5)
        assert [answer async for answer in call] == [b"re: a", b"re: b"]


async def test_nothing_is_read_or_written_after_the_end():
    ends = []

    async def act(requests, context):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            for attempt in (context.read(), context.write(b"x"), anext(requests)):
                try:
                    await attempt
                except asyncio.CancelledError:
                    ends.append("cancelled")
            told.set()
            raise

    told = asyncio.Event()
    async with hosting(up(act)) as (_, target), peer(target) as one:
        stream = one.head("/test.Echo/Up", ("grpc-timeout", "50m"))
        assert (await one.answer(stream)).status == "4"
        await asyncio.wait_for(told.wait(), 5)

    assert ends == ["cancelled"] * 3


async def test_a_generator_is_closed_when_its_caller_goes_away():
    closed, begun = asyncio.Event(), asyncio.Event()

    async def act(request, context):
        try:
            while True:
                begun.set()
                yield b"x" * 100_000
        finally:
            closed.set()

    async with hosting(down(act)) as (_, target), peer(target) as one:
        stream = one.call(b"", "/test.Echo/Down")
        await asyncio.wait_for(begun.wait(), 5)
        one.send(frames.reset(stream, ErrorCode.CANCEL))
        await asyncio.wait_for(closed.wait(), 5)
