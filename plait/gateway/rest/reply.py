"""A message to an HTTP reply: JSON or bytes, and the headers that its fields fill."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

from protobuf import DescFieldValueMessage, DescMessage, Message

from plait.errors import Internal
from plait.gateway.contracts import Contracts, Method
from plait.gateway.exposure import carried
from plait.gateway.rest.fields import elements_of, text_of
from plait.gateway.rest.output import Output
from plait.gateway.rest.request import HTTP_BODY
from plait.gateway.rest.template import ONE
from plait.gateway.rest.writing import Writer, dumps, field_value, pretty
from plait.gateway.rules import Rule, field_of

JSON = "application/json"
BYTES = "application/octet-stream"

_REFUSED = (ValueError, TypeError, ArithmeticError, RecursionError)
_VISIBLE = "".join(chr(code) for code in range(0x20, 0x7F))

Headers = tuple[tuple[str, str], ...]


class Reply(NamedTuple):
    """What a message becomes over HTTP: `headers` are those that its fields fill."""

    content_type: str
    body: bytes
    headers: Headers = ()


class ReplyBinding:
    """From a serialized message to a reply; compiled once per route.

    Attributes:
        raw: the reply is the bytes of a google.api.HttpBody.
    """

    def __init__(self, method: Method, rule: Rule, contracts: Contracts) -> None:
        self._method = method
        self._registry = contracts.registry
        self._field = field_of(method.response, rule.response_body) if rule.response_body else None
        shown = method.response if self._field is None else elements_of(self._field)
        self.raw = isinstance(shown, DescMessage) and shown.type_name == HTTP_BODY
        self._writer = Writer(
            shown if isinstance(shown, DescMessage) else method.response, self._registry
        )
        self._carried = [(f, header) for f, header, _ in carried(method.response, self._registry)]
        self._created = method.success == 201
        self._folder = _folder(method, rule, contracts.methods) if self._created else ""

    def reply(self, message: bytes, output: Output) -> Reply:
        """Return a serialized message as a reply.

        Raises:
            Internal: it cannot be read or has no JSON form.
        """
        try:
            found = self._method.response.type.from_binary(message)
        except _REFUSED as error:
            expected = self._method.response.type_name
            raise Internal(
                f"the answer of {self._method.name} is no {expected}: {error}"
            ) from error
        headers = self._headers(found) if self._carried or self._created else ()
        if self.raw:
            return self._bytes(found, headers)
        return Reply(JSON, self._text(found, output).encode(), headers)

    def _text(self, message: Message[Any], output: Output) -> str:
        if self._field is None:
            return self._writer.text(message, output)
        if isinstance(self._field.value, DescFieldValueMessage) and self._field in message:
            return self._writer.text(message[self._field], output)
        text = dumps(field_value(message, self._field, output, self._registry))
        return pretty(text) if output.pretty else text

    def _bytes(self, message: Message[Any], headers: Headers) -> Reply:
        raw: Message[Any] | None = message if self._field is None else message[self._field]
        if raw is None:
            return Reply(BYTES, b"", headers)
        values = {field.name: raw[field] for field in raw.desc().fields}
        return Reply(header_text(values["content_type"]) or BYTES, values["data"], headers)

    def _headers(self, message: Message[Any]) -> Headers:
        found: list[tuple[str, str]] = []
        if self._created:
            name = message[field_of(self._method.response, "name")]
            found.append(("location", self._folder + quote(name, safe="/:@")))
        for field, header in self._carried:
            if field in message:
                found.append((header, header_text(text_of(elements_of(field), message[field]))))
                message.clear_field(field.name)
        return tuple(found)


def header_text(text: str) -> str:
    """Percent-encode what the value of a header cannot hold (RFC 9110 section 5.5)."""
    return quote(text, safe=_VISIBLE)


def _folder(method: Method, rule: Rule, methods: Iterable[Method]) -> str:
    """Return what stands before a resource's name in its path.

    Taken from the GET of the same message whose path ends with the variable `name`; without
    such a method from the first segment of the rule itself (`/v1/`).
    """
    for other in methods:
        for candidate in other.rules if other.response is method.response else ():
            if (folder := _before_name(candidate)) is not None:
                return folder
    first = rule.template.segments[0]
    return "/" if first.startswith(ONE) else f"/{first}/"


def _before_name(rule: Rule) -> str | None:
    template = rule.template
    if rule.verb != "GET" or template.verb or len(template.variables) != 1:
        return None
    variable = template.variables[0]
    if variable.field != "name" or variable.end != len(template.segments):
        return None
    return "".join(f"/{segment}" for segment in template.segments[: variable.start]) + "/"
