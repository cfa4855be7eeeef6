import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Histogram,
    HistogramDataPoint,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from plait.console.decode import Refused
from plait.console.decode import points_of as points_of_groups
from plait.console.decode import spans_of as spans_of_groups
from plait.console.encoding import Malformed
from plait.console.frames import Group, groups
from plait.console.span import Kind, Span


def attributes(**values: object) -> list[KeyValue]:
    made = []
    for name, value in values.items():
        key = name.replace("__", ".")
        kind = "int_value" if isinstance(value, int) else "string_value"
        made.append(KeyValue(key=key, value=AnyValue(**{kind: value})))
    return made


def spans_of(request: ExportTraceServiceRequest):
    return spans_of_groups(groups(request.SerializeToString()))


def points_of(request: ExportMetricsServiceRequest):
    return points_of_groups(groups(request.SerializeToString()))


def sent(*spans: trace_pb2.Span, **resource: object) -> ExportTraceServiceRequest:
    scoped = trace_pb2.ScopeSpans(scope=InstrumentationScope(name="plait"), spans=spans)
    group = trace_pb2.ResourceSpans(
        resource=Resource(attributes=attributes(**resource)), scope_spans=[scoped]
    )
    return ExportTraceServiceRequest(resource_spans=[group])


def wire_span(**more: object) -> trace_pb2.Span:
    return trace_pb2.Span(**{"trace_id": b"t" * 16, "span_id": b"s" * 8, "name": "Get", **more})


def test_a_span_comes_with_all_that_lists_and_waterfalls_need():
    wire = wire_span(
        parent_span_id=b"p" * 8,
        kind=trace_pb2.Span.SPAN_KIND_SERVER,
        start_time_unix_nano=5,
        end_time_unix_nano=9,
        status=trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR, message="no such product"),
        attributes=attributes(rpc__response__status_code="NOT_FOUND"),
    )

    (span,) = spans_of(sent(wire, service__name="catalog"))

    assert span.trace_id == (b"t" * 16).hex()
    assert span.span_id == (b"s" * 8).hex()
    assert span.parent_id == (b"p" * 8).hex()
    assert (span.name, span.kind, span.service) == ("Get", Kind.SERVER, "catalog")
    assert (span.start, span.end, span.error, span.code) == (5, 9, True, "NOT_FOUND")
    assert InstrumentationScope.FromString(span.origin.scope).name == "plait"
    assert Resource.FromString(span.origin.resource).attributes[0].key == "service.name"
    details = trace_pb2.Span.FromString(span.details)
    assert details.status.message == "no such product"
    assert details.attributes[0].key == "rpc.response.status_code"
    assert details.name == ""  # kept once


def test_spans_of_one_group_share_their_origin():
    one, other = spans_of(sent(wire_span(), wire_span(span_id=b"o" * 8), service__name="x"))

    assert one.origin is other.origin


def test_a_service_without_a_name_is_unknown_and_a_span_without_one_says_so():
    (span,) = spans_of(sent(wire_span(name="")))

    assert (span.service, span.name) == ("unknown_service", "(no name)")


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"trace_id": b""}, "trace id"),
        ({"trace_id": b"t" * 15}, "trace id"),
        ({"trace_id": b"\0" * 16}, "trace id"),
        ({"span_id": b"s" * 9}, "span id"),
        ({"span_id": b"\0" * 8}, "span id"),
        ({"parent_span_id": b"p" * 7}, "parent span id"),
    ],
)
def test_a_span_without_valid_ids_is_refused_and_the_others_are_not(wrong, what):
    refused, kept = spans_of(sent(wire_span(**wrong), wire_span()))

    assert isinstance(refused, Refused)
    assert what in refused.reason
    assert kept.name == "Get"


@pytest.mark.parametrize(("more", "kept"), [(-1, True), (0, True), (1, False)])
def test_a_span_is_at_most_256_kib_on_the_wire(more, kept):
    empty = wire_span(name="x" * 200_000).ByteSize()
    wire = wire_span(name="x" * (200_000 + 256 * 1024 - empty + more))

    (span,) = spans_of(sent(wire))

    assert isinstance(span, Span if kept else Refused)


@pytest.mark.parametrize("part", ["attributes", "events", "links"])
@pytest.mark.parametrize(("count", "kept"), [(999, True), (1000, True), (1001, False)])
def test_a_span_has_at_most_a_thousand_parts_of_each_kind(part, count, kept):
    wire = wire_span()
    for _ in range(count):
        getattr(wire, part).add()

    (span,) = spans_of(sent(wire))

    assert isinstance(span, Span if kept else Refused)


@pytest.mark.parametrize(("more", "kept"), [(-1, True), (0, True), (1, False)])
def test_a_resource_is_at_most_64_kib(more, kept):
    resource = Resource(attributes=attributes(x="x" * 60_000))
    size = 60_000 + 64 * 1024 - resource.ByteSize() + more
    group = Group(
        resource=Resource(attributes=attributes(x="x" * size)).SerializeToString(),
        items=[memoryview(wire_span().SerializeToString())],
    )
    measured_by_it = measured().resource_metrics[0].scope_metrics[0].metrics[0].SerializeToString()

    (span,) = spans_of_groups([group])
    group.items = [memoryview(measured_by_it)]

    assert isinstance(span, Span if kept else Refused)
    assert len(list(points_of_groups([group]))) == kept


def test_a_span_that_is_none_is_refused_and_the_others_are_not():
    group = Group(items=[memoryview(b"\xff"), memoryview(wire_span().SerializeToString())])

    refused, kept = spans_of_groups([group])

    assert "expected a binary opentelemetry.proto.trace.v1.Span" in refused.reason
    assert kept.name == "Get"


