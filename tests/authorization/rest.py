"""A request message as the HTTP request that the contract's rule makes of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from tests.authorization.contracts import header_of, http_rule

_VARIABLE = re.compile(r"\{([a-z_.]+)(?:=[^}]*)?\}")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An HTTP request; `bound` are the fields that its path says, by their paths."""

    verb: str
    url: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


def asked(method: MethodDescriptor, request: Message) -> Asked:
    """Put a message into path, query, body and headers."""
    verb, template, body = http_rule(method)
    rest = json_format.MessageToDict(request, preserving_proto_field_name=True)
    headers = [*_carried(request, rest)]
    path = _VARIABLE.sub(lambda found: quote(_taken(rest, found[1]), safe="/"), template)
    content: bytes | None = None
    if body == "*":
        content, rest = json.dumps(rest).encode(), {}
    elif body:
        content, kind = _part(request, body, rest.pop(body, None))
        headers.append(("content-type", kind))
    if body == "*":
        headers.append(("content-type", "application/json"))
    if method.client_streaming:
        headers = [("content-type", "application/x-ndjson")]
        content = (content or b"") + b"\n"
    query = urlencode(list(_pairs(rest)))
    url = f"{path}?{query}" if query else path
    return Asked(verb=verb, url=url, body=content, headers=tuple(headers))


def _part(request: Message, name: str, value: Any) -> tuple[bytes, str]:
    """The body of a rule that names a field: its JSON, or the bytes of an HttpBody."""
    part = getattr(request, name)
    if isinstance(part, Message) and part.DESCRIPTOR.full_name == "google.api.HttpBody":
        return part.data, part.content_type
    return json.dumps(value).encode(), "application/json"


def _carried(request: Message, rest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in request.DESCRIPTOR.fields:
        header = header_of(field)
        if header and field.name in rest:
            yield header.lower(), str(rest.pop(field.name))


def _taken(rest: dict[str, Any], path: str) -> str:
    """Take a value out: what the path says, nothing else may say."""
    *parents, last = path.split(".")
    for parent in parents:
        rest = rest[parent]
    return str(rest.pop(last))


def _pairs(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _pairs(inner, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            inside = isinstance(inner, dict)
            yield from _pairs(inner, f"{prefix}[{number}]" if inside else prefix)
    else:
        yield prefix, json.dumps(value) if isinstance(value, bool) else str(value)
