"""Who makes this process' spans and instruments: what `setup` installed, else OpenTelemetry's own.

OpenTelemetry lets its global providers be set once in a process; these can be set again, so that
one process can serve, stop and serve again.
"""

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

SCOPE = "plait"
"""The instrumentation scope under which plait's own spans and instruments appear."""


class _Installed:
    tracers: TracerProvider | None = None
    meters: MeterProvider | None = None


def tracers() -> TracerProvider:
    """Return the tracer provider in use."""
    return _Installed.tracers or trace.get_tracer_provider()


def meters() -> MeterProvider:
    """Return the meter provider in use."""
    return _Installed.meters or metrics.get_meter_provider()


def install_tracers(provider: TracerProvider) -> None:
    """Make this the tracer provider of the process; the first becomes OpenTelemetry's global."""
    if _Installed.tracers is None:
        trace.set_tracer_provider(provider)
    _Installed.tracers = provider


def install_meters(provider: MeterProvider) -> None:
    """Make this the meter provider of the process; the first becomes OpenTelemetry's global."""
    if _Installed.meters is None:
        metrics.set_meter_provider(provider)
    _Installed.meters = provider
