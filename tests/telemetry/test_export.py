"""Promises of what leaves the process."""

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from plait.telemetry import export
from plait.telemetry.export import OnceAMinute, Scrubbed
from plait.telemetry.failures import record

SECRET = "hunter2"


class Clock:
    """A clock that tests own."""

    def __init__(self):
        self.seconds = 100.0

    def now(self):
        raise AssertionError("nobody asks for the time of day")

    def monotonic(self):
        return self.seconds


@pytest.fixture
def memory():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(memory):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Scrubbed(memory, {"tenant"})))
    return provider.get_tracer("test")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def heard(caplog, clock):
    """Send records through the filter and return the messages that passed."""
    muffler = OnceAMinute(clock)

    def say(message, *args):
        log_record = logging.LogRecord("x", logging.WARNING, "f", 1, message, args, None)
        return log_record.getMessage() if muffler.filter(log_record) else None

    return say


def whole(span):
    """Everything that a span says."""
    return span.to_json()


def test_allowed_attributes_pass(tracer, memory):
    with tracer.start_as_current_span("work", attributes={"rpc.method": "Get", "tenant": "t1"}):
        pass

    assert memory.get_finished_spans()[0].attributes == {"rpc.method": "Get", "tenant": "t1"}


def test_other_attributes_do_not_pass_wherever_they_are(tracer, memory):
    other = tracer.start_span("other").get_span_context()
    link = Link(other, {"password": SECRET, "code": "OK"})
    with tracer.start_as_current_span(
        "work", attributes={"rpc.method": "Get", "password": SECRET}, links=[link]
    ) as span:
        span.add_event("said", {"password": SECRET, "count": 1})

    [scrubbed] = memory.get_finished_spans()
    assert SECRET not in whole(scrubbed)
    assert scrubbed.attributes == {"rpc.method": "Get"}
    assert scrubbed.events[0].attributes == {"count": 1}
    assert scrubbed.links[0].attributes == {"code": "OK"}
    assert scrubbed.links[0].context == other


def test_the_text_of_an_exception_does_not_pass(tracer, memory):
    with pytest.raises(ValueError, match=SECRET), tracer.start_as_current_span("work"):
        raise ValueError(SECRET)

    [span] = memory.get_finished_spans()
    assert SECRET not in whole(span)
    assert span.status.status_code is StatusCode.ERROR
    assert span.events[0].attributes == {"exception.type": "ValueError"}


def test_a_stack_without_text_passes(tracer, memory):
    error = ValueError(SECRET)
    with tracer.start_as_current_span("work", attributes={"password": SECRET}) as span:
        record(span, error)

    [span] = memory.get_finished_spans()
    assert set(span.events[0].attributes) == {"exception.type", "exception.stacktrace"}


def test_the_description_of_a_status_does_not_pass(tracer, memory):
    with tracer.start_as_current_span("work") as span:
        span.set_status(Status(StatusCode.ERROR, SECRET))

    [span] = memory.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)


def test_everything_else_of_a_scrubbed_span_stays(tracer, memory):
    with (
        tracer.start_as_current_span("outer") as outer,
        tracer.start_as_current_span("work", kind=SpanKind.CLIENT, attributes={"x": 1}) as span,
    ):
        span.add_event("said", {"y": 1}, timestamp=7)

    scrubbed = memory.get_finished_spans()[0]
    assert scrubbed.name == "work"
    assert scrubbed.kind is SpanKind.CLIENT
    assert scrubbed.context == span.get_span_context()
    assert scrubbed.parent == outer.get_span_context()
    assert scrubbed.resource == span.resource
    assert scrubbed.instrumentation_scope == span.instrumentation_scope
    assert (scrubbed.start_time, scrubbed.end_time) == (span.start_time, span.end_time)
    assert (scrubbed.events[0].name, scrubbed.events[0].timestamp) == ("said", 7)


def test_the_result_is_that_of_the_exporter(memory):
    scrubbed = Scrubbed(memory)

    assert scrubbed.export([]) is SpanExportResult.SUCCESS
    assert scrubbed.force_flush() is True
    memory.shutdown()
    assert scrubbed.export([]) is SpanExportResult.FAILURE


def test_the_exporter_is_shut_down_once():
    calls = []

    class Exporter(InMemorySpanExporter):
        def shutdown(self):
            calls.append("shutdown")

    scrubbed = Scrubbed(Exporter())
    scrubbed.shutdown()
    scrubbed.shutdown()

    assert calls == ["shutdown"]


def test_the_first_complaint_is_heard_and_says_what_it_means(heard):
    assert heard("no %s", "route") == (
        "telemetry is not delivered, calls go on without it: no route"
    )


@pytest.mark.parametrize("later", [0, 1, 59.999])
def test_a_complaint_within_the_minute_is_not_heard(heard, clock, later):
    heard("no route")

    clock.seconds += later

    assert heard("no route") is None


@pytest.mark.parametrize("later", [60, 60.001, 3600])
def test_a_complaint_after_a_minute_is_heard(heard, clock, later):
    heard("no route")

    clock.seconds += later

    assert heard("no route") is not None
    assert heard("no route") is None


@pytest.mark.usefixtures("own_process")
def test_exporters_share_one_minute(clock, caplog):
    export.muffle(clock)
    export.muffle(clock)

    logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").warning("a")
    logging.getLogger("opentelemetry.exporter.otlp.proto.http.metric_exporter").warning("b")

    assert len(caplog.records) == 1
