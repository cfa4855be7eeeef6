"""A stream as one JSON array, out and in.

A stream that breaks ends with the element `{"error":{...}}`, and the array is closed, so that it
stays valid JSON.
"""

import re
from collections.abc import Iterator

from plait.gateway.errors import BodyTooLarge, MalformedJson

_OUTSIDE = re.compile(rb'["\[\]{},]')
_IN_TEXT = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"
_OPEN, _CLOSE = b"[{", b"]}"


class Array:
    """Writes a stream as an array; an element a line, so that a person can read it as it comes."""

    idle = b""

    def __init__(self) -> None:
        self._before = b"["

    def message(self, text: bytes, position: str = "") -> bytes:  # noqa: ARG002 - an element has no place for it
        before, self._before = self._before, b",\n"
        return before + text

    def end(self) -> bytes:
        return b"[]" if self._before == b"[" else b"]"

    def error(self, text: bytes) -> bytes:
        return self.message(text) + b"]"


class ElementTooLong(BodyTooLarge):
    """An element of a JSON array has more bytes than one message may have: 413."""


class Elements:
    """Takes the elements of a JSON array apart as they come, without reading what is in them.

    It follows strings and brackets only; whether an element is JSON is for its reader to say.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self._depth = 0  # 0: outside of the array, 1: between its elements
        self._in_text = self._escaped = self._ended = False
        self._number = 0

    @property
    def kept(self) -> int:
        """Return how many bytes are kept of an element that is not complete; at most `limit`."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Take in the next piece of the body; yield the elements that it completes, from number 1.

        Raises:
            MalformedJson: the body is no array, or there is something behind it.
            ElementTooLong: an element has more than `limit` bytes, complete or not.
        """
        kept = position = 0
        while (found := self._next(chunk, position)) is not None:
            symbol, position = found
            if self._delimits(symbol):
                self._keep(chunk[kept : position - 1])
                kept = position
                yield from self._delimited(symbol)
            elif symbol in _OPEN:
                self._depth += 1
            elif symbol in _CLOSE:
                self._depth -= 1
        self._keep(chunk[kept:])

    def finish(self) -> Iterator[tuple[int, bytes]]:
        """Yield nothing; a body that ends within the array is malformed, an empty one is empty."""
        if self._depth or self._in_text:
            raise MalformedJson(
                f"the body ends in the middle of the array, after {self._number} elements;"
                ' expected "," or "]"'
            )
        yield from ()

    def _next(self, chunk: bytes, position: int) -> tuple[bytes, int] | None:
        """Find the next bracket or comma outside of a string, and the position behind it."""
        while position < len(chunk):
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            found = (_IN_TEXT if self._in_text else _OUTSIDE).search(chunk, position)
            if found is None:
                return None
            symbol, position = found.group(), found.end()
            if symbol == b"\\":
                self._escaped = True
            elif symbol == b'"':
                self._in_text = not self._in_text
            else:
                return symbol, position
        return None

    def _delimits(self, symbol: bytes) -> bool:
        if self._depth == 0:
            return True
        return self._depth == 1 and (symbol == b"," or symbol in _CLOSE)

    def _delimited(self, symbol: bytes) -> Iterator[tuple[int, bytes]]:
        element = bytes(self._rest).strip(_SPACE)
        self._rest.clear()
        if self._depth == 0:
            if element or symbol != b"[" or self._ended:
                raise self._no_array()
            self._depth = 1
            return
        if element:
            self._number += 1
            yield self._number, element
        elif symbol == b"," or self._number:
            raise MalformedJson(f"the array has no element after number {self._number}")
        if symbol == b"}":
            raise MalformedJson(f'element {self._number + 1} begins with "}}"; expected a value')
        if symbol == b"]":
            self._depth, self._ended = 0, True

    def _keep(self, piece: bytes) -> None:
        if self._depth == 0:
            if piece.strip(_SPACE):
                raise self._no_array()
            return  # blanks around the array: nothing bounds them, so none are kept
        self._rest += piece
        if len(self._rest) > self._limit:
            number = self._number + 1
            raise ElementTooLong(
                f"element {number} of the array has more than {self._limit} bytes;"
                " expected each at most as long",
                element=str(number),
            )

    def _no_array(self) -> MalformedJson:
        if self._ended:
            return MalformedJson("something follows the array; expected the end of the body")
        return MalformedJson('the body is no JSON array; expected it to begin with "["')
