import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from plait.console.span import Kind, Origin, Span
from plait.console.store import Trace
from plait.console.wire import COLORS, Palette, services_to, timestamp, trace_to


def pair(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def test_a_span_is_written_with_all_its_details():
    details = trace_pb2.Span(
        attributes=[pair("db.query.text", "SELECT 1")],
        events=[
            trace_pb2.Span.Event(name="retry", time_unix_nano=1030, attributes=[pair("a", "b")])
        ],
        links=[
            trace_pb2.Span.Link(trace_id=b"l" * 16, span_id=b"m" * 8, attributes=[pair("c", "d")])
        ],
        status=trace_pb2.Status(message="broken"),
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    origin = Origin(
        service="catalog",
        resource=Resource(attributes=[pair("service.name", "catalog")]).SerializeToString(),
        scope=InstrumentationScope(name="plait", version="1").SerializeToString(),
    )
    span = Span(
        trace_id="t",
        span_id="s",
        name="Get",
        kind=Kind.SERVER,
        start=1000,
        end=1100,
        error=True,
        code="INTERNAL",
        origin=origin,
        details=details.SerializeToString(),
    )

    body = trace_to(Trace(trace_id="t", spans=(span,), refused=4, version=1), Palette())

    assert body["refused_spans"] == 4
    assert body["waterfall"]["start_time"] == "1970-01-01T00:00:00.000001000Z"
    (row,) = body["waterfall"]["rows"]
    assert row == {
        "span_id": "s",
        "parent_span_id": "",
        "received": True,
        "depth": 0,
        "offset_nanos": 0,
        "duration_nanos": 100,
        "own_nanos": 100,
        "children": 0,
        "below": 0,
        "critical": [[0, 100]],
        "notes": [],
        "name": "Get",
        "service": "catalog",
        "color": 0,
        "kind": "SERVER",
        "error": True,
        "code": "INTERNAL",
        "origin": 0,
        "status_message": "broken",
        "attributes": {"db.query.text": "SELECT 1"},
        "events": [{"name": "retry", "offset_nanos": 30, "attributes": {"a": "b"}}],
        "links": [
            {"trace_id": (b"l" * 16).hex(), "span_id": (b"m" * 8).hex(), "attributes": {"c": "d"}}
        ],
        "dropped": 6,
    }
    assert body["origins"] == [
        {"service": "catalog", "resource": {"service.name": "catalog"}, "scope": "plait 1"}
    ]


def test_an_event_moves_with_the_corrected_clock_of_its_span(a_span):
    call = a_span(1, service="gateway", kind=Kind.CLIENT, start=1000, end=2000)
    details = trace_pb2.Span(events=[trace_pb2.Span.Event(name="e", time_unix_nano=150)])
    server = a_span(2, 1, kind=Kind.SERVER, start=100, end=600, details=details.SerializeToString())

    body = trace_to(Trace(trace_id="t", spans=(call, server), refused=0, version=1), Palette())

    row = body["waterfall"]["rows"][1]
    assert row["events"][0]["offset_nanos"] - row["offset_nanos"] == 50


def test_a_row_for_a_missing_parent_has_no_details(a_span):
    span = Span(
        trace_id="t",
        span_id="s",
        parent_id="p",
        name="x",
        start=0,
        end=1,
        origin=Origin(service="s"),
    )

    body = trace_to(Trace(trace_id="t", spans=(span,), refused=0, version=1), Palette())

    missing = body["waterfall"]["rows"][0]
    assert missing["received"] is False
    assert missing["span_id"] == "p"
    assert "name" not in missing
    assert body["complete"] is False


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1544712660123456789, "2018-12-13T14:51:00.123456789Z"),
        (2**64 - 1, "2554-07-21T23:34:33.709551615Z"),  # the largest that OTLP can say
    ],
)
def test_a_timestamp_keeps_all_its_nanoseconds(nanos, text):
    assert timestamp(nanos) == text


def test_a_service_keeps_its_colour_and_the_first_ones_have_different_ones():
    palette = Palette()

    colors = [palette.color(f"s{number}") for number in range(COLORS)]

    assert sorted(colors) == list(range(COLORS))
    assert palette.color("s3") == colors[3]


def test_the_memory_for_colours_is_bounded():
    palette = Palette()

    for number in range(100 * COLORS):
        assert 0 <= palette.color(f"s{number}") < COLORS

    assert len(palette._colors) == 50 * COLORS


def test_the_operations_of_a_service_are_at_most_two_hundred():
    (service,) = services_to([], {"x": [f"{number:04}" for number in range(201)]}, Palette())

    assert service["operations"] == [f"{number:04}" for number in range(200)]
