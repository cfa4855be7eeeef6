"""Sends spans and metrics by OTLP over HTTP/protobuf; takes long to import, so import it late."""

import logging
import os
from collections.abc import Iterable, Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import AnyValue, Attributes

from plait.clock import Clock
from plait.telemetry.attributes import ALLOWED, EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE

_SPAN_DELAY = 500.0  # milliseconds; OpenTelemetry's 5,000 would make one wait for one's own trace
_METRIC_INTERVAL = 10_000.0  # milliseconds; OpenTelemetry's own is 60,000
_SAID_EVERY = 60.0  # seconds
_LOUD = (
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
)


class Scrubbed(SpanExporter):
    """Lets only allowed attributes reach the exporter that it surrounds, whoever made the span.

    The text of an exception and the description of a status go too: they may repeat what a caller
    sent. A stack trace stays only where it came without the text.
    """

    def __init__(self, exporter: SpanExporter, allowed: Iterable[str] = ()) -> None:
        self._exporter = exporter
        self._allowed = ALLOWED.union(allowed)
        self._stopped = False
        self._result = SpanExportResult.SUCCESS

    def fails(self) -> bool:
        """Whether the last spans could not be delivered."""
        return self._result is not SpanExportResult.SUCCESS

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._result = self._exporter.export([self._scrub(span) for span in spans])
        return self._result

    def shutdown(self) -> None:
        """End what goes on, retries above all; a second call changes nothing."""
        if not self._stopped:
            self._stopped = True
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _scrub(self, span: ReadableSpan) -> ReadableSpan:
        if self._is_clean(span):
            return span
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._keep(span.attributes),
            events=[self._event(event) for event in span.events],
            links=[Link(link.context, self._keep(link.attributes)) for link in span.links],
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _is_clean(self, span: ReadableSpan) -> bool:
        carriers = [span.attributes, *(event.attributes for event in span.events)]
        carriers += [link.attributes for link in span.links]
        return not span.status.description and all(
            (carrier or {}).keys() <= self._allowed for carrier in carriers
        )

    def _event(self, event: Event) -> Event:
        attributes = self._keep(event.attributes)
        if EXCEPTION_MESSAGE in (event.attributes or {}):
            attributes.pop(EXCEPTION_STACKTRACE, None)
        return Event(event.name, attributes, event.timestamp)

    def _keep(self, attributes: Attributes) -> dict[str, AnyValue]:
        return {key: value for key, value in (attributes or {}).items() if key in self._allowed}


class OnceAMinute(logging.Filter):
    """Lets one record a minute through, over all the loggers that it is added to.

    A collector that is away is worth a line, not a line for every batch.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._silent_until = clock.monotonic()

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + _SAID_EVERY
        record.msg = "telemetry is not delivered, calls go on without it: " + record.getMessage()
        record.args = ()
        return True


def span_exporter(allowed: Iterable[str] = ()) -> Scrubbed:
    """Return what sends spans to where OpenTelemetry's environment variables say."""
    return Scrubbed(OTLPSpanExporter(), allowed)


def span_processor(exporter: SpanExporter) -> BatchSpanProcessor:
    """Return a bounded queue before the exporter (OTEL_BSP_*), emptied every 500 ms unless told."""
    told = "OTEL_BSP_SCHEDULE_DELAY" in os.environ
    return BatchSpanProcessor(exporter, schedule_delay_millis=None if told else _SPAN_DELAY)


def metric_exporter() -> OTLPMetricExporter:
    """Return what sends metrics to where OpenTelemetry's environment variables say."""
    return OTLPMetricExporter()


def meter_provider(exporter: MetricExporter, resource: Resource) -> MeterProvider:
    """Return a provider that is read every 10 s, unless told (OTEL_METRIC_EXPORT_INTERVAL)."""
    told = "OTEL_METRIC_EXPORT_INTERVAL" in os.environ
    reader = PeriodicExportingMetricReader(
        exporter, export_interval_millis=None if told else _METRIC_INTERVAL
    )
    return MeterProvider([reader], resource=resource, shutdown_on_exit=False)


def stop(exporter: MetricExporter) -> None:
    """End what goes on, retries above all."""
    exporter.shutdown()  # pyright: ignore[reportUnknownMemberType] - its **kwargs have no type


def muffle(clock: Clock) -> None:
    """Let the exporters complain at most once a minute; replaces an earlier call's count."""
    filter_ = OnceAMinute(clock)
    for name in _LOUD:
        logger = logging.getLogger(name)
        for before in [f for f in logger.filters if isinstance(f, OnceAMinute)]:
            logger.removeFilter(before)
        logger.addFilter(filter_)
