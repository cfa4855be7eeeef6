"""Promises of the span around a call."""

import asyncio
import contextvars
import logging

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode

from plait.errors import Code, NotFound
from plait.mesh.call import Call, Side, Status
from plait.mesh.interceptors.tracing import tracing
from plait.mesh.method import Method
from plait.telemetry import providers
from plait.telemetry.recording import Recording

GET = Method(service="shop.v1.Shop", name="Get", client_streaming=False, server_streaming=False)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = ("traceparent", f"00-{TRACE}-{PARENT}-01")
SECRET = "hunter2"
FAULTS = {
    *(Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED),
    *(Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS),
}


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def tracer(recording):
    return recording.tracers.get_tracer("test")


@pytest.fixture
def surround(recording):
    return tracing(recording.tracers)


@pytest.fixture
def complaints(caplog):
    """What OpenTelemetry complains about, for example a context that cannot be detached."""
    return lambda: [r for r in caplog.records if r.levelno >= logging.WARNING]


def served(*metadata, peer="ipv4:127.0.0.1:40000"):
    return Call(method=GET, side=Side.SERVER, metadata=list(metadata), peer=peer)


def asked(*metadata, peer="127.0.0.1:9092"):
    return Call(method=GET, side=Side.CLIENT, metadata=list(metadata), peer=peer)


async def run(surround, call, code=Code.OK):
    async with surround(call):
        call.status = Status(code=code)


# Names


async def test_a_served_call_is_a_server_span(recording, surround):
    await run(surround, served())

    [span] = recording.spans()
    assert span.name == "shop.v1.Shop/Get"
    assert span.kind is SpanKind.SERVER
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "shop.v1.Shop/Get",
        "rpc.response.status_code": "OK",
        "client.address": "127.0.0.1",
        "client.port": 40000,
    }


async def test_a_call_that_is_made_is_a_client_span(recording, surround):
    await run(surround, asked())

    [span] = recording.spans()
    assert span.name == "shop.v1.Shop/Get"
    assert span.kind is SpanKind.CLIENT
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "shop.v1.Shop/Get",
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": 9092,
    }


@pytest.mark.parametrize(
    ("peer", "address", "port"),
    [
        ("ipv4:10.0.0.1:80", "10.0.0.1", 80),
        ("ipv6:[::1]:80", "::1", 80),
        ("ipv6:%5B::1%5D:80", "::1", 80),
        ("dns:///catalog.shop.svc:9090", "catalog.shop.svc", 9090),
        ("catalog:9092", "catalog", 9092),
        ("unix:/run/catalog.sock", "/run/catalog.sock", None),
        ("unix-abstract:catalog", "catalog", None),
        ("catalog", "catalog", None),
        ("", None, None),
    ],
)
async def test_the_other_end_is_named(recording, surround, peer, address, port):
    await run(surround, asked(peer=peer))

    [span] = recording.spans()
    assert span.attributes.get("server.address") == address
    assert span.attributes.get("server.port") == port


async def test_an_end_that_is_known_only_later_is_named_too(recording, surround):
    call = asked(peer="")
    async with surround(call):
        call.peer = "ipv4:10.0.0.1:80"

    assert recording.spans()[0].attributes["server.address"] == "10.0.0.1"


async def test_metadata_is_never_recorded(recording, surround):
    await run(surround, served(("authorization", SECRET), ("x-card-bin", SECRET.encode())))

    assert SECRET not in recording.spans()[0].to_json()


# Outcomes


@pytest.mark.parametrize("code", list(Code))
async def test_a_server_span_is_an_error_where_the_fault_is_the_servers(recording, surround, code):
    await run(surround, served(), code)

    [span] = recording.spans()
    assert span.attributes["rpc.response.status_code"] == code.name
    assert span.attributes.get("error.type") == (code.name if code in FAULTS else None)
    assert span.status.status_code is (StatusCode.ERROR if code in FAULTS else StatusCode.UNSET)


@pytest.mark.parametrize("code", list(Code))
async def test_a_client_span_is_an_error_unless_it_is_ok(recording, surround, code):
    await run(surround, asked(), code)

    [span] = recording.spans()
    failed = code is not Code.OK
    assert span.attributes["rpc.response.status_code"] == code.name
    assert span.attributes.get("error.type") == (code.name if failed else None)
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)


@pytest.mark.parametrize("make", [served, asked])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("no"), "NOT_FOUND"),
        (asyncio.CancelledError(), "CANCELLED"),
        (ValueError(SECRET), "UNKNOWN"),
    ],
)
async def test_an_exception_goes_on_and_ends_the_span_once(recording, surround, make, error, code):
    with pytest.raises(type(error)) as caught:
        async with surround(make()):
            raise error

    [span] = recording.spans()
    assert caught.value is error
    assert span.attributes["rpc.response.status_code"] == code
    assert SECRET not in span.to_json()


async def test_a_status_that_was_set_before_the_exception_counts(recording, surround):
    call = served()
    call.status = Status(code=Code.DEADLINE_EXCEEDED)
    with pytest.raises(asyncio.CancelledError):
        async with surround(call):
            raise asyncio.CancelledError

    assert recording.spans()[0].attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED"


async def test_a_bug_is_recorded_with_its_place(recording, surround):
    with pytest.raises(ZeroDivisionError):
        async with surround(served()):
            _ = 1 / 0

    [event] = recording.spans()[0].events
    assert event.attributes["exception.type"] == "ZeroDivisionError"
    assert "test_tracing.py" in event.attributes["exception.stacktrace"]


@pytest.mark.parametrize("error", [NotFound("no"), asyncio.CancelledError()])
async def test_what_is_no_bug_is_not_recorded(recording, surround, error):
    with pytest.raises(type(error)):
        async with surround(served()):
            raise error

    assert not recording.spans()[0].events


