"""Promises of the adapter: a call of any shape ends as it should, at both ends, leaving nothing."""

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from plait.clock import SystemClock
from plait.errors import (
    Cancelled,
    Code,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from plait.mesh import grpcio
from plait.mesh.call import current
from plait.mesh.channel import connect
from plait.mesh.interceptors.status import status
from plait.mesh.method import known_method
from plait.service import Server
from plait.settings import Settings
from plait.testing import serving
from tests.mesh.asking import PATIENCE, SHAPES, Watched, answers_of, ask, doing, echoing
from tests.mesh.echo import METHODS, SERVICE, Echo, EchoRequest, EchoResponse, EchoStub, add_echo

SECRET = "hunter2"


class ThingNotFound(NotFound):
    pass


@pytest.fixture(autouse=True)
async def nothing_is_left():
    """No task outlives a test; those that grpc.aio ends a moment later get that moment."""
    yield
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=PATIENCE)
        assert not left


async def fails_as_expected():
    raise ThingNotFound("there is no such thing", resource="things/t1", thing="t1")


async def fails_by_a_bug():
    raise RuntimeError(SECRET)


def raw(channel, name):
    """Return a method of a channel that deals in bytes, as the gateway uses it."""
    asks, answers, _, _ = METHODS[name]
    shape = f"{'stream' if asks else 'unary'}_{'stream' if answers else 'unary'}"
    return getattr(channel, shape)(f"/{SERVICE}/{name}")


def bare(running):
    """Return a channel with no interceptors at all: no deadline, no tokens."""
    return connect("echo", target=running.target, environ={}, stack=())


@pytest.mark.parametrize("name", SHAPES)
async def test_a_call_of_every_shape_is_answered(name):
    async with echoing() as (_, stub):
        answers = await ask(stub, name, EchoRequest(text="hi", count=1))

    assert [answer.text.rstrip("0") for answer in answers] == ["hi"]


async def test_streams_may_be_empty():
    async with echoing() as (_, stub):
        assert await ask(stub, "Tell", EchoRequest()) == []
        assert (await stub.Gather([])).text == ""
        assert [answer async for answer in stub.Talk([])] == []


async def test_the_messages_of_a_conversation_pass_each_other():
    async with echoing() as (_, stub):
        said = asyncio.Queue()

        async def requests():
            while (text := await said.get()) is not None:
                yield EchoRequest(text=text)

        async with aclosing(stub.Talk(requests())) as talk:
            for text in ("one", "two", "three"):
                await said.put(text)
                assert (await anext(talk)).text == text
            await said.put(None)
            with pytest.raises(StopAsyncIteration):
                await anext(talk)
            with pytest.raises(StopAsyncIteration):
                await anext(talk)


@pytest.mark.parametrize("name", SHAPES)
async def test_an_error_of_the_domain_arrives_as_it_was_raised(name, caplog):
    method = Watched(name, fails_as_expected)
    async with echoing(**{name: method.method}) as (_, stub):
        with pytest.raises(NotFound) as raised:
            await ask(stub, name)

        assert (await method.status()).code is Code.NOT_FOUND

    error = raised.value
    assert (error.message, error.reason) == ("there is no such thing", "THING_NOT_FOUND")
    assert (error.domain, error.resource) == ("echo.shop", "things/t1")
    assert error.metadata == {"thing": "t1"}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", SHAPES)
async def test_a_bug_is_logged_here_and_tells_the_caller_nothing(name, caplog):
    method = Watched(name, fails_by_a_bug)
    async with echoing(**{name: method.method}) as (_, stub):
        with pytest.raises(Internal) as raised:
            await ask(stub, name)

        assert (await method.status()).code is Code.INTERNAL
        assert SECRET.encode() not in method.call.status.details

    assert (raised.value.message, raised.value.reason) == ("internal error", "INTERNAL")
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.exc_info[1].args == (SECRET,)
    assert f"/{SERVICE}/{name}" in logged.getMessage()


@pytest.mark.parametrize("name", SHAPES)
async def test_a_caller_that_goes_away_cancels_the_handler(name):
    method = Watched(name)
    async with echoing(**{name: method.method}) as (_, stub):
        asking = asyncio.ensure_future(ask(stub, name))
        await method.begun.wait()

        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await method.status()).code is Code.CANCELLED
    assert isinstance(method.outcome, asyncio.CancelledError)


