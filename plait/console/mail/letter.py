"""A mail as its sender wrote it -> what a person reads of it; pure, and content with any bytes.

Nothing is rendered: HTML stays its own source. What cannot be taken apart is shown as it is.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from itertools import islice

_NESTED = 20  # parts within parts cost time for each line of the mail; more are not taken apart
_MARKS = 1000  # lines that may begin a part
_PARTS = 100  # that are looked at
_HEADERS = 200  # that are shown
_HEADER = 4096  # characters of one
_NEST = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part of a mail that is no text to read; its size in bytes."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What there is to read; `html` says that `text` is the source of HTML.

    `headers` are all of them, decoded, in their order.
    """

    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    html: bool = False
    attachments: tuple[Attachment, ...] = ()

    def header(self, name: str) -> str:
        """Return the first header of that name (in any spelling), or nothing."""
        wanted = name.lower()
        return next((value for known, value in self.headers if known.lower() == wanted), "")


def read(content: bytes) -> Letter:
    """Return what the mail says; it never fails, whatever the bytes are."""
    nested = len(_NEST.findall(content))
    if nested > _NESTED or (nested and content.count(b"\n--") > _MARKS):
        return Letter(text=source(content))
    message = email.message_from_bytes(content, policy=compat32)
    headers = islice(message.raw_items(), _HEADERS)
    parts = list(_leaves(message))
    readable = _first(parts, "text/plain", "text/html")
    return Letter(
        headers=tuple((clean(name), _decoded(str(value))) for name, value in headers),
        text="" if readable is None else _text(readable),
        html=readable is not None and readable.get_content_type() == "text/html",
        attachments=tuple(_attachment(part) for part in parts if part is not readable),
    )


def source(content: bytes) -> str:
    """Return the bytes as text: UTF-8, and a mark for each byte that is none."""
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def clean(text: str) -> str:
    """Return a text that can be written as UTF-8, with a mark for each part that cannot."""
    try:
        data = text.encode("utf-8", "surrogateescape")  # how parsers keep bytes that are no text
    except UnicodeEncodeError:
        data = text.encode("utf-8", "replace")
    return data.decode("utf-8", "replace")


def _leaves(message: "Message[str, str]") -> Iterator["Message[str, str]"]:
    for part in islice(message.walk(), _PARTS):
        if not part.is_multipart():
            yield part


def _first(parts: "list[Message[str, str]]", *media_types: str) -> "Message[str, str] | None":
    for media_type in media_types:
        for part in parts:
            attached = part.get_content_disposition() == "attachment"
            if part.get_content_type() == media_type and not attached:
                return part
    return None


def _text(part: "Message[str, str]") -> str:
    data = _bytes(part)
    try:
        text = data.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):  # there is no such charset, or it is none for texts
        text = data.decode("utf-8", "replace")
    return clean(text).replace("\r\n", "\n")


def _attachment(part: "Message[str, str]") -> Attachment:
    return Attachment(
        name=_decoded(part.get_filename("")),
        media_type=clean(part.get_content_type()),
        size=len(_bytes(part)),
    )


def _bytes(part: "Message[str, str]") -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _decoded(value: str) -> str:
    """Decode the words of RFC 2047 in a header, which stays as it is if they are none."""
    value = value[:_HEADER]
    try:
        text = str(make_header(decode_header(value)))
    except (ValueError, LookupError, HeaderParseError):
        text = value
    return _SPACE.sub(" ", clean(text)).strip()
