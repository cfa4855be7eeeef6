"""Turns telemetry on in this process and off again: traces and metrics by OTLP, logs on stderr."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from plait.clock import Clock, SystemClock
from plait.telemetry import logs, providers

_logger = logging.getLogger(__name__)

_PATIENCE = 1.4  # seconds in which the last spans may be delivered, retries and all
_IMPATIENCE = 0.2  # seconds for the same, where the collector did not take the ones before either
_HASTE = 0.3  # seconds more, without retries; all together stays below 2


def _never_fails() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """What has to be ended: `finish` delivers what is left and waits, `give_up` ends that."""

    finish: tuple[Callable[[], None], ...] = ()
    give_up: tuple[Callable[[], None], ...] = ()
    fails: Callable[[], bool] = _never_fails


class _Process:
    running = _Running()


def setup(  # noqa: PLR0913 - each has a default but the first
    service: str,
    *,
    version: str = "",
    instance: str = "",
    log_level: str = "INFO",
    allowed: Iterable[str] = (),
    clock: Clock | None = None,
) -> None:
    """Set up logs, traces and metrics for this process; never before a fork: it starts threads.

    What goes where is told by OpenTelemetry's own variables, read now: OTEL_EXPORTER_OTLP_ENDPOINT
    (without it, or its form for one signal, nothing is sent), OTEL_TRACES_SAMPLER,
    OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_*, OTEL_METRIC_EXPORT_INTERVAL, OTEL_TRACES_EXPORTER=none,
    OTEL_METRICS_EXPORTER=none, OTEL_SDK_DISABLED=true. Logs are set up in any case. A second call
    ends what the first one began.

    Args:
        service: `service.name` of the resource, and `service` of each log line.
        version: `service.version`.
        instance: `service.instance.id`; without one, OpenTelemetry makes a random one.
        log_level: DEBUG, INFO, WARNING or ERROR.
        allowed: names of attributes and log fields that may be written down besides those of
            plait.telemetry.attributes.
        clock: what measures the minute between two complaints about a collector that is away.

    Raises:
        ValueError: there is no such log level, or a number among OTEL_BSP_* makes no sense.
    """
    shutdown()
    allowed = frozenset(allowed)
    logs.configure(service, level=log_level, allowed=allowed)
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    given = {"service.name": service, "service.version": version, "service.instance.id": instance}
    resource = Resource.create({key: value for key, value in given.items() if value})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    _Process.running = _start(tracers, resource, allowed, clock or SystemClock())
    providers.install_tracers(tracers)


def shutdown() -> None:
    """Deliver what is left and end telemetry, within 2 s, whatever the collector does.

    It blocks: call it when the last call has ended. It does not raise, and a second call does
    nothing. What cannot be delivered in time is lost. Logs go on.
    """
    running, _Process.running = _Process.running, _Running()
    workers = [
        threading.Thread(target=_calmly, args=(act,), name="plait-telemetry-shutdown", daemon=True)
        for act in running.finish
    ]
    patience = _IMPATIENCE if running.fails() else _PATIENCE
    for worker in workers:
        worker.start()
    _wait(workers, patience)
    if any(worker.is_alive() for worker in workers):
        for act in running.give_up:
            _calmly(act)
        _wait(workers, _HASTE)
        _logger.warning("the collector did not take the last spans in time; they are lost")


def _start(
    tracers: TracerProvider, resource: Resource, allowed: frozenset[str], clock: Clock
) -> _Running:
    wanted = [signal for signal in ("TRACES", "METRICS") if _is_wanted(signal)]
    if not wanted:
        return _Running()
    # Late, because it takes 50 ms and 8 MiB, and who sends nothing needs neither.
    from plait.telemetry import export  # noqa: PLC0415 - see above

    export.muffle(clock)
    finish: list[Callable[[], None]] = []
    give_up: list[Callable[[], None]] = []
    fails = _never_fails
    if "TRACES" in wanted:
        spans = export.span_exporter(allowed)
        tracers.add_span_processor(export.span_processor(spans))
        finish.append(tracers.shutdown)
        give_up.append(spans.shutdown)
        fails = spans.fails
    if "METRICS" in wanted:
        numbers = export.metric_exporter()
        meters = export.meter_provider(numbers, resource)
        providers.install_meters(meters)
        finish.append(meters.shutdown)
        give_up.append(partial(export.stop, numbers))
    return _Running(finish=tuple(finish), give_up=tuple(give_up), fails=fails)


def _is_wanted(signal: str) -> bool:
    if os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() == "none":
        return False
    names = (f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if not any(os.environ.get(name) for name in names):
        return False
    _warn_of_protocol(signal)
    return True


def _warn_of_protocol(signal: str) -> None:
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if (protocol := os.environ.get(name)) and protocol != "http/protobuf":
            _logger.warning(
                "%s=%s is not heeded: plait sends OTLP as http/protobuf; the endpoint must be the "
                "collector's HTTP port, usually 4318",
                name,
                protocol,
            )
            return


def _wait(workers: list[threading.Thread], seconds: float) -> None:
    clock = SystemClock()
    until = clock.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, until - clock.monotonic()))


def _calmly(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - telemetry never harms the process; it is said, not raised
        _logger.warning("telemetry did not end well: %s", type(error).__name__)
