"""Promises of telemetry kept in memory."""

from plait.telemetry.recording import Recording


def test_spans_are_kept_in_the_order_in_which_they_end():
    recording = Recording()
    tracer = recording.tracers.get_tracer("test")

    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
        assert recording.spans() == []

    assert [span.name for span in recording.spans()] == ["inner", "outer"]


def test_the_points_of_a_histogram_are_kept():
    recording = Recording()
    meter = recording.meters.get_meter("test")
    meter.create_counter("calls").add(1)
    histogram = meter.create_histogram("duration")

    histogram.record(1, {"code": "OK"})
    histogram.record(2, {"code": "OK"})

    [point] = recording.histogram("duration")
    assert (point.count, point.sum, point.attributes) == (2, 3, {"code": "OK"})
    assert recording.histogram("calls") == []


def test_nothing_measured_is_no_point():
    assert Recording().histogram("duration") == []


def test_two_recordings_know_nothing_of_each_other():
    one, other = Recording(), Recording()

    with one.tracers.get_tracer("test").start_as_current_span("work"):
        pass

    assert len(one.spans()) == 1
    assert other.spans() == []
