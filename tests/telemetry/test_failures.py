"""Promises of exceptions as telemetry shows them."""

import sqlite3

import pytest

from plait.errors import NotFound
from plait.telemetry.failures import kind, record, stack
from plait.telemetry.recording import Recording

SECRET = "4111111111111111"


def raised(act):
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any exception
        act()
    return caught.value


def parse():
    return int(SECRET + "x")


def with_cause():
    try:
        parse()
    except ValueError as error:
        raise NotFound(f"no card {SECRET}") from error


def with_context():
    try:
        parse()
    except ValueError:
        raise KeyError(SECRET)  # noqa: B904 - the promise is about this form


def without_context():
    try:
        parse()
    except ValueError:
        raise KeyError(SECRET) from None


def in_a_group():
    raise ExceptionGroup(SECRET, [raised(parse), raised(with_cause)])


def recurse():
    recurse_with_many_lines(300)


def recurse_with_many_lines(left):
    # In turns, because Python prints a line that repeats itself only three times.
    if left:
        recurse_in_turn(left - 1)
    parse()


def recurse_in_turn(left):
    recurse_with_many_lines(left)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError(SECRET), "ValueError"),
        (NotFound(SECRET), "plait.errors.NotFound"),
        (sqlite3.IntegrityError(SECRET), "sqlite3.IntegrityError"),
    ],
)
def test_an_exception_is_named_in_full(error, name):
    assert kind(error) == name


@pytest.mark.parametrize("act", [parse, with_cause, with_context, without_context, in_a_group])
def test_a_stack_shows_where_and_never_what(act):
    text = stack(raised(act))

    assert f"in {act.__name__}" in text
    assert SECRET not in text


def test_a_stack_begins_with_the_cause():
    text = stack(raised(with_cause))

    assert (
        text.index("ValueError") < text.index("direct cause") < text.index("plait.errors.NotFound")
    )


def test_a_stack_begins_with_what_was_being_handled():
    text = stack(raised(with_context))

    assert text.index("ValueError") < text.index("During handling") < text.index("KeyError")


def test_a_context_that_was_put_aside_is_not_shown():
    text = stack(raised(without_context))

    assert "ValueError" not in text
    assert text.endswith("KeyError\n")


def test_the_parts_of_a_group_are_shown():
    text = stack(raised(in_a_group))

    assert "ExceptionGroup" in text
    assert text.index("ExceptionGroup") < text.index("plait.errors.NotFound")


def test_a_long_stack_keeps_its_end():
    text = stack(raised(recurse))

    assert len(text) == 16385
    assert text.startswith("…")
    assert text.endswith("ValueError\n")


def test_a_chain_without_end_is_still_shown():
    error, other = raised(parse), raised(parse)
    error.__cause__, other.__cause__ = other, error

    text = stack(error)

    assert text.count("ValueError") == 10


def test_an_exception_on_a_span_has_no_message():
    recording = Recording()
    with recording.tracers.get_tracer("test").start_as_current_span("work") as span:
        record(span, raised(with_cause))

    [event] = recording.spans()[0].events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "plait.errors.NotFound"
    assert "in with_cause" in event.attributes["exception.stacktrace"]
    assert set(event.attributes) == {"exception.type", "exception.stacktrace"}
