"""What a header list must be (RFC 9113 sections 8.1 to 8.3), apart from how it is encoded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from plait.rpc.http2.errors import ErrorCode, StreamFailed
from plait.rpc.http2.hpack import Header

NO_LENGTH = -1

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_CONNECTION_SPECIFIC = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)
_REQUEST = frozenset({b":method", b":scheme", b":authority", b":path"})
_RESPONSE = frozenset({b":status"})
_BLANK = b" \t"


@dataclass(frozen=True, slots=True)
class Head:
    """The first header list of a message: its pseudo-headers, the others in order, its length.

    `length` is that of `content-length`, NO_LENGTH where there is none.
    """

    pseudo: dict[bytes, bytes]
    fields: list[Header]
    length: int = NO_LENGTH


def request_head(headers: Sequence[Header]) -> Head:
    """Check the head of a request (section 8.3.1).

    Raises:
        StreamFailed: it is malformed (section 8.1.1).
    """
    pseudo, at = _pseudo(headers, _REQUEST)
    method = pseudo.get(b":method")
    if method is None:
        raise _malformed("a request has no :method")
    if method != b"CONNECT" and not (pseudo.get(b":path") and b":scheme" in pseudo):
        raise _malformed("a request has no :path or no :scheme")
    fields = list(headers[at:])
    return Head(pseudo, fields, check_fields(fields))


def response_head(headers: Sequence[Header]) -> Head:
    """Check the head of a response (section 8.3.2); raises as `request_head` does."""
    pseudo, at = _pseudo(headers, _RESPONSE)
    status = pseudo.get(b":status", b"")
    if len(status) != 3 or not status.isdigit():
        raise _malformed("a response has no :status of three digits")
    fields = list(headers[at:])
    return Head(pseudo, fields, check_fields(fields))


def check_fields(fields: Sequence[Header]) -> int:
    """Check what is no pseudo-header, in a head or in trailers; return the content-length.

    Raises:
        StreamFailed: a name or a value is not allowed (sections 8.2.1 and 8.2.2).
    """
    length = NO_LENGTH
    for name, value in fields:
        if not _is_allowed(name):
            raise _malformed(f"the header {name[:50]!r} is not allowed here")
        if value and (
            value[0] in _BLANK or value[-1] in _BLANK
            or b"\n" in value or b"\r" in value or b"\0" in value
        ):  # fmt: skip
            raise _malformed(f"the value of the header {name.decode()} is not allowed")
        if name == b"te" and value.lower() != b"trailers":
            raise _malformed("the header te may only say trailers")
        if name == b"content-length":
            length = _length(value, length)
    return length


def _pseudo(headers: Sequence[Header], allowed: frozenset[bytes]) -> tuple[dict[bytes, bytes], int]:
    """Return the pseudo-headers, which come first and once, and how many they are."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name[:1] != b":":
            break
        if name not in allowed or name in found:
            raise _malformed(f"the pseudo-header {name[:50]!r} is unknown or comes twice")
        found[name] = value
    return found, len(found)


@lru_cache(maxsize=1024)
def _is_allowed(name: bytes) -> bool:
    return name not in _CONNECTION_SPECIFIC and _NAME.fullmatch(name) is not None


def _length(value: bytes, before: int) -> int:
    if not value.isdigit() or len(value) > 19:
        raise _malformed("content-length is no number")
    length = int(value)
    if before not in (NO_LENGTH, length):
        raise _malformed("there are two values of content-length")
    return length


def _malformed(message: str) -> StreamFailed:
    return StreamFailed(ErrorCode.PROTOCOL_ERROR, message)
