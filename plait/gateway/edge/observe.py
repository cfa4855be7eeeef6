"""One span, one measurement and one line of log for each request.

Names are those of OpenTelemetry's stable conventions for HTTP. Paths, queries, bodies and headers'
values are never written down, because they hold fields of requests; the route is. So `url.path`,
which the conventions ask for unless it is sensitive, is left out: nobody knows here what it says.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    format_trace_id,
    set_span_in_context,
)

from plait.clock import Clock
from plait.gateway.edge.asgi import Scope
from plait.gateway.edge.http import Request
from plait.mesh.interceptors.metrics import BUCKETS
from plait.mesh.interceptors.tracing import PROPAGATOR
from plait.telemetry import providers

DURATION = "http.server.request.duration"
ALLOWED = frozenset({"http.request.method_original"})
"""What `plait.telemetry.setup` has to let through beside its own list."""

_VERBS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_OTHER = "_OTHER"

_log = logging.getLogger("plait.requests")


@dataclass(slots=True, kw_only=True)
class Seen:
    """What becomes known of a request while it is handled.

    Attributes:
        trace_id: of its span, 32 hexadecimal digits; empty where telemetry is off.
        route: the template that it matched; empty if none.
        status: of the answer; 499 for a client that went away before it came.
        reason: of the error, if it failed, also after the first message of a stream.
        user: who asked, `users/u1`.
    """

    trace_id: str = ""
    route: str = ""
    status: int = 0
    reason: str = ""
    user: str = ""


class Observer:
    """Sees each request from outside.

    Args:
        clock: measures durations.
        tracers: in place of the process' own.
        meters: in place of the process' own.
    """

    def __init__(
        self,
        clock: Clock,
        tracers: TracerProvider | None = None,
        meters: MeterProvider | None = None,
    ) -> None:
        self._clock = clock
        self._tracer = (tracers or providers.tracers()).get_tracer(providers.SCOPE)
        self._duration = (
            (meters or providers.meters())
            .get_meter(providers.SCOPE)
            .create_histogram(
                DURATION,
                unit="s",
                description="Duration of HTTP server requests.",
                explicit_bucket_boundaries_advisory=BUCKETS,
            )
        )

    @contextmanager
    def observe(self, request: Request, scope: Scope) -> Generator[Seen]:
        """Surround a request; its span is the current one, and continues the client's trace."""
        began = self._clock.monotonic()
        parent = PROPAGATOR.extract(dict(request.headers), Context())
        span = self._tracer.start_span(
            _verb(request.verb),
            parent,
            SpanKind.SERVER,
            _begun(request, scope),
            record_exception=False,
            set_status_on_exception=False,
        )
        token = attach(set_span_in_context(span, parent))
        context = span.get_span_context()
        seen = Seen(trace_id=format_trace_id(context.trace_id) if context.is_valid else "")
        try:
            yield seen
        finally:
            self._ended(span, seen, request, scope, self._clock.monotonic() - began)
            detach(token)
            span.end()

    def _ended(
        self, span: Span, seen: Seen, request: Request, scope: Scope, seconds: float
    ) -> None:
        verb = _verb(request.verb)
        known = _outcome(seen)
        if span.is_recording():
            span.update_name(f"{verb} {seen.route}" if seen.route else verb)
            span.set_attributes(known)
            if "error.type" in known:
                span.set_status(Status(StatusCode.ERROR))
        labels = {**known, "http.request.method": verb, "url.scheme": str(scope["scheme"])}
        self._duration.record(seconds, labels)
        _write(seen, request, seconds)


def _begun(request: Request, scope: Scope) -> dict[str, str | int]:
    verb = _verb(request.verb)
    known: dict[str, str | int] = {
        "http.request.method": verb,
        "url.scheme": str(scope["scheme"]),
        "network.protocol.version": str(scope["http_version"]),
        "client.address": request.client,
    }
    if verb == _OTHER:
        known["http.request.method_original"] = request.verb
    if server := scope.get("server"):
        known |= {"server.address": str(server[0]), "server.port": int(server[1] or 0)}
    return known


def _outcome(seen: Seen) -> dict[str, str | int]:
    """Return how it ended; an error is the server's own only from 500 on, or in a broken stream."""
    known: dict[str, str | int] = {}
    if seen.route:
        known["http.route"] = seen.route
    if seen.status:
        known["http.response.status_code"] = seen.status
    if seen.status >= 500:
        known["error.type"] = str(seen.status)
    elif seen.status < 400 and seen.reason:
        known["error.type"] = seen.reason
    return known


def _write(seen: Seen, request: Request, seconds: float) -> None:
    level = logging.WARNING if seen.status >= 500 else logging.INFO
    if not _log.isEnabledFor(level):
        return
    verb = _verb(request.verb)
    fields = {
        "http.request.method": verb,
        "http.route": seen.route,
        "http.response.status_code": seen.status,
        "duration": round(seconds, 6),
        "reason": seen.reason,
        "client.address": request.client,
        "request_id": request.id,
        "user": seen.user,
    }
    known = {name: value for name, value in fields.items() if value != ""}
    _log.log(level, "%s %s %d", verb, seen.route or "(no route)", seen.status, extra=known)


def _verb(verb: str) -> str:
    return verb if verb in _VERBS else _OTHER
