"""Server-sent events (WHATWG HTML, section 9.2): messages, their positions, and how a stream ends.

Each message is an event without a name, with `id:` where the contract has a resume token. A stream
that ends well ends with `event: end`, one that breaks with `event: error`, so that a client can
tell both from a lost connection and knows whether to come back.
"""

import re

_BREAK = re.compile(rb"\r\n|\r|\n")
_NO_ID = re.compile(r"[\0\r\n]")


class Sse:
    """Writes a stream as events."""

    idle = b": still here\n\n"

    def message(self, text: bytes, position: str = "") -> bytes:
        return _event(text, head=_id(position))

    def end(self) -> bytes:
        return _event(b"{}", head=b"event: end\n")

    def error(self, text: bytes) -> bytes:
        return _event(text, head=b"event: error\n")


def _event(text: bytes, *, head: bytes) -> bytes:
    lines = b"".join(b"data: " + line + b"\n" for line in _BREAK.split(text))
    return head + lines + b"\n"


def _id(position: str) -> bytes:
    """Return the line of an id; none for one that a client could not send back."""
    if not position or _NO_ID.search(position):
        return b""
    return f"id: {position}\n".encode()
