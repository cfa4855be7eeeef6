import asyncio
import gzip
import json
from contextlib import suppress

import pytest
from google.rpc.status_pb2 import Status
from httpx import ASGITransport, AsyncClient
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from plait.console.golden import GoldenSignals
from plait.console.otlp import Intake, Receiver
from plait.console.store import Limits, TraceStore

BINARY = "application/x-protobuf"


def spans(count: int = 1, first: int = 1, **more: object) -> bytes:
    made = [
        trace_pb2.Span(
            **{"trace_id": b"t" * 16, "span_id": number.to_bytes(8), "name": "Get", **more}
        )
        for number in range(first, first + count)
    ]
    group = trace_pb2.ResourceSpans(scope_spans=[trace_pb2.ScopeSpans(spans=made)])
    return ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()


@pytest.fixture
def store() -> TraceStore:
    return TraceStore(Limits(trace_spans=1200))


@pytest.fixture
def receiver(store, clock) -> Receiver:
    return Receiver(
        store, GoldenSignals(), clock, Intake(body_bytes=700_000, patience=0.01, requests=2)
    )


@pytest.fixture
async def client(receiver):
    async with AsyncClient(
        transport=ASGITransport(receiver.app()), base_url="http://localhost"
    ) as made:
        yield made


async def post(client, body=b"", path="/v1/traces", **headers: str):
    sent = {"content-type": BINARY} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return await client.post(path, content=body, headers=sent)


async def test_spans_are_kept_and_the_answer_is_empty(client, store):
    answer = await post(client, spans(3))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == BINARY
    assert len(store.get((b"t" * 16).hex()).spans) == 3


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_json_is_answered_in_json(client, store, content_type):
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "Get"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()

    answer = await post(client, body, content_type=content_type)

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert store.get("a" * 32) is not None


async def test_packed_spans_are_kept(client, store):
    answer = await post(client, gzip.compress(spans()), content_encoding="gzip")

    assert answer.status_code == 200
    assert len(store) == 1


async def test_spans_that_cannot_be_kept_are_counted_with_the_reason(client, store):
    await post(client, spans(1200))

    beyond = await post(client, spans(2, first=5000))
    without = await post(client, spans(3, trace_id=b""))

    partial = ExportTraceServiceResponse.FromString(beyond.content).partial_success
    assert partial.rejected_spans == 2
    assert partial.error_message.startswith("2 refused: beyond 1200 spans")
    partial = ExportTraceServiceResponse.FromString(without.content).partial_success
    assert partial.rejected_spans == 3
    assert "no valid trace id" in partial.error_message
    assert store.get((b"t" * 16).hex()).refused == 2


INVALID, TOO_MUCH = 3, 8  # google.rpc.Code
JSON_NUMBERS = b'{"x": [' + b"1," * 250_000 + b"1]}"


