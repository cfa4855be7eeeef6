"""Mistakes carry the exit code of the command."""

from plait.local.mistake import FAILED, NOT_RUNNING, RUNNING, USAGE, Mistake


def test_a_mistake_is_a_failure_unless_it_says_otherwise():
    assert Mistake("x").code == FAILED == 1
    assert Mistake("x", code=USAGE).code == 2
    assert (NOT_RUNNING, RUNNING) == (3, 4)