@pytest.mark.parametrize("name", SHAPES)
async def test_a_deadline_ends_the_call_at_both_ends(name):
    method = Watched(name)
    async with echoing(**{name: method.method}) as (_, stub):
        with pytest.raises(DeadlineExceeded):
            await ask(stub, name, timeout=0.05)

        assert (await method.status()).code is Code.DEADLINE_EXCEEDED
    assert isinstance(method.outcome, asyncio.CancelledError)


@pytest.mark.parametrize("name", ["SayBriefly", "TellBriefly"])
async def test_a_caller_without_a_deadline_gets_that_of_the_contract(name):
    method = Watched(name)
    async with echoing(**{name: method.method}) as (running, _), bare(running) as channel:
        with pytest.raises(DeadlineExceeded) as raised:
            await ask(EchoStub(channel), name)

    assert raised.value.domain == "echo.shop"
    assert name in raised.value.message


@pytest.mark.parametrize("name", SHAPES)
async def test_a_handler_that_awaits_something_cancelled_has_a_bug(name, caplog):
    async def awaits_something_cancelled():
        other = asyncio.ensure_future(asyncio.Event().wait())
        other.cancel()
        await other

    async with echoing(**{name: doing(name, awaits_something_cancelled)}) as (_, stub):
        with pytest.raises(Internal):
            await ask(stub, name)

    assert "a bug ended" in caplog.text


async def test_leaving_a_stream_ends_it_at_the_server():
    ended = asyncio.Event()

    async def for_ever(request, context):
        try:
            while True:
                yield EchoResponse(text="more")
        finally:
            ended.set()

    async with echoing(Tell=for_ever) as (_, stub):
        async for answer in stub.Tell(EchoRequest()):
            assert answer.text == "more"
            break

        async with asyncio.timeout(PATIENCE):
            await ended.wait()


@pytest.mark.parametrize("how", ["cancel", "aclose", "drop"])
@pytest.mark.parametrize("name", ["Tell", "Talk"])
async def test_a_stream_that_nobody_reads_can_be_ended(name, how):
    method = Watched(name)
    async with echoing(**{name: method.method}) as (_, stub):
        request = [EchoRequest()] if METHODS[name][0] else EchoRequest()
        called = getattr(stub, name)(request)
        await method.begun.wait()

        if how == "cancel":
            assert called.cancel()
        elif how == "aclose":
            await called.aclose()
        else:
            del called

        assert (await method.status()).code is Code.CANCELLED


async def test_a_stream_that_was_cancelled_here_is_told_to_who_waits_for_it():
    method = Watched("Tell")
    async with echoing(Tell=method.method) as (_, stub):
        called = stub.Tell(EchoRequest())
        waiting = asyncio.ensure_future(anext(called))
        await method.begun.wait()

        called.cancel()

        with pytest.raises(Cancelled, match="echo"):
            await waiting


@pytest.mark.parametrize("name", SHAPES)
async def test_closing_the_channel_ends_its_calls(name):
    method = Watched(name)
    async with echoing(**{name: method.method}) as (running, _):
        channel = running.connect()
        asking = asyncio.ensure_future(ask(EchoStub(channel), name))
        await method.begun.wait()

        await channel.close()

        with pytest.raises(Cancelled):
            await asking
        await method.ended.wait()


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("name", SHAPES)
async def test_a_channel_that_was_closed_stays_closed(name, begun):
    async with echoing() as (running, _):
        channel = running.connect()
        if begun:
            await ask(EchoStub(channel), name)
        await channel.close()

        with pytest.raises(Cancelled, match="was closed") as refused:
            await ask(EchoStub(channel), name)

        assert refused.value.reason == "CHANNEL_CLOSED"
        with pytest.raises(Cancelled):
            channel.get_state()
        await channel.close()


@pytest.mark.parametrize("name", ["Gather", "Talk"])
async def test_an_error_among_the_requests_is_the_callers_own(name):
    method = Watched(name)

    async def requests():
        yield EchoRequest()
        await method.begun.wait()
        raise LookupError("my own mistake")

    async with echoing(**{name: method.method}) as (_, stub):
        called = getattr(stub, name)(requests())
        with pytest.raises(LookupError, match="my own mistake"):
            await (anext(called) if name == "Talk" else called)

        assert (await method.status()).code is Code.CANCELLED


@pytest.mark.parametrize("name", ["Gather", "Talk"])
@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_server_that_has_heard_enough_says_how_it_ended(name, size):
    closed = asyncio.Event()

    async def refuses(requests, context):
        async for _ in requests:
            raise NotFound("enough")

    async def refuses_later(requests, context):
        async for _ in requests:
            yield EchoResponse()
            raise NotFound("enough")

    async def requests():
        try:
            while True:
                yield EchoRequest(padding="x" * size)
        finally:
            closed.set()

    acts = {"Gather": refuses, "Talk": refuses_later}
    async with echoing(**acts) as (_, stub):
        for _ in range(10):
            closed.clear()
            called = getattr(stub, name)(requests())
            with pytest.raises(NotFound, match="enough"):
                await answers_of(called)
            await closed.wait()


