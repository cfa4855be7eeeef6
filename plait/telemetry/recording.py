"""Telemetry kept in memory, for tests: of plait's own, and of services built with it."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


class Recording:
    """Providers for `tracing`, `metrics` and `trace_engine`, and what they were given.

    Nothing is global: two recordings in one process know nothing of each other.
    """

    def __init__(self) -> None:
        resource = Resource({"service.name": "recording"})
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._reader], resource, shutdown_on_exit=False)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that have ended, in the order in which they did."""
        return list(self._spans.get_finished_spans())

    def histogram(self, name: str) -> list[HistogramDataPoint]:
        """Return the points of a histogram, one for each set of attributes."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]
