"""Server-sent events, as a browser reads them (WHATWG HTML 9.2.6)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.streams.sse import Sse


def read(stream: str) -> list[tuple[str, str, str]]:
    """Return name, data and id of each event that a browser would dispatch."""
    events, name, data, last = [], "", [], ""
    for line in re.split(r"\r\n|\r|\n", stream):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append((name or "message", "\n".join(data), last))
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last = value
    return events


def test_a_message_has_its_position_as_id():
    assert read(Sse().message(b'{"a":1}', "p7").decode()) == [("message", '{"a":1}', "p7")]


def test_a_message_without_a_position_has_no_id():
    assert b"id:" not in Sse().message(b"{}")


@pytest.mark.parametrize("position", ["a\nb", "a\rb", "a\0b"])
def test_a_position_that_no_client_could_send_back_is_left_out(position):
    assert b"id:" not in Sse().message(b"{}", position)


def test_the_end_and_an_error_are_events_of_their_own():
    framing = Sse()

    assert read(framing.end().decode()) == [("end", "{}", "")]
    assert read(framing.error(b'{"error":{}}').decode()) == [("error", '{"error":{}}', "")]


def test_a_heartbeat_is_no_event():
    assert read(Sse().idle.decode()) == []
    assert Sse().idle.startswith(b":")


@given(st.text(min_size=1))
def test_any_text_arrives_whole(text):
    (event,) = read(Sse().message(text.encode(errors="replace")).decode())

    assert event[1] == re.sub(r"\r\n|\r", "\n", text.encode(errors="replace").decode())
