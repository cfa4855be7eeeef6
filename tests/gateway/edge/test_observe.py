"""What is seen of a request: a span, a measurement, a line; never its content."""

import logging

import pytest
from opentelemetry.trace import StatusCode

from plait.gateway.edge.http import Request
from plait.gateway.edge.observe import ALLOWED, Observer
from plait.telemetry.recording import Recording
from plait.testing import FakeClock

SCOPE = {"scheme": "http", "http_version": "1.1", "server": ("127.0.0.1", "8080")}


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def observer(recording):
    return Observer(FakeClock(), recording.tracers, recording.meters)


def request(verb: str = "GET", **headers: str) -> Request:
    return Request(
        verb=verb,
        path=b"/v1/x",
        query="secret=1",
        headers=headers,
        body=None,
        client="203.0.113.7",
        id="r1",
    )


def test_a_request_is_a_span_with_its_route(observer, recording):
    with observer.observe(request(), SCOPE) as seen:
        seen.route, seen.status = "/v1/{name}", 200

    (span,) = recording.spans()
    assert span.name == "GET /v1/{name}"
    assert span.attributes["server.port"] == 8080
    assert seen.trace_id == f"{span.context.trace_id:032x}"
    assert "secret" not in span.to_json()


def test_without_a_route_a_span_is_named_by_its_verb(observer, recording):
    with observer.observe(request("BREW"), SCOPE) as seen:
        seen.status = 404

    (span,) = recording.spans()
    assert span.name == "_OTHER"
    assert "http.route" not in span.attributes


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [(200, "", None), (404, "NOT_FOUND", None), (503, "AWAY", "503"), (200, "TORN", "TORN")],
)
def test_an_error_is_one_where_the_fault_is_ours(observer, recording, status, reason, kind):
    with observer.observe(request(), SCOPE) as seen:
        seen.status, seen.reason = status, reason

    (span,) = recording.spans()
    assert span.attributes.get("error.type") == kind
    assert (span.status.status_code is StatusCode.ERROR) == (kind is not None)


def test_a_request_is_seen_however_it_ends(observer, recording):
    with pytest.raises(RuntimeError), observer.observe(request(), SCOPE):
        raise RuntimeError("secret")

    (span,) = recording.spans()
    assert "secret" not in span.to_json()


def test_durations_are_measured_by_the_clock(recording):
    clock = FakeClock()
    observer = Observer(clock, recording.tracers, recording.meters)

    with observer.observe(request(), SCOPE) as seen:
        seen.status = 200
        clock.advance(0.25)

    (point,) = recording.histogram("http.server.request.duration")
    assert point.sum == 0.25


def test_a_fault_of_ours_is_a_warning(observer, caplog):
    caplog.set_level(logging.INFO, "plait.requests")

    with observer.observe(request(), SCOPE) as seen:
        seen.status, seen.reason = 503, "AWAY"

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert vars(record)["reason"] == "AWAY"


def test_nothing_is_written_that_nobody_reads(observer, caplog):
    caplog.set_level(logging.ERROR, "plait.requests")

    with observer.observe(request(), SCOPE) as seen:
        seen.status = 200

    assert caplog.records == []


def test_a_trace_goes_on_from_outside(observer, recording):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    with observer.observe(request(traceparent=parent), SCOPE) as seen:
        pass

    assert seen.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_the_path_is_not_written_down():
    assert "url.path" not in ALLOWED
