"""Bytes stay bytes."""

from plait.gateway.streams.raw import Raw


def test_bytes_follow_one_another_as_they_are():
    framing = Raw()

    assert framing.message(b"\x00\n") + framing.message(b"\xff") + framing.end() == b"\x00\n\xff"
