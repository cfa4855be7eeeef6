"""Promises of the providers of this process."""

import pytest
from opentelemetry import metrics, trace

from plait.telemetry import providers
from plait.telemetry.recording import Recording


@pytest.fixture
def globals_of_opentelemetry(monkeypatch):
    """What reaches OpenTelemetry's own globals, which could be set only once for all tests."""
    given = []
    monkeypatch.setattr(trace, "set_tracer_provider", given.append)
    monkeypatch.setattr(metrics, "set_meter_provider", given.append)
    monkeypatch.setattr(providers._Installed, "tracers", None)
    monkeypatch.setattr(providers._Installed, "meters", None)
    return given


@pytest.mark.usefixtures("globals_of_opentelemetry")
def test_before_anything_is_installed_they_are_opentelemetrys_own():
    assert providers.tracers() is trace.get_tracer_provider()
    assert providers.meters() is metrics.get_meter_provider()


def test_the_last_ones_installed_are_in_use_and_the_first_ones_are_global(globals_of_opentelemetry):
    first, second = Recording(), Recording()

    for recording in (first, second):
        providers.install_tracers(recording.tracers)
        providers.install_meters(recording.meters)

    assert (providers.tracers(), providers.meters()) == (second.tracers, second.meters)
    assert globals_of_opentelemetry == [first.tracers, first.meters]
