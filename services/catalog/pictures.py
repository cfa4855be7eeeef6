"""What the bytes of a picture are, told from their beginnings."""

import re
from datetime import datetime
from hashlib import sha256

from plait.errors import InvalidArgument, Violation
from services.catalog.domain import Picture, picture_name

LARGEST = 2 * 1024 * 1024
"""Bytes of a picture."""

_BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


class NotAPicture(InvalidArgument):
    """The bytes are not of the content type that they claim, or are none that is kept."""


def content_type_of(data: bytes) -> str:
    """Return the content type that the bytes begin like; empty if it is none that is kept."""
    return next((name for name, sign in _BEGINNINGS.items() if sign.match(data)), "")


def picture_of(product: str, *, content_type: str, data: bytes, now: datetime) -> Picture:
    """Return what is to be known of a product's new picture.

    Args:
        product: the product's name.
        content_type: what the caller says that the bytes are.
        data: the bytes.
        now: when it is set.

    Raises:
        NotAPicture: the bytes are something else, or too many.
    """
    if content_type not in _BEGINNINGS:
        raise _refusal("content.content_type", f"one of {', '.join(_BEGINNINGS)}", content_type)
    if len(data) > LARGEST:
        raise _refusal("content.data", f"at most {LARGEST} bytes", f"{len(data)}")
    if (found := content_type_of(data)) != content_type:
        raise _refusal("content.data", f"the bytes of an {content_type}", found or "something else")
    return Picture(
        name=picture_name(product),
        content_type=content_type,
        size_bytes=len(data),
        sha256=sha256(data).hexdigest(),
        update_time=now,
    )


def _refusal(field: str, expected: str, found: str) -> NotAPicture:
    message = f"must be {expected}; found {found[:100]!r}"
    violation = Violation(field=field, description=message, rule="picture.content")
    return NotAPicture(f"{field} {message}", violations=[violation])
