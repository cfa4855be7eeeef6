"""NDJSON: one JSON value a line, out and in.

A stream that breaks ends with the line `{"error":{...}}`; one that ends well just ends.
"""

from collections.abc import Iterator

from plait.gateway.errors import BodyTooLarge


class Ndjson:
    """Writes a stream as lines."""

    idle = b""

    def message(self, text: bytes, position: str = "") -> bytes:  # noqa: ARG002 - a line has no place for it
        return text + b"\n"

    def end(self) -> bytes:
        return b""

    def error(self, text: bytes) -> bytes:
        return text + b"\n"


class LineTooLong(BodyTooLarge):
    """A line of an NDJSON body has more bytes than one message may have: 413."""


class Lines:
    """Takes a body apart into lines as it comes; keeps at most one line and one chunk.

    Lines end with LF or CRLF, the last one also without; blank lines are skipped but counted, so
    that numbers are those that an editor shows.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Take in the next piece of the body; yield the lines that it completes, numbered.

        Raises:
            LineTooLong: a line has more than `limit` bytes, complete or not.
        """
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._rest += chunk[start:end]
            start = end + 1
            yield from self._line()
        self._rest += chunk[start:]
        self._check()

    def finish(self) -> Iterator[tuple[int, bytes]]:
        """Yield the last line if it had no line break."""
        if self._rest:
            yield from self._line()

    def _line(self) -> Iterator[tuple[int, bytes]]:
        self._check()
        self._number += 1
        line = bytes(self._rest).strip(b" \t\r")
        self._rest.clear()
        if line:
            yield self._number, line

    def _check(self) -> None:
        if len(self._rest) > self._limit:
            raise LineTooLong(
                f"line {self._number + 1} has more than {self._limit} bytes;"
                " expected one JSON value a line, each at most as long",
                line=str(self._number + 1),
            )
