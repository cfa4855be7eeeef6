"""All framings keep the same promises."""

import pytest

from plait.gateway.streams.array import Array
from plait.gateway.streams.framing import Framing
from plait.gateway.streams.ndjson import Ndjson
from plait.gateway.streams.raw import Raw
from plait.gateway.streams.sse import Sse

TEXTS = (Ndjson, Array, Sse)


@pytest.mark.parametrize("kind", [*TEXTS, Raw])
def test_a_message_is_within_what_is_sent(kind):
    framing: Framing = kind()

    assert b'{"a":1}' in framing.message(b'{"a":1}', "p")


@pytest.mark.parametrize("kind", TEXTS)
def test_an_error_can_be_seen(kind):
    framing: Framing = kind()
    framing.message(b"{}")

    assert b'{"error":{}}' in (framing.error(b'{"error":{}}') or b"")


def test_bytes_have_no_place_for_an_error_or_an_end():
    assert Raw().error(b"{}") is None
    assert Raw().end() == b""
