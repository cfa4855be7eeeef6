"""Where a stream goes on: opaque tokens, bound to the query that they belong to.

A token holds whatever its stream needs to know of what it has told (a position, or the versions of
some things), in the stream's own bytes. Like a page token it carries no authorization: whoever
makes one up gets what they could have asked for without it.
"""

import base64
import binascii
import hashlib

from plait.errors import InvalidArgument, Violation

_CHECK_BYTES = 12
_VERSION = b"resume 1"


class InvalidResumeToken(InvalidArgument):
    """The resume token is damaged, or belongs to another stream."""


def resume_token(place: bytes, query: str) -> str:
    """Return the token that goes on at this place of this query's stream, 4 characters for 3 bytes.

    Args:
        place: what the stream needs to know; with 12 bytes more it is the token.
        query: everything that decides what the stream tells.
    """
    return base64.urlsafe_b64encode(_check(place, query) + place).decode().rstrip("=")


def resumed(token: str, query: str) -> bytes:
    """Return the place that a token holds.

    Args:
        token: what the caller sent.
        query: as it was given to `resume_token`.

    Raises:
        InvalidResumeToken: the token is damaged, or belongs to another query.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_resume_token() from error
    place = data[_CHECK_BYTES:]
    if data[:_CHECK_BYTES] != _check(place, query):
        raise invalid_resume_token()
    return place


def invalid_resume_token() -> InvalidResumeToken:
    """The error of a token that this stream cannot go on from; also for what its place holds."""
    message = (
        "must be the resume_token of a message of the same stream: ask for what was asked for "
        "then, or start again without a token"
    )
    return InvalidResumeToken(
        f"resume_token {message}",
        violations=[Violation(field="resume_token", description=message, rule="resume_token")],
    )


def _check(place: bytes, query: str) -> bytes:
    return hashlib.sha256(_VERSION + query.encode() + b"\0" + place).digest()[:_CHECK_BYTES]
