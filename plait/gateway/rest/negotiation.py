"""Which form a reply takes, by Accept, and in which form a body came, by Content-Type."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from plait.gateway.errors import NotAcceptable, UnsupportedMediaType


class Format(Enum):
    """A form of a body; the value is its media type."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    SSE = "text/event-stream"
    PROBLEM = "application/problem+json"
    RAW = "*/*"

    @property
    def content_type(self) -> str:
        """The value of the header Content-Type; RAW has none of its own."""
        return self.value


_NAMES = {
    Format.JSON: (Format.JSON.value,),
    Format.NDJSON: (Format.NDJSON.value, "application/ndjson", "application/jsonl"),
    Format.SSE: (Format.SSE.value,),
    Format.PROBLEM: (Format.PROBLEM.value,),
}
_STREAM = (Format.NDJSON, Format.JSON, Format.SSE)
_SINGLE = (Format.JSON,)
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
_KEPT = 256  # headers whose answer is remembered: clients send few different ones


class _Range(NamedTuple):
    """A media range of Accept, without its parameters."""

    type: str
    quality: float

    def precision(self, name: str) -> int:
        """Say how exactly it fits a media type: 0 not at all, 3 by name."""
        if self.type == name:
            return 3
        if self.type.endswith("/*") and name.startswith(self.type[:-1]):
            return 2
        return 1 if self.type in {"*/*", "*"} else 0


@lru_cache(maxsize=_KEPT)
def reply_format(accept: str, *, streaming: bool, raw: bool = False) -> Format:
    """Choose the form of a success by the header Accept (RFC 9110 section 12.5.1).

    A single message is JSON. A stream is NDJSON by default and for `*/*`, a JSON array for
    application/json, SSE for text/event-stream. Who accepts application/problem+json for errors
    accepts JSON for the rest. `raw` (google.api.HttpBody): RAW; what it holds is known only
    later, so any Accept will do.

    Raises:
        NotAcceptable: the client accepts none of the forms (406).
    """
    if raw:
        return Format.RAW
    forms = _STREAM if streaming else _SINGLE
    ranges = _ranges(accept)
    best = max(forms, key=lambda form: _quality(form, ranges))  # of equals the first
    if _quality(best, ranges) > 0:
        return best
    if any(part.type == Format.PROBLEM.value and part.quality > 0 for part in ranges):
        return Format.JSON
    offered = ", ".join(form.value for form in forms)
    raise NotAcceptable(f'expected one of {offered} in Accept, found "{accept[:200]}"')


@lru_cache(maxsize=_KEPT)
def error_format(accept: str) -> Format:
    """Choose the form of an error: PROBLEM where it is named and not less wanted than JSON."""
    ranges = _ranges(accept)
    named = max((part.quality for part in ranges if part.type == Format.PROBLEM.value), default=0)
    return Format.PROBLEM if named > 0 and named >= _quality(Format.JSON, ranges) else Format.JSON


@lru_cache(maxsize=_KEPT)
def body_format(content_type: str, *, streaming: bool, raw: bool = False) -> Format:
    """Read from Content-Type in which form a body is: JSON; for a stream NDJSON or JSON (array).

    An absent Content-Type is JSON, NDJSON for a stream. Types with the suffix `+json` are JSON.
    `raw`: RAW, whatever the type.

    Raises:
        UnsupportedMediaType: it is none of these, or its charset is not UTF-8 (415).
    """
    if raw:
        return Format.RAW
    default = Format.NDJSON if streaming else Format.JSON
    if not content_type.strip():
        return default
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    _check_charset(parameters)
    if name == Format.JSON.value or name.endswith("+json"):
        return Format.JSON
    if streaming and name in _NAMES[Format.NDJSON]:
        return Format.NDJSON
    expected = f"{default.value} or {Format.JSON.value}" if streaming else Format.JSON.value
    raise UnsupportedMediaType(f'expected the Content-Type {expected}, found "{name[:200]}"')


def _ranges(accept: str) -> Sequence[_Range]:
    found = [_range(part) for part in accept.split(",") if part.strip()]
    return found or [_Range("*/*", 1.0)]


def _range(text: str) -> _Range:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return _Range(name, min(max(float(quality), 0.0), 1.0))
    except ValueError:  # not a weight: the range itself is meant
        return _Range(name, 1.0)


def _quality(form: Format, ranges: Sequence[_Range]) -> float:
    """Return the weight that the most exact range gives to a form; 0 if none fits."""
    fitting = (
        (part.precision(name), part.quality)
        for name in _NAMES[form]
        for part in ranges
        if part.precision(name)
    )
    return max(fitting, default=(0, 0.0))[1]


def _check_charset(parameters: Sequence[str]) -> None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"')
        if name.strip() == "charset" and charset not in _UTF_8:
            raise UnsupportedMediaType(
                f'expected JSON in UTF-8, found the charset "{charset[:40]}"'
            )
