"""Promises of traces, metrics and logs over a real wire, for every shape of method."""

import asyncio
import io
import json
import logging

import pytest
from opentelemetry.trace import SpanKind

from plait.errors import DeadlineExceeded, Internal, NotFound
from plait.mesh.interceptors.metrics import CLIENT_DURATION, SERVER_DURATION
from plait.telemetry import providers
from plait.telemetry.logs import JsonLines
from plait.telemetry.recording import Recording
from plait.testing import serving
from tests.mesh.echo import Echo, EchoRequest, EchoResponse, EchoStub, add_echo

SECRET = "hunter2"
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER


@pytest.fixture
def recording(monkeypatch):
    recording = Recording()
    monkeypatch.setattr(providers._Installed, "tracers", recording.tracers)
    monkeypatch.setattr(providers._Installed, "meters", recording.meters)
    return recording


@pytest.fixture
def lines():
    """What is logged, as the process would write it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(service="test"))
    logger = logging.getLogger("plait")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


async def requests(*texts):
    for text in texts:
        yield EchoRequest(text=text)


async def say(echo):
    await echo.Say(EchoRequest(text="a"))


async def tell(echo):
    assert len([message async for message in echo.Tell(EchoRequest(text="a", count=3))]) == 3


async def gather(echo):
    await echo.Gather(requests("a", "b"))


async def talk(echo):
    assert len([message async for message in echo.Talk(requests("a", "b"))]) == 2


def both(recording):
    """The client's and the server's span: there are no others."""
    spans = recording.spans()
    assert sorted(span.kind.name for span in spans) == ["CLIENT", "SERVER"]
    return {span.kind: span for span in spans}


def codes(recording):
    return {
        kind: span.attributes["rpc.response.status_code"] for kind, span in both(recording).items()
    }


@pytest.mark.parametrize("act", [say, tell, gather, talk])
async def test_each_shape_of_call_is_one_trace(recording, act):
    async with serving(add_echo(Echo())) as shop:
        await act(EchoStub(shop.channel))

    spans = both(recording)
    assert spans[SERVER].parent.span_id == spans[CLIENT].context.span_id
    assert spans[SERVER].context.trace_id == spans[CLIENT].context.trace_id
    assert spans[SERVER].name == f"plait.test.v1.EchoService/{act.__name__.capitalize()}"
    assert codes(recording) == {CLIENT: "OK", SERVER: "OK"}
    assert spans[CLIENT].attributes["server.address"] == "127.0.0.1"
    assert spans[SERVER].attributes["client.address"] == "127.0.0.1"


@pytest.mark.parametrize("act", [say, tell, gather, talk])
async def test_each_shape_of_call_is_measured_once_at_each_end(recording, act):
    async with serving(add_echo(Echo())) as shop:
        await act(EchoStub(shop.channel))

    for name in (CLIENT_DURATION, SERVER_DURATION):
        [point] = recording.histogram(name)
        assert point.count == 1


@pytest.mark.parametrize("act", [say, tell, gather, talk])
async def test_each_shape_of_call_is_one_line_inside_of_its_span(recording, lines, act):
    async with serving(add_echo(Echo())) as shop:
        await act(EchoStub(shop.channel))

    [line] = [line for line in lines() if line["logger"] == "plait.calls"]
    span = both(recording)[SERVER]
    assert line["message"].endswith(f"/{act.__name__.capitalize()} OK")
    assert line["trace_id"] == f"{span.context.trace_id:032x}"
    assert line["span_id"] == f"{span.context.span_id:016x}"


def unary(act):
    async def method(request, context):
        return await act()

    return method


def stream(act):
    async def method(request, context):
        yield EchoResponse(text="first")
        await act()

    return method


async def not_found():
    raise NotFound("there is none")


async def fail():
    raise ValueError(SECRET)


async def wait():
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("act", "echo"), [(say, Echo(Say=unary(not_found))), (tell, Echo(Tell=stream(not_found)))]
)
async def test_an_error_is_no_fault_of_the_server(recording, act, echo):
    async with serving(add_echo(echo)) as shop:
        with pytest.raises(NotFound):
            await act(EchoStub(shop.channel))

    spans = both(recording)
    assert codes(recording) == {CLIENT: "NOT_FOUND", SERVER: "NOT_FOUND"}
    assert spans[CLIENT].status.is_ok is False
    assert spans[SERVER].status.is_unset is True
    assert not spans[SERVER].events


@pytest.mark.parametrize(
    ("act", "echo"), [(say, Echo(Say=unary(fail))), (tell, Echo(Tell=stream(fail)))]
)
async def test_a_bug_is_recorded_where_it_happened_and_without_its_text(recording, act, echo):
    async with serving(add_echo(echo)) as shop:
        with pytest.raises(Internal):
            await act(EchoStub(shop.channel))

    spans = both(recording)
    [event] = spans[SERVER].events
    assert codes(recording) == {CLIENT: "INTERNAL", SERVER: "INTERNAL"}
    assert event.attributes["exception.type"] == "ValueError"
    assert "in fail" in event.attributes["exception.stacktrace"]
    assert not spans[CLIENT].events
    assert SECRET not in spans[SERVER].to_json() + spans[CLIENT].to_json()


async def test_a_bug_is_logged_inside_of_its_span_and_without_its_text(recording, lines):
    async with serving(add_echo(Echo(Say=unary(fail)))) as shop:
        with pytest.raises(Internal):
            await say(EchoStub(shop.channel))

    [line] = [line for line in lines() if "exception" in line]
    assert line["message"] == "a bug ended /plait.test.v1.EchoService/Say"
    assert line["exception"] == "ValueError"
    assert line["span_id"] == f"{both(recording)[SERVER].context.span_id:016x}"
    assert SECRET not in str(lines())


@pytest.mark.parametrize("act", [say, tell])
async def test_a_call_that_the_caller_cancels_ends_at_both_ends(recording, act):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def linger():
        begun.set()
        try:
            await wait()
        finally:
            ended.set()

    async with serving(add_echo(Echo(Say=unary(linger), Tell=stream(linger)))) as shop:
        task = asyncio.create_task(act(EchoStub(shop.channel)))
        async with asyncio.timeout(5):
            await begun.wait()
            task.cancel()
            await ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert codes(recording) == {CLIENT: "CANCELLED", SERVER: "CANCELLED"}


@pytest.mark.parametrize(("name", "shape"), [("SayBriefly", unary), ("TellBriefly", stream)])
async def test_a_deadline_ends_a_call_at_both_ends(recording, name, shape):
    async with serving(add_echo(Echo(**{name: shape(wait)}))) as shop:
        call = getattr(EchoStub(shop.channel), name)(EchoRequest())
        with pytest.raises(DeadlineExceeded):
            await (call if shape is unary else collect(call))

    assert codes(recording) == {CLIENT: "DEADLINE_EXCEEDED", SERVER: "DEADLINE_EXCEEDED"}


async def collect(messages):
    return [message async for message in messages]


async def test_a_stream_that_its_reader_leaves_ends_at_both_ends(recording):
    ended = asyncio.Event()

    async def linger():
        try:
            await wait()
        finally:
            ended.set()

    async with serving(add_echo(Echo(Tell=stream(linger)))) as shop:
        messages = EchoStub(shop.channel).Tell(EchoRequest())
        async with asyncio.timeout(5):
            async for message in messages:
                assert message.text == "first"
                messages.cancel()
                break
            await ended.wait()

    assert codes(recording) == {CLIENT: "CANCELLED", SERVER: "CANCELLED"}


async def test_a_call_inside_of_a_call_is_the_same_trace(recording):
    async with serving(add_echo(Echo())) as inner:

        async def ask():
            return await EchoStub(inner.channel).Say(EchoRequest(text="b"))

        async with serving(add_echo(Echo(Say=unary(ask)))) as outer:
            await say(EchoStub(outer.channel))

    spans = sorted(recording.spans(), key=lambda span: span.start_time)
    assert [span.kind for span in spans] == [CLIENT, SERVER, CLIENT, SERVER]
    assert [span.parent and span.parent.span_id for span in spans[1:]] == [
        span.context.span_id for span in spans[:-1]
    ]
