"""Promises of structured logs."""

import io
import json
import logging
import re
import sys

import pytest
from _pytest.logging import LogCaptureHandler
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from plait.errors import NotFound
from plait.telemetry import logs
from plait.telemetry.recording import Recording

SECRET = "hunter2"

pytestmark = pytest.mark.usefixtures("own_process")


class Screen(io.StringIO):
    """A terminal, as far as logging can tell."""

    def isatty(self):
        return True


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError


def fail(log, error):
    try:
        raise error
    except type(error):
        log.exception("it failed")


@pytest.fixture
def log():
    return logging.getLogger("plait.test")


@pytest.fixture
def written():
    """Configure logs and return what reads the lines as JSON."""
    stream = io.StringIO()

    def configure(**options):
        logs.configure("catalog", stream=stream, **options)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    return configure


@pytest.fixture
def screen():
    """Configure logs for a terminal and return what reads it."""
    stream = Screen()
    logs.configure("catalog", stream=stream)
    return stream.getvalue


def test_a_record_is_one_json_object_a_line(written, log):
    lines = written()

    log.info("created %s", "products/p1")
    log.warning("second")

    first, second = lines()
    assert first["level"] == "INFO"
    assert first["logger"] == "plait.test"
    assert first["message"] == "created products/p1"
    assert first["service"] == "catalog"
    assert second["level"] == "WARNING"


def test_the_time_is_rfc_3339_in_utc(written, log):
    lines = written()

    log.info("now")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", lines()[0]["time"])


def test_a_record_inside_of_a_span_names_it(written, log):
    lines = written()
    recording = Recording()

    with recording.tracers.get_tracer("test").start_as_current_span("work"):
        log.info("inside")
    log.info("outside")

    inside, outside = lines()
    [span] = recording.spans()
    assert inside["trace_id"] == f"{span.context.trace_id:032x}"
    assert inside["span_id"] == f"{span.context.span_id:016x}"
    assert "trace_id" not in outside


def test_only_allowed_fields_are_written(written, log):
    lines = written()

    log.info("x", extra={"code": "OK", "duration": 0.25, "password": SECRET, "request": SECRET})

    [line] = lines()
    assert (line["code"], line["duration"]) == ("OK", 0.25)
    assert SECRET not in str(line)


def test_a_process_can_allow_more_fields(written, log):
    lines = written(allowed={"tenant"})

    log.info("x", extra={"tenant": "t1", "password": SECRET})

    assert lines()[0]["tenant"] == "t1"
    assert SECRET not in str(lines())


def test_a_field_cannot_pass_for_what_every_line_has(written, log):
    lines = written(allowed={"service", "time"})

    log.info("x", extra={"service": "identity", "time": "never"})

    assert lines()[0]["service"] == "catalog"
    assert lines()[0]["time"] != "never"


def test_an_exception_is_written_without_its_text(written, log):
    lines = written()

    fail(log, NotFound(f"no user {SECRET}"))

    [line] = lines()
    assert line["exception"] == "plait.errors.NotFound"
    assert "test_logs.py" in line["stack"]
    assert SECRET not in line["stack"]


def test_no_exception_is_no_field(written, log):
    lines = written()

    log.error("it failed", exc_info=True)  # noqa: LOG014 - the promise is about this mistake

    assert "exception" not in lines()[0]


@pytest.mark.parametrize("message", ["a\nb", "\x1b[31mred", "ä\u2028", "\ud800", "\x00"], ids=ascii)
def test_no_message_breaks_the_line(written, log, message, monkeypatch):
    lines = written()
    # pytest keeps what is logged for its report, which cannot carry half a surrogate pair
    ours = [kept for kept in logging.root.handlers if not isinstance(kept, LogCaptureHandler)]
    monkeypatch.setattr(logging.root, "handlers", ours)

    log.info("%s", message)

    assert [line["message"] for line in lines()] == [message]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_know_becomes_text(written, log, value):
    lines = written()

    log.info("x", extra={"duration": value})

    assert lines()[0]["duration"] == str(value)