async def test_half_a_stream_never_passes_for_the_whole():
    ends = []

    async def gather(requests, context):
        try:
            async for _ in requests:
                begun.set()
            ends.append("whole")
        except asyncio.CancelledError:
            ends.append("half")
            raise
        finally:
            ended.set()
        return EchoResponse()

    async def requests():
        yield EchoRequest()
        await asyncio.Event().wait()

    async with echoing(Gather=gather) as (_, stub):
        for _ in range(20):
            begun, ended = asyncio.Event(), asyncio.Event()
            asking = asyncio.ensure_future(stub.Gather(requests()))
            await begun.wait()
            asking.cancel()
            await ended.wait()

    assert ends == ["half"] * 20


async def test_a_call_is_a_coroutine_like_any_other():
    async with echoing() as (_, stub), asyncio.TaskGroup() as tasks:
        said = [tasks.create_task(stub.Say(EchoRequest(text=text))) for text in "abc"]

    assert [task.result().text for task in said] == ["a", "b", "c"]


@pytest.mark.parametrize("name", SHAPES)
async def test_messages_may_be_bytes(name):
    async with echoing() as (running, _):
        data = EchoRequest(text="hi", count=1).SerializeToString()
        called = raw(running.channel, name)([data] if METHODS[name][0] else data)
        [answer] = await answers_of(called)

    assert EchoResponse.FromString(answer).text.startswith("hi")


@pytest.mark.parametrize("name", SHAPES)
async def test_bytes_that_are_no_message_are_refused(name):
    async with echoing() as (running, _):
        asks, answers, _, _ = METHODS[name]
        called = raw(running.channel, name)([b"\xff"] if asks else b"\xff")
        with pytest.raises(InvalidArgument, match=name) as raised:
            await (anext(called) if answers else called)

    assert raised.value.reason == "MALFORMED_MESSAGE"


async def test_an_answer_that_is_no_message_is_not_the_callers_fault():
    async def broken(request, context):
        return EchoResponse(text="\x08")  # read as a message, this is one that was cut off

    async with echoing(Say=broken) as (running, _):
        say = running.channel.unary_unary(
            f"/{SERVICE}/Say", response_deserializer=descriptor_pb2.FileDescriptorSet.FromString
        )
        with pytest.raises(Internal, match="same contracts") as raised:
            await say(b"")

    assert raised.value.reason == "MALFORMED_MESSAGE"


async def test_metadata_passes_both_ways_before_and_after_the_messages():
    async def say(request, context):
        [asked] = [value for key, value in current().metadata if key == "x-asked"]
        await context.send_initial_metadata((("x-before", asked), ("x-raw-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-after", "z"),))
        assert context.trailing_metadata() == (("x-after", "z"),)
        return EchoResponse()

    async def tell(request, context):
        await context.send_initial_metadata((("x-before", "a"),))
        yield EchoResponse()
        context.set_trailing_metadata((("x-after", "z"),))

    async with echoing(Say=say, Tell=tell) as (_, stub):
        said = stub.Say(EchoRequest(), metadata=(("X-Asked", "b"),))
        await said
        told = stub.Tell(EchoRequest())
        before = await told.initial_metadata()
        await anext(told)
        seen = list(told.call.initial)
        assert [answer async for answer in told] == []

    assert {("x-before", "b"), ("x-raw-bin", b"\x00\xff")} <= set(said.call.initial)
    assert ("x-after", "z") in said.call.trailing
    assert ("x-before", "a") in before
    assert ("x-before", "a") in seen
    assert ("x-after", "z") in told.call.trailing
    assert said.call.status.code is told.call.status.code is Code.OK


async def test_an_error_has_metadata_too():
    async def say(request, context):
        context.set_trailing_metadata((("x-after", "z"),))
        raise NotFound("no")

    async with echoing(Say=say) as (_, stub):
        said = stub.Say(EchoRequest())
        with pytest.raises(NotFound):
            await said

    assert said.call.trailing == [("x-after", "z")]
    assert said.call.status.code is Code.NOT_FOUND


