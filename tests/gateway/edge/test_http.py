"""A request and a response are values."""

from dataclasses import FrozenInstanceError

import pytest

from plait.gateway.edge.http import Response


def test_an_answer_cannot_be_changed_after_it_was_made():
    answer = Response(status=200)

    with pytest.raises(FrozenInstanceError):
        answer.status = 500

    assert (answer.headers, answer.body, answer.stream) == ((), b"", None)
