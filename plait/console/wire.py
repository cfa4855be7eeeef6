"""Traces, waterfalls and signals -> the JSON of the console's API; pure.

Names end in their unit; nanoseconds are numbers only where they count from the trace's start, since
JavaScript cannot hold those since 1970.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from plait.console.golden import Signals
from plait.console.span import Origin, Span
from plait.console.store import Trace
from plait.console.summary import Summary, summarize
from plait.console.values import Json, plain
from plait.console.waterfall import Row, Waterfall, lay_out

COLORS = 12  # how many colours of services the style sheet has
_OPERATIONS = 200  # names of one service that are offered; more are no operations


class Palette:
    """Gives every service a colour that stays while the process lives."""

    def __init__(self) -> None:
        self._colors: dict[str, int] = {}

    def color(self, service: str) -> int:
        """Return a number below `COLORS`; after very many services they share."""
        if len(self._colors) < 50 * COLORS:
            self._colors.setdefault(service, len(self._colors) % COLORS)
        return self._colors.get(service, 0)


def timestamp(nanos: int) -> str:
    """Return nanoseconds since 1970 in RFC 3339, with all of them."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def summary_to(summary: Summary, palette: Palette) -> dict[str, Json]:
    return {
        "id": summary.trace_id,
        "name": summary.name,
        "service": summary.service,
        "code": summary.code,
        "start_time": timestamp(summary.start),
        "duration_nanos": summary.duration,
        "spans": summary.spans,
        "errors": summary.errors,
        "complete": summary.complete,
        "services": [
            {"name": name, "spans": spans, "color": palette.color(name)}
            for name, spans in summary.services
        ],
    }


def trace_to(trace: Trace, palette: Palette) -> dict[str, Json]:
    """Return the whole trace: its line as in lists, and its spans as the rows of a waterfall."""
    fall = lay_out(trace.spans)
    origins: dict[Origin, int] = {}
    rows: list[Json] = [_row_to(row, fall, origins, palette) for row in fall.rows]
    return {
        **summary_to(summarize(trace.trace_id, trace.spans), palette),
        "refused_spans": trace.refused,
        "waterfall": {
            "start_time": timestamp(fall.start),
            "duration_nanos": fall.duration,
            "depth": fall.depth,
            "rows": rows,
        },
        "origins": [_origin_to(origin) for origin in origins],
    }


def services_to(
    signals: Iterable[Signals], operations: Mapping[str, Iterable[str]], palette: Palette
) -> list[Json]:
    """Return every service that sent anything: what its methods did, what its spans are called."""
    methods: dict[str, list[Json]] = {name: [] for name in operations}
    for one in signals:
        methods.setdefault(one.service, []).append(_signals_to(one))
    return [
        {
            "name": name,
            "color": palette.color(name),
            "methods": methods[name],
            "operations": list[Json](sorted(operations.get(name, ()))[:_OPERATIONS]),
        }
        for name in sorted(methods)
    ]


def _row_to(
    row: Row, fall: Waterfall, origins: dict[Origin, int], palette: Palette
) -> dict[str, Json]:
    placed: dict[str, Json] = {
        "span_id": row.span_id,
        "received": row.span is not None,
        "depth": row.depth,
        "offset_nanos": row.offset,
        "duration_nanos": row.width,
        "children": row.children,
        "below": row.below,
        "critical": [[begin, end] for begin, end in row.critical],
        "notes": list[Json](row.notes),
    }
    if row.span is None:
        return placed
    span = row.span
    return {
        **placed,
        "parent_span_id": span.parent_id,
        "name": span.name,
        "service": span.service,
        "color": palette.color(span.service),
        "kind": span.kind.name,
        "error": span.error,
        "code": span.code,
        "own_nanos": row.own,
        "origin": origins.setdefault(span.origin, len(origins)),
        **_details_to(span, fall.start - row.shift),
    }


def _details_to(span: Span, began: int) -> dict[str, Json]:
    details = trace_pb2.Span.FromString(span.details)
    return {
        "status_message": details.status.message,
        "attributes": plain(details.attributes),
        "events": [
            {
                "name": event.name,
                "offset_nanos": event.time_unix_nano - began,
                "attributes": plain(event.attributes),
            }
            for event in details.events
        ],
        "links": [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": plain(link.attributes),
            }
            for link in details.links
        ],
        "dropped": details.dropped_attributes_count
        + details.dropped_events_count
        + details.dropped_links_count,
    }


def _origin_to(origin: Origin) -> Json:
    scope = InstrumentationScope.FromString(origin.scope)
    return {
        "service": origin.service,
        "resource": plain(Resource.FromString(origin.resource).attributes),
        "scope": f"{scope.name} {scope.version}".strip(),
    }


def _signals_to(one: Signals) -> Json:
    return {
        "side": one.side,
        "method": one.method,
        "calls": one.calls,
        "failures": one.failures,
        "rate_per_second": round(one.rate, 3),
        "p50_seconds": one.p50,
        "p99_seconds": one.p99,
    }