async def test_a_servicer_may_read_and_write_by_its_context():
    async def talk(requests, context):
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(EchoResponse(text=request.text))

    async def gather(requests, context):
        first = await context.read()
        return EchoResponse(text=first.text + "".join([each.text async for each in requests]))

    async with echoing(Talk=talk, Gather=gather) as (_, stub):
        requests = [EchoRequest(text=text) for text in "abc"]

        assert [answer.text async for answer in stub.Talk(requests)] == ["a", "b", "c"]
        assert (await stub.Gather(requests)).text == "abc"


async def test_a_servicer_may_abort_by_its_context():
    async def say(request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", (("x-after", "z"),))

    async def tell(request, context):
        rich = status_pb2.Status(code=9, message="rich")
        await context.abort_with_status(rpc_status.to_status(rich))
        yield EchoResponse()

    async with echoing(Say=say, Tell=tell) as (_, stub):
        said = stub.Say(EchoRequest())
        with pytest.raises(NotFound, match="gone"):
            await said
        with pytest.raises(Exception, match="rich") as raised:
            await ask(stub, "Tell")

    assert ("x-after", "z") in said.call.trailing
    assert raised.value.code is Code.FAILED_PRECONDITION


async def test_aborting_with_ok_is_a_bug(caplog):
    async def say(request, context):
        await context.abort(grpc.StatusCode.OK, "fine")

    async with echoing(Say=say) as (_, stub):
        with pytest.raises(Internal):
            await stub.Say(EchoRequest())

    assert "return instead" in caplog.text


@pytest.mark.parametrize("name", SHAPES)
async def test_a_servicer_may_set_a_code_in_place_of_raising(name):
    async def answer(request, context):
        context.set_code(grpc.StatusCode.NOT_FOUND)
        context.set_details("gone")
        assert (context.code(), context.details()) == (grpc.StatusCode.NOT_FOUND, "gone")

    async def stream(request, context):
        await answer(request, context)
        yield EchoResponse()

    act = stream if METHODS[name][1] else answer
    async with echoing(**{name: act}) as (_, stub):
        with pytest.raises(NotFound, match="gone"):
            await ask(stub, name)


async def test_a_context_knows_what_grpc_knows():
    known = {}

    async def say(request, context):
        context.set_compression(grpc.Compression.NoCompression)
        context.disable_next_message_compression()
        context.add_done_callback(lambda _: done.set())
        known.update(
            peer=context.peer(),
            left=context.time_remaining(),
            over=(context.cancelled(), context.done()),
            identity=(context.peer_identities(), context.peer_identity_key()),
            auth=context.auth_context(),
            asked=dict(context.invocation_metadata())["x-asked"],
        )
        return EchoResponse()

    async def tell(request, context):
        known["endless"] = context.time_remaining()
        yield EchoResponse()

    done = asyncio.Event()
    async with echoing(Say=say, Tell=tell) as (_, stub):
        await stub.Say(EchoRequest(), metadata=(("x-asked", "b"),), timeout=5)
        await ask(stub, "Tell")
        await done.wait()

    assert known["peer"].startswith("ipv4:127.0.0.1:")
    assert 4 < known["left"] <= 5.1  # gRPC rounds
    assert known["endless"] is None
    assert known["over"] == (False, False)
    assert known["identity"] == (None, None)
    assert known["auth"]["transport_security_type"] == [b"insecure"]
    assert known["asked"] == "b"


async def test_a_method_that_does_not_exist_is_not_implemented():
    async with echoing() as (running, _):
        with pytest.raises(Unimplemented):
            await running.channel.unary_unary(f"/{SERVICE}/Sing")(b"")


@pytest.mark.parametrize("name", SHAPES)
async def test_a_method_that_nobody_wrote_is_not_implemented(name, caplog):
    def generated(request, context):
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    async with echoing(**{name: generated}) as (_, stub):
        with pytest.raises(Unimplemented, match="not implemented"):
            await ask(stub, name)

    assert "a bug ended" not in caplog.text


async def test_a_method_that_is_not_async_is_a_bug_that_says_what_to_write(caplog):
    async with echoing(Say=lambda request, context: EchoResponse()) as (_, stub):
        with pytest.raises(Internal):
            await stub.Say(EchoRequest())

    assert "write `async def Say`" in caplog.text


async def test_a_method_that_raises_not_implemented_itself_has_a_bug(caplog):
    def unfinished(request, context):
        raise NotImplementedError

    async with echoing(Say=unfinished) as (_, stub):
        with pytest.raises(Internal):
            await stub.Say(EchoRequest())

    assert "a bug ended" in caplog.text


async def test_an_interceptor_that_fails_does_not_leave_the_caller_without_an_answer(caplog):
    @asynccontextmanager
    async def fails_late(call):
        yield
        raise RuntimeError(SECRET)

    server = grpcio.Server(
        find_method=known_method, stack_of=lambda _: (fails_late,), clock=SystemClock()
    )
    add_echo(Echo())(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connect("echo", target=f"127.0.0.1:{port}", environ={}) as channel:
        with pytest.raises(Internal, match="internal error"):
            await EchoStub(channel).Say(EchoRequest())
    await server.stop(None)

    assert "an interceptor failed" in caplog.text


@pytest.mark.parametrize("end", ["send", "receive"])
@pytest.mark.parametrize("over", [-1, 0, 1])
async def test_a_message_has_a_largest_size_both_ways(end, over):
    def padded(kind, field):
        frame = len(kind(**{field: "x" * 3_000_000}).SerializeToString()) - 3_000_000
        return kind(**{field: "x" * (grpcio.MAX_MESSAGE - frame + over)})

    async def say(request, context):
        return padded(EchoResponse, "owner") if end == "receive" else EchoResponse(text="ok")

    request = padded(EchoRequest, "padding") if end == "send" else EchoRequest()
    async with echoing(Say=say) as (_, stub):
        if over > 0:
            with pytest.raises(ResourceExhausted, match=str(grpcio.MAX_MESSAGE)):
                await stub.Say(request)
        else:
            assert await stub.Say(request)


async def test_a_server_that_is_not_there_is_named():
    async with echoing() as (running, _):
        target = running.target
    async with connect("echo", target=target, environ={}) as channel:
        said = EchoStub(channel).Say(EchoRequest())
        with pytest.raises(Unavailable, match=f"echo does not answer at {target}") as raised:
            await said

    assert (raised.value.reason, raised.value.domain) == ("UNREACHABLE", "")
    assert raised.value.metadata == {"service": "echo"}
    assert said.call.status.code is Code.UNAVAILABLE


async def test_a_server_that_comes_back_is_found_again():
    async with echoing() as (running, _):
        target, port = running.target, int(running.target.rpartition(":")[2])
    async with connect("echo", target=target, environ={}) as channel:
        stub = EchoStub(channel)
        with pytest.raises(Unavailable):
            await stub.Say(EchoRequest())

        again = Server(Settings(port=port, drain_delay=0), add_echo(Echo()), name="echo")
        await again.start()

        async with asyncio.timeout(2):
            assert (await stub.Say(EchoRequest(text="hi"), wait_for_ready=True)).text == "hi"
        await again.stop()


async def test_a_server_that_stops_lets_calls_finish_and_ends_the_rest_kindly():
    go = asyncio.Event()
    short, long = Watched("Say", go.wait), Watched("Tell")
    server = grpcio.Server(
        find_method=known_method, stack_of=lambda _: (status("echo.shop"),), clock=SystemClock()
    )
    add_echo(Echo(Say=short.method, Tell=long.method))(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connect("echo", target=f"127.0.0.1:{port}", environ={}) as channel:
        stub = EchoStub(channel)
        said = asyncio.ensure_future(stub.Say(EchoRequest(), timeout=PATIENCE))
        told = asyncio.ensure_future(anext(stub.Tell(EchoRequest())))
        await asyncio.gather(short.begun.wait(), long.begun.wait())

        stopping = asyncio.ensure_future(server.stop(0.3))
        go.set()

        assert (await said).text == "done"
        with pytest.raises(Unavailable) as raised:
            await told
        await stopping
        timed_out = await server.wait_for_termination(PATIENCE)
        assert not timed_out

    assert (raised.value.reason, raised.value.domain) == ("SERVER_STOPPING", "echo.shop")
    assert (await long.status()).code is Code.UNAVAILABLE


async def test_handlers_by_any_name_are_refused():
    class Anything(grpc.GenericRpcHandler):
        def service(self, handler_call_details):
            return None

    def register(server):
        server.add_generic_rpc_handlers((Anything(),))

    with pytest.raises(TypeError, match="methods of contracts"):
        async with serving(register):
            pass


async def test_a_server_can_have_a_port_with_credentials():
    server = grpcio.Server(find_method=known_method, stack_of=lambda _: (), clock=SystemClock())
    add_echo(Echo())(server)

    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())

    assert port > 0
    await server.start()
    await server.stop(0)


async def test_a_channel_tells_its_state():
    async with echoing() as (running, _):
        channel = running.connect()
        before = channel.get_state(try_to_connect=True)
        await channel.wait_for_state_change(before)
        await channel.channel_ready()

        assert channel.get_state() is grpc.ChannelConnectivity.READY