@pytest.mark.parametrize("make", [served, asked])
async def test_a_call_that_is_cancelled_ends_its_span(recording, surround, make):
    begun = asyncio.Event()

    async def handler():
        async with surround(make()):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(handler())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    [span] = recording.spans()
    assert span.attributes["rpc.response.status_code"] == "CANCELLED"


# Context


async def test_a_served_call_is_a_child_of_the_callers_span(recording, surround):
    await run(surround, served(TRACEPARENT, ("tracestate", "vendor=1")))

    [span] = recording.spans()
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.parent.is_remote
    assert span.context.trace_state.get("vendor") == "1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        f"00-{TRACE}-{PARENT}",
        f"00-{'0' * 32}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        "0" * 600,
        b"bytes",
    ],
)
async def test_a_broken_context_begins_a_new_trace(recording, surround, header):
    await run(surround, served(("traceparent", header)))

    [span] = recording.spans()
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" != TRACE


async def test_what_the_process_does_of_its_own_is_no_parent_of_a_served_call(
    recording, surround, tracer
):
    with tracer.start_as_current_span("startup"):
        await run(surround, served())

    assert recording.spans()[0].parent is None


async def test_spans_inside_of_a_served_call_are_its_children(recording, surround, tracer):
    async with surround(served(TRACEPARENT)):
        with tracer.start_as_current_span("database"):
            pass
        await run(surround, asked())

    database, client, server = recording.spans()
    assert database.parent == client.parent == server.context


async def test_after_a_served_call_the_context_is_what_it_was(surround, tracer):
    with tracer.start_as_current_span("before") as before:
        await run(surround, served(TRACEPARENT))

        assert trace.get_current_span() is before


async def test_a_call_that_is_made_takes_the_trace_along(recording, surround, tracer):
    call = asked(("authorization", "Bearer x"))
    with tracer.start_as_current_span("work") as work:
        await run(surround, call)

    client = recording.spans()[0]
    flags = f"{client.context.trace_flags:02x}"
    sent = f"00-{client.context.trace_id:032x}-{client.context.span_id:016x}-{flags}"
    assert client.parent == work.get_span_context()
    assert call.metadata == [("authorization", "Bearer x"), ("traceparent", sent)]


async def test_a_context_that_was_passed_on_by_hand_is_replaced(recording, surround):
    call = asked(TRACEPARENT, ("x", "1"), TRACEPARENT)

    await run(surround, call)

    [sent] = [value for key, value in call.metadata if key == "traceparent"]
    assert f"{recording.spans()[0].context.span_id:016x}" in sent


async def test_while_a_call_runs_the_callers_span_stays_the_current_one(surround, tracer):
    with tracer.start_as_current_span("work") as work:
        async with surround(asked()):
            assert trace.get_current_span() is work


async def test_baggage_goes_on_over_a_hop(surround):
    call = asked()
    async with surround(served(("baggage", "tenant=t1,colour=blue"))):
        assert baggage.get_baggage("tenant") == "t1"
        await run(surround, call)

    assert dict(call.metadata)["baggage"] == "tenant=t1,colour=blue"
    assert baggage.get_baggage("tenant") is None


@pytest.mark.parametrize(("size", "sent"), [(2047, True), (2048, True), (2049, False)])
async def test_baggage_that_would_fill_the_metadata_stays_behind(surround, size, sent):
    call = asked()
    token = attach(baggage.set_baggage("k", "v" * (size - len("k="))))
    try:
        await run(surround, call)
    finally:
        detach(token)

    assert ("baggage" in dict(call.metadata)) is sent


async def test_without_any_provider_the_callers_trace_still_goes_on(monkeypatch):
    monkeypatch.setattr(providers._Installed, "tracers", trace.NoOpTracerProvider())
    surround, call = tracing(), asked()

    async with surround(served(TRACEPARENT)):
        await run(surround, call)

    assert TRACEPARENT in call.metadata


async def test_without_a_provider_of_its_own_it_uses_that_of_the_process(monkeypatch, recording):
    monkeypatch.setattr(providers._Installed, "tracers", recording.tracers)

    await run(tracing(), served())

    assert len(recording.spans()) == 1


# Streams


async def test_a_stream_that_nobody_reads_any_more_ends_its_span(recording, surround, complaints):
    async def messages():
        async with surround(served()):
            yield 1
            yield 2

    stream = messages()
    assert await anext(stream) == 1
    # Another task closes it, as the event loop does with a stream that was forgotten.
    await asyncio.create_task(stream.aclose(), context=contextvars.Context())

    [span] = recording.spans()
    assert span.attributes["rpc.response.status_code"] == "CANCELLED"
    assert not span.events
    assert complaints() == []


async def test_the_reader_of_a_stream_is_not_inside_of_the_call(recording, surround, tracer):
    async def messages():
        async with surround(asked()):
            yield 1
            yield 2

    async for _ in messages():
        with tracer.start_as_current_span("reader"):
            pass

    readers = [span for span in recording.spans() if span.name == "reader"]
    assert [span.parent for span in readers] == [None, None]


async def test_many_calls_at_once_do_not_mix(recording, surround, tracer):
    async def handler(number):
        trace_id = f"{number:032x}"
        async with surround(served(("traceparent", f"00-{trace_id}-{PARENT}-01"))):
            await asyncio.sleep(0)
            with tracer.start_as_current_span(trace_id):
                await asyncio.sleep(0)

    await asyncio.gather(*(handler(number) for number in range(1, 50)))

    inner = [span for span in recording.spans() if span.kind is SpanKind.INTERNAL]
    assert len(inner) == 49
    assert all(span.name == f"{span.context.trace_id:032x}" for span in inner)
