"""The two encodings of OTLP/HTTP, binary and JSON protobuf: bytes <-> messages; pure."""

import base64
import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from plait.errors import InvalidArgument, ResourceExhausted

M = TypeVar("M", bound=Message)
MAX_JSON_VALUES = 250_000
"""Objects and commas of a body in JSON: room for ten thousand spans, a second of work."""

_IDS = ("traceId", "spanId", "parentSpanId")


class Encoding(Enum):
    """How a body is written; the value is its media type."""

    BINARY = "application/x-protobuf"
    JSON = "application/json"


class Malformed(InvalidArgument):
    """The body is not what its Content-Type says."""


class TooMany(ResourceExhausted):
    """The body is within its bytes and holds more than can be taken in at once."""


def to_binary(kind: type[M], body: bytes, encoding: Encoding) -> bytes:
    """Return the body in the binary encoding; unknown fields of JSON are ignored.

    Raises `Malformed` for JSON that is none of this message, `TooMany` for more of it than a
    parser can take in at once. JSON follows the OTLP specification, section "JSON Protobuf
    Encoding": ids are hexadecimal, not base64 as in other protobuf JSON.
    """
    if encoding is Encoding.BINARY:
        return body
    # Each object and each value costs the parser about five microseconds, in which nobody else
    # gets a turn; counting them in the text is a thousand times faster.
    if body.count(b"{") + body.count(b",") > MAX_JSON_VALUES:
        raise TooMany(f"expected at most {MAX_JSON_VALUES} values in JSON; send smaller batches")
    return _from_json(kind, body).SerializeToString()


def parse(kind: type[M], body: bytes | memoryview) -> M:
    """Return the message; raises `Malformed` if these bytes are none."""
    try:
        return kind.FromString(bytes(body))
    except DecodeError as error:
        raise Malformed(f"expected a binary {kind.DESCRIPTOR.full_name}: {error}") from error


def encode(message: Message, encoding: Encoding) -> bytes:
    """Return the message's bytes."""
    if encoding is Encoding.JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


def _from_json(kind: type[M], body: bytes) -> M:
    name = kind.DESCRIPTOR.full_name
    try:
        loaded = json.loads(body)
        document = _object(loaded)
        if loaded != document:
            raise Malformed(f"expected JSON ({name}), found no object")
        for holder in _with_ids(document):
            _hex_to_base64(holder)
        return json_format.ParseDict(document, kind(), ignore_unknown_fields=True)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(f"expected JSON ({name}), found {error.msg} at {where}") from error
    except UnicodeDecodeError as error:
        raise Malformed(f"expected JSON ({name}) in UTF-8: {error}") from error
    except RecursionError as error:
        raise Malformed(f"expected JSON ({name}), found it nested too deeply") from error
    except (json_format.ParseError, ValueError) as error:
        raise Malformed(f"expected JSON ({name}): {error}") from error


def _with_ids(document: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of a trace request that hold ids: spans and their links."""
    for group in _objects(document, "resourceSpans"):
        for scoped in _objects(group, "scopeSpans"):
            for span in _objects(scoped, "spans"):
                yield span
                yield from _objects(span, "links")


def _objects(holder: object, key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list of an object; other shapes are for the parser to refuse."""
    for item in _list(_object(holder).get(key)):
        if found := _object(item):
            yield found


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _hex_to_base64(holder: dict[str, Any]) -> None:
    for key in _IDS:
        found = holder.get(key)
        if isinstance(found, str):
            try:
                holder[key] = base64.b64encode(bytes.fromhex(found)).decode()
            except ValueError as error:
                raise Malformed(f"expected {key} in hexadecimal, found {found[:40]!r}") from error