@pytest.mark.parametrize("wrong", [{"resource": b"\xff"}, {"scope": b"\xff"}])
def test_a_resource_or_scope_that_is_none_is_malformed(wrong):
    group = Group(**wrong, items=[memoryview(b"")])

    with pytest.raises(Malformed, match="expected a binary"):
        list(spans_of_groups([group]))


def test_a_metric_larger_than_a_mebibyte_is_left_out():
    metric = measured().resource_metrics[0].scope_metrics[0].metrics[0]
    metric.description = "x" * 2**20

    assert list(points_of(metrics(metric))) == []


def test_a_parent_of_zeros_is_no_parent():
    (span,) = spans_of(sent(wire_span(parent_span_id=b"\0" * 8)))

    assert span.parent_id == ""


def test_a_kind_of_the_future_is_unspecified():
    wire = trace_pb2.Span.FromString(wire_span().SerializeToString() + b"\x30\x63")

    (span,) = spans_of(sent(wire))

    assert span.kind is Kind.UNSPECIFIED


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"http__response__status_code": 404}, "404"),
        ({"rpc__response__status_code": "OK"}, "OK"),
        ({"rpc__grpc__status_code": 5}, "NOT_FOUND"),
        ({"rpc__grpc__status_code": 99}, "99"),
        ({"other": 1}, ""),
    ],
)
def test_the_status_that_the_caller_saw_is_read_from_the_conventions(found, code):
    (span,) = spans_of(sent(wire_span(attributes=attributes(**found))))

    assert span.code == code


def measured(
    name: str = "rpc.server.call.duration", unit: str = "s", temporality: int = 2, **found: object
) -> ExportMetricsServiceRequest:
    data = HistogramDataPoint(
        attributes=attributes(**(found or {"rpc__method": "shop.v1.Shop/Get"})),
        start_time_unix_nano=1,
        time_unix_nano=2,
        bucket_counts=[1, 2, 3],
        explicit_bounds=[10, 100],
    )
    metric = Metric(
        name=name,
        unit=unit,
        histogram=Histogram(data_points=[data], aggregation_temporality=temporality),
    )
    return metrics(metric)


def metrics(metric: Metric, **resource: object) -> ExportMetricsServiceRequest:
    resource = resource or {"service__name": "catalog", "service__instance__id": "c1"}
    group = ResourceMetrics(
        resource=Resource(attributes=attributes(**resource)),
        scope_metrics=[ScopeMetrics(metrics=[metric])],
    )
    return ExportMetricsServiceRequest(resource_metrics=[group])


def test_a_point_comes_with_service_method_times_and_buckets_in_seconds():
    (point,) = points_of(measured(unit="ms"))

    assert (point.service, point.side, point.method) == ("catalog", "server", "shop.v1.Shop/Get")
    assert (point.start, point.time, point.cumulative, point.error) == (1, 2, True, False)
    assert point.bounds == pytest.approx((0.01, 0.1))
    assert point.buckets == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("rpc.server.call.duration", "server"),
        ("rpc.client.call.duration", "client"),
        ("http.server.request.duration", "server"),
        ("http.client.duration", "client"),
    ],
)
def test_call_durations_are_known_by_stable_and_older_names(name, side):
    (point,) = points_of(measured(name))

    assert point.side == side


@pytest.mark.parametrize(
    "other",
    [
        measured("process.cpu.time"),
        measured(unit="By"),
        metrics(Metric(name="rpc.server.call.duration", unit="s", sum=Sum())),
        metrics(
            Metric(
                name="rpc.server.call.duration",
                unit="s",
                histogram=Histogram(data_points=[HistogramDataPoint(explicit_bounds=[1, 2])]),
            )
        ),
    ],
)
def test_what_is_no_histogram_of_call_durations_is_left_out(other):
    assert list(points_of(other)) == []


def test_delta_is_told_from_cumulative():
    (point,) = points_of(measured(temporality=1))

    assert not point.cumulative


@pytest.mark.parametrize(
    ("found", "method"),
    [
        ({"rpc__method": "shop.v1.Shop/Get"}, "shop.v1.Shop/Get"),
        ({"rpc__service": "shop.v1.Shop", "rpc__method": "Get"}, "shop.v1.Shop/Get"),
        ({"http__request__method": "GET", "http__route": "/v1/x"}, "GET /v1/x"),
        ({"http__method": "GET"}, "GET"),
        ({"other": "x"}, "(all)"),
    ],
)
def test_the_method_is_named_as_people_write_it(found, method):
    (point,) = points_of(measured(**found))

    assert point.method == method


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ({"rpc__method": "x", "error__type": "INTERNAL"}, True),
        ({"http__response__status_code": 500}, True),
        ({"http__response__status_code": 404}, False),
        ({"rpc__grpc__status_code": 5}, True),
        ({"rpc__grpc__status_code": 0}, False),
        ({"rpc__method": "x"}, False),
    ],
)
def test_a_series_of_failures_is_told_by_its_attributes(found, error):
    (point,) = points_of(measured(**found))

    assert point.error is error


def test_a_series_is_the_same_whatever_the_order_of_its_attributes():
    (one,) = points_of(measured(rpc__method="x", server__port=1))
    (same,) = points_of(measured(server__port=1, rpc__method="x"))
    (other,) = points_of(measured(server__port=2, rpc__method="x"))

    assert one.series == same.series != other.series


def test_two_instances_of_a_service_are_two_series():
    metric = measured().resource_metrics[0].scope_metrics[0].metrics[0]

    series = {
        next(points_of(metrics(metric, service__name="catalog", **more))).series
        for more in ({"service__instance__id": "a"}, {"service__instance__id": "b"}, {"pid": 1})
    }

    assert len(series) == 3