def test_a_long_message_is_cut(written, log):
    lines = written()

    log.info("x" * 8192)
    log.info("x" * 8193)

    whole, cut = lines()
    assert whole["message"] == "x" * 8192
    assert cut["message"] == "x" * 8192 + "…"


def test_a_wrong_log_call_shows_its_place_and_not_its_arguments(written, log):
    lines = written()
    root = logging.getLogger()
    root.handlers[:] = [root.handlers[-1]]  # pytest's own would raise

    log.info("%d items", SECRET)

    [line] = lines()
    assert "wrong log call" in line["message"]
    assert "test_logs.py" in line["message"]
    assert SECRET not in str(line)


def test_a_broken_stream_does_not_end_the_caller(log, capsys):
    logs.configure("catalog", stream=Broken())

    log.info("%s", SECRET)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_written(written, log, level, expected):
    lines = written(level=level)

    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)

    assert [line["message"] for line in lines()] == expected


def test_an_unknown_level_is_refused(written):
    with pytest.raises(ValueError, match="LOUD"):
        written(level="LOUD")


@pytest.mark.parametrize("library", sorted(logs.QUIET))
def test_libraries_that_repeat_what_they_carry_stay_quiet_at_debug(written, library):
    lines = written(level="DEBUG")

    logging.getLogger(f"{library}.part").info("SELECT %s", SECRET)
    logging.getLogger(f"{library}.part").error("broken")

    assert [line["message"] for line in lines()] == ["broken"]


def test_a_higher_level_holds_for_libraries_too(written):
    lines = written(level="ERROR")

    logging.getLogger("sqlalchemy.pool").warning("hm")

    assert lines() == []


def test_configuring_again_replaces(written, log):
    first, second = written(), io.StringIO()
    logs.configure("orders", stream=second)

    log.info("once")

    assert first() == []
    assert json.loads(second.getvalue())["service"] == "orders"


def test_without_a_stream_it_is_standard_error(log, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("catalog")

    log.info("here")

    assert json.loads(stream.getvalue())["message"] == "here"


def test_a_terminal_gets_a_short_line(screen, log):
    log.info("created", extra={"code": "OK", "password": SECRET})

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO plait\.test created code=OK\n", screen())


def test_a_field_that_the_message_says_is_not_repeated(screen, log):
    log.info("Get OK", extra={"code": "OK", "method": "Get", "peer": "p"})

    assert screen().endswith("Get OK peer=p\n")


def test_a_terminal_shows_the_trace(screen, log):
    with Recording().tracers.get_tracer("test").start_as_current_span("work") as span:
        log.info("inside")

    assert screen().endswith(f"inside trace_id={span.get_span_context().trace_id:032x}\n")


@pytest.mark.parametrize(("level", "colour"), [("WARNING", "33"), ("ERROR", "31")])
def test_a_terminal_shows_trouble_in_colour(screen, log, level, colour):
    log.log(logging.getLevelName(level), "hm")

    assert screen().startswith(f"\x1b[{colour}m")
    assert screen().endswith("hm\x1b[0m\n")


def test_a_terminal_shows_the_whole_traceback(screen, log):
    fail(log, ValueError("what\x1b[2Jnow"))

    assert "Traceback (most recent call last):\n" in screen()
    assert screen().endswith("ValueError: what\\x1b[2Jnow\n")


def test_a_message_cannot_steer_the_terminal(screen, log):
    log.info("%s", "a\nb\x1b[2J\u2028")

    assert screen().endswith("a\\x0ab\\x1b[2J\\x2028\n")


@pytest.mark.parametrize(
    "header", [SECRET, f"k={SECRET}" + "x" * 9000, f"ä={SECRET}", f"{SECRET} =1"]
)
def test_what_a_caller_sends_as_baggage_is_not_written(written, header):
    lines = written(level="DEBUG")

    W3CBaggagePropagator().extract({"baggage": header})

    assert lines() == []
