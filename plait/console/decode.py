"""Spans and metrics of OTLP -> spans and histogram points: the console's own words; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from plait.console.encoding import Malformed, parse
from plait.console.frames import Group
from plait.console.golden import Point, Side
from plait.console.span import Kind, Origin, Span
from plait.console.values import text
from plait.errors import Code

# The status that a caller saw; semantic conventions for HTTP and RPC spans, and RPC's older name.
_STATUS_CODE = "http.response.status_code"
_CODES = frozenset({_STATUS_CODE, "rpc.response.status_code", "rpc.grpc.status_code"})
# Call durations by the semantic conventions, stable and older names.
_DURATIONS: Mapping[str, Side] = {
    "rpc.server.call.duration": "server",
    "rpc.server.duration": "server",
    "rpc.client.call.duration": "client",
    "rpc.client.duration": "client",
    "http.server.request.duration": "server",
    "http.server.duration": "server",
    "http.client.request.duration": "client",
    "http.client.duration": "client",
}
_SECONDS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_MAX_SPAN = 256 * 1024  # bytes on the wire
_MAX_METRIC = 1024 * 1024
_MAX_RESOURCE = 64 * 1024
_MAX_PARTS = 1000  # attributes, events or links of a span; OpenTelemetry's own limit is 128 each
_LARGE_RESOURCE = f"a resource and scope larger than {_MAX_RESOURCE} bytes"
_UNKNOWN_SERVICE = "unknown_service"  # OpenTelemetry's own word, resource semantic conventions
_KINDS: Mapping[int, Kind] = {kind.value: kind for kind in Kind}
_GRPC_CODES: Mapping[str, str] = {str(code.value): code.name for code in Code}


@dataclass(frozen=True, slots=True)
class Refused:
    """A span that cannot be kept, and why, in the words of whoever sent it."""

    reason: str


def spans_of(found: Iterable[Group]) -> Iterator[Span | Refused]:
    """Yield the spans of an export in its order."""
    for group in found:
        origin = _origin(group)
        for item in group.items:
            yield _span(item, origin) if origin else Refused(_LARGE_RESOURCE)


def points_of(found: Iterable[Group]) -> Iterator[Point]:
    """Yield the points of call duration histograms; other metrics are not for golden signals."""
    for group in found:
        if len(group.resource) > _MAX_RESOURCE:
            continue
        attributes = parse(Resource, group.resource).attributes
        service = _attribute(attributes, "service.name") or _UNKNOWN_SERVICE
        instance = _attribute(attributes, "service.instance.id") or _digest(attributes)
        for item in group.items:
            if len(item) <= _MAX_METRIC:
                yield from _points(parse(Metric, item), service, instance)


def _origin(group: Group) -> Origin | None:
    if len(group.resource) + len(group.scope) > _MAX_RESOURCE:
        return None
    name = _attribute(parse(Resource, group.resource).attributes, "service.name")
    parse(InstrumentationScope, group.scope)  # so that it can be read when it is shown
    return Origin(service=name or _UNKNOWN_SERVICE, resource=group.resource, scope=group.scope)


def _span(item: memoryview, origin: Origin) -> Span | Refused:
    if len(item) > _MAX_SPAN:
        return Refused(f"larger than {_MAX_SPAN} bytes")
    try:
        span = parse(trace_pb2.Span, item)
    except Malformed as error:
        return Refused(error.message)
    if wrong := _wrong(span):
        return Refused(wrong)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() if any(span.parent_span_id) else "",
        name=span.name or "(no name)",
        kind=_KINDS.get(span.kind, Kind.UNSPECIFIED),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        code=_code(span.attributes),
        origin=origin,
        details=_details(span),  # last, for it empties the span
    )


def _details(span: trace_pb2.Span) -> bytes:
    for field in ("trace_id", "span_id", "parent_span_id", "name", "kind"):  # kept beside them
        span.ClearField(field)
    return span.SerializeToString()


def _wrong(span: trace_pb2.Span) -> str:
    """Say what makes a span one that cannot be kept; nothing for the usual span."""
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "no valid trace id (16 bytes, not all zero)"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "no valid span id (8 bytes, not all zero)"
    if len(span.parent_span_id) not in {0, 8}:
        return "no valid parent span id (8 bytes, or none)"
    if max(len(span.attributes), len(span.events), len(span.links)) > _MAX_PARTS:
        return f"more than {_MAX_PARTS} attributes, events or links"
    return ""


def _code(attributes: Iterable[KeyValue]) -> str:
    for pair in attributes:
        if pair.key in _CODES:
            return _code_name(pair.key, text(pair.value))
    return ""


def _code_name(key: str, value: str) -> str:
    """Return a status code as people write it; RPC's older convention has it as a number."""
    return _GRPC_CODES.get(value, value) if key == "rpc.grpc.status_code" else value


def _attribute(attributes: Iterable[KeyValue], name: str) -> str:
    return next((text(pair.value) for pair in attributes if pair.key == name), "")


def _points(metric: Metric, service: str, instance: str) -> Iterator[Point]:
    side = _DURATIONS.get(metric.name)
    scale = _SECONDS.get(metric.unit)
    if side is None or scale is None or metric.WhichOneof("data") != "histogram":
        return
    cumulative = (
        metric.histogram.aggregation_temporality
        == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    for data in metric.histogram.data_points:
        attributes = {pair.key: text(pair.value) for pair in data.attributes}
        if len(data.bucket_counts) == len(data.explicit_bounds) + 1:
            yield Point(
                service=service,
                side=side,
                method=_method(attributes),
                series=_digest(data.attributes, f"{instance}\0{metric.name}"),
                error=_failed(attributes),
                cumulative=cumulative,
                start=data.start_time_unix_nano,
                time=data.time_unix_nano,
                bounds=tuple(bound * scale for bound in data.explicit_bounds),
                buckets=tuple(data.bucket_counts),
            )


def _method(attributes: Mapping[str, str]) -> str:
    if method := attributes.get("rpc.method"):
        service = attributes.get("rpc.service")  # the older convention splits the name
        return f"{service}/{method}" if service else method
    verb = attributes.get("http.request.method") or attributes.get("http.method", "")
    return f"{verb} {attributes.get('http.route', '')}".strip() or "(all)"


def _failed(attributes: Mapping[str, str]) -> bool:
    """Say whether the series counts failures: the conventions set `error.type` on exactly these."""
    if "error.type" in attributes:
        return True
    http = attributes.get(_STATUS_CODE, "")
    return http.startswith("5") or attributes.get("rpc.grpc.status_code", "0") != "0"


def _digest(attributes: Iterable[KeyValue], also: str = "") -> str:
    """Return a name of fixed length for a set of attributes, whatever their order."""
    parts = sorted(pair.SerializeToString() for pair in attributes)
    return blake2b(b"\0".join((also.encode(), *parts)), digest_size=16).hexdigest()