@pytest.mark.parametrize(
    ("body", "headers", "said", "words"),
    [
        (b"\xff", {}, (400, INVALID), "expected a binary"),
        (b"{", {"content_type": "application/json"}, (400, INVALID), "line 1, column 2"),
        (b"x", {"content_encoding": "gzip"}, (400, INVALID), "gzip"),
        (b"x" * 700_001, {}, (413, TOO_MUCH), "700000 bytes"),
        (b"\x0a\x00" * 100_001, {}, (413, TOO_MUCH), "100000 fields"),
        (JSON_NUMBERS, {"content_type": "application/json"}, (413, TOO_MUCH), "250000 values"),
        (b"x", {"content_type": "text/plain"}, (415, INVALID), "x-protobuf or application/json"),
        (b"x", {"content_type": ""}, (415, INVALID), "Content-Type"),
        (b"x", {"content_encoding": "zstd"}, (415, INVALID), "zstd"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_with_a_status(
    client, body, headers, said, words
):
    answer = await post(client, body, **headers)

    if answer.headers["content-type"] == BINARY:
        status = Status.FromString(answer.content)
    else:
        status = Status(**answer.json())
    assert (answer.status_code, status.code) == said
    assert words in status.message


async def test_a_signal_without_a_receiver_is_not_found(client):
    answer = await post(client, b"", "/v1/logs")

    assert answer.status_code == 404
    assert Status.FromString(answer.content).code == 12


async def test_only_post_is_taken(client):
    answer = await client.get("/v1/traces")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_too_many_exports_at_a_time_are_asked_to_come_again(receiver, client):
    released, reading = asyncio.Event(), asyncio.Semaphore(0)

    async def slow():
        reading.release()
        await released.wait()
        yield spans()

    receiver._intake = Intake(patience=10, requests=2)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(post(client, slow())) for _ in range(2)]
        for _ in waiting:
            await reading.acquire()

        refused = await post(client, spans())

        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert Status.FromString(refused.content).code == 14
        released.set()
    assert [task.result().status_code for task in waiting] == [200, 200]
    assert (await post(client, spans())).status_code == 200


async def test_a_body_that_comes_too_slowly_is_given_up(receiver, store):
    async def never():
        await asyncio.Event().wait()

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", BINARY.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/traces",
        "headers": headers,
        "query_string": b"",
    }
    await receiver.app()(scope, never, send)

    assert sent[0]["status"] == 408
    assert Status.FromString(sent[1]["body"]).message == "the body took more than 0.01 seconds"


async def test_a_body_longer_than_16_mib_is_refused_by_a_running_console(console):
    limit = 16 * 1024 * 1024
    below = b"\x7a" + b"\xfb\xff\xff\x07" + b"x" * (limit - 5)  # one field of the future
    assert len(below) == limit
    assert (await console.export(below)).status_code == 200

    assert (await console.export(below + b"\x50\x00")).status_code == 413
    assert (await console.export(gzip.compress(below), content_encoding="gzip")).status_code == 200
    packed = gzip.compress(b"\0" * (limit + 1))
    assert (await console.export(packed, content_encoding="gzip")).status_code == 413


async def test_a_flood_over_http_leaves_the_newest_and_a_live_console(start_console):
    console = await start_console(console_traces=50, console_spans=20, console_bytes=1024 * 1024)

    for batch in range(50):
        made = [
            trace_pb2.Span(
                trace_id=(1 + batch * 100 + number // 20).to_bytes(16),
                span_id=(1 + number).to_bytes(8),
                name=f"work {number}",
            )
            for number in range(2000)
        ]
        group = trace_pb2.ResourceSpans(scope_spans=[trace_pb2.ScopeSpans(spans=made)])
        body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
        assert (await console.export(body)).status_code == 200

    found = (await console.client.get("/api/traces?limit=1000")).json()
    assert found["stored"] == len(found["traces"]) <= 50
    assert found["evicted"] + found["stored"] == 50 * 100
    newest = f"{49 * 100 + 100:032x}"
    assert (await console.client.get(f"/api/traces/{newest}")).json()["spans"] == 20


@pytest.mark.parametrize("compression", list(Compression))
async def test_what_opentelemetrys_own_exporters_send_is_shown(console, compression):
    resource = Resource.create({"service.name": "catalog"})
    exporter = OTLPSpanExporter(console.otlp + "/v1/traces", compression=compression)
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], resource)
    durations = meters.get_meter("test").create_histogram("rpc.server.call.duration", unit="s")

    def work() -> str:
        tracer = provider.get_tracer("test", "1.0")
        with tracer.start_as_current_span("GET /v1/products", kind=SpanKind.SERVER) as root:
            with suppress(ValueError), tracer.start_as_current_span("SELECT") as query:
                query.set_attribute("db.system.name", "sqlite")
                raise ValueError("no such table")
            root.set_status(StatusCode.ERROR)
        durations.record(0.02, {"rpc.method": "shop.v1.Shop/Get"})
        metrics = OTLPMetricExporter(console.otlp + "/v1/metrics", compression=compression)
        metrics.export(reader.get_metrics_data())
        metrics.shutdown()
        provider.shutdown()
        meters.shutdown()
        return f"{root.get_span_context().trace_id:032x}"

    trace_id = await asyncio.to_thread(work)

    trace = (await console.client.get(f"/api/traces/{trace_id}")).json()
    root, query = trace["waterfall"]["rows"]
    assert (root["name"], root["service"], root["kind"]) == (
        "GET /v1/products",
        "catalog",
        "SERVER",
    )
    assert query["attributes"]["db.system.name"] == "sqlite"
    assert query["status_message"] == "ValueError: no such table"
    assert query["events"][0]["attributes"]["exception.type"] == "ValueError"
    assert trace["origins"][root["origin"]]["scope"] == "test 1.0"
    (service,) = (await console.client.get("/api/services")).json()["services"]
    assert service["methods"][0]["method"] == "shop.v1.Shop/Get"
    assert service["methods"][0]["calls"] == 1


async def test_metrics_in_json_are_taken(console):
    body = ExportMetricsServiceRequest().SerializeToString()

    binary = await console.export(body, "/v1/metrics")
    written = await console.export(b"{}", "/v1/metrics", content_type="application/json")

    assert (binary.status_code, binary.content) == (200, b"")
    assert (written.status_code, written.json()) == (200, {})
