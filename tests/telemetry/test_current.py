"""The trace in which code runs."""

from plait.telemetry.current import trace_id
from plait.telemetry.recording import Recording


def test_the_trace_has_the_id_of_its_spans():
    recording = Recording()

    with recording.tracers.get_tracer("test").start_as_current_span("outer"):
        found = trace_id()

    [span] = recording.spans()
    assert found == f"{span.get_span_context().trace_id:032x}"


def test_outside_of_every_span_there_is_no_trace():
    assert trace_id() == ""
