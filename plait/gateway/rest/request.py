"""The parts of an HTTP request to a message: path first, then body, and the rest from the query."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from protobuf import DescField, DescFieldValueMessage, DescMessage, Message

from plait.errors import Violation
from plait.gateway.contracts import Contracts
from plait.gateway.errors import InvalidRequest
from plait.gateway.exposure import carried
from plait.gateway.rest.explain import refusal
from plait.gateway.rest.fields import Reader, TextError, elements_of, oneof_of
from plait.gateway.rest.query import pairs
from plait.gateway.rest.query_fields import QueryFields
from plait.gateway.rest.reading import BODY, MessageReader, Source, read_field
from plait.gateway.rest.secrets import reader_of
from plait.gateway.rules import Rule, field_of

HTTP_BODY = "google.api.HttpBody"
"""The message that stands for bytes of any type (google/api/httpbody.proto)."""


def unexpected_body() -> InvalidRequest:
    """Return the refusal of a body where a method takes none."""
    problem = "expected none: this method takes its fields from the path and the query"
    violation = Violation(field="", description=problem, rule="body.unexpected")
    return refusal([violation], BODY.where)


def message_of(field: DescField) -> DescMessage:
    """Return the type of a field that is a message.

    Raises:
        TypeError: it is none.
    """
    element = elements_of(field)
    if not isinstance(element, DescMessage):
        raise TypeError(f"expected a field that is a message, found {field.name}")
    return element


class _Slot(NamedTuple):
    """A field that a text from outside of body and query fills."""

    source: str  # the path variable, header or cookie that has the text
    place: str
    parents: tuple[DescField, ...]
    field: DescField
    read: Reader

    @classmethod
    def of(cls, message: DescMessage, path: str, source: str, place: str) -> "_Slot":
        names = path.split(".")
        parents = [field_of(message, ".".join(names[:end])) for end in range(1, len(names))]
        field = field_of(message, path)
        return cls(
            source=source,
            place=place,
            parents=tuple(parents),
            field=field,
            read=reader_of(*parents, field),
        )

    def fill(self, message: Message[Any], text: str) -> None:
        for parent in self.parents:
            if message[parent] is None:
                message[parent] = message_of(parent).type()
            message = message[parent]
        _set(message, self.field, self.read(text))

    @property
    def json_path(self) -> str:
        return ".".join(field.json_name for field in (*self.parents, self.field))


class RequestBinding:
    """From path, query, body, headers and cookies to a message; compiled once per route.

    Attributes:
        raw: the body is the bytes of a google.api.HttpBody.
    """

    def __init__(self, message: DescMessage, rule: Rule, contracts: Contracts) -> None:
        self._message = message
        self._registry = contracts.registry
        self._whole = rule.body == "*"
        self._field = None if rule.body in {"", "*"} else field_of(message, rule.body)
        self._inside = Source(at=self._field.json_name if self._field else "", depth=1)
        body = elements_of(self._field) if self._field else message if self._whole else None
        self.raw = isinstance(body, DescMessage) and body.type_name == HTTP_BODY
        read = body if isinstance(body, DescMessage) else message
        self._reader = MessageReader(read, contracts.registry)
        self._path = [
            _Slot.of(message, variable.field, variable.field, "path")
            for variable in rule.template.variables
        ]
        self._outside = [
            _Slot.of(message, field.name, header or cookie, "header" if header else "cookie")
            for field, header, cookie in carried(message, contracts.registry)
        ]
        self._query = QueryFields(message, self._bound(rule))

    def body(self, body: bytes, headers: Mapping[str, str], where: str) -> Message[Any]:
        """Return a message of what the body says; `where` names the body in errors.

        Raises:
            MalformedJson: it is not JSON.
            InvalidRequest: it does not fit, or there should be none.
        """
        if self.raw:
            return self._raw_body(body, headers.get("content-type", ""))
        if not body:
            return self._message.type()
        if self._whole:
            found = self._reader.read(body, _source(where))
            if self._outside:
                self._refuse_outside(found, where)
            return found
        if self._field is None:
            raise unexpected_body()
        return self._body_field(self._field, body, where)

    def fill(
        self,
        message: Message[Any],
        variables: Mapping[str, str],
        query: str,
        headers: Mapping[str, str],
    ) -> None:
        """Set what path, headers, cookies and query say.

        Raises:
            InvalidRequest: with a violation for each text that is wrong.
        """
        problems: list[Violation] = []
        for slot in self._path:
            _fill(slot, message, variables[slot.source], problems)
        if self._outside:
            for slot, text in self._texts(headers):
                _fill(slot, message, text, problems)
        if problems:
            raise refusal(problems, "the request")
        if query:
            self._query.fill(message, pairs(query))

    def serialized(self, message: Message[Any], body: bytes, where: str) -> bytes:
        """Return a message that was made from a body in binary.

        Raises:
            InvalidRequest: it has no binary form: protobuf-py 0.7 reads an enum of any size.
        """
        try:
            return message.to_binary()
        except OverflowError as error:
            source = self._inside if self._field else BODY
            raise self._reader.explained(error, body, replace(source, where=where)) from None

    def _bound(self, rule: Rule) -> dict[str, str]:
        """Say where fields come from that no query parameter may name."""
        in_body = self._message.fields if self._whole else [f for f in (self._field,) if f]
        bound = {field.name: "the body" for field in in_body}
        bound |= {variable.field: "the path" for variable in rule.template.variables}
        bound |= {slot.field.name: f"the {slot.place} {slot.source}" for slot in self._outside}
        return bound

    def _texts(self, headers: Mapping[str, str]) -> Iterator[tuple[_Slot, str]]:
        cookies = cookies_of(headers.get("cookie", ""))
        for slot in self._outside:
            text = (headers if slot.place == "header" else cookies).get(slot.source)
            if text is not None:
                yield slot, text

    def _body_field(self, field: DescField, body: bytes, where: str) -> Message[Any]:
        source = self._inside if where == BODY.where else replace(self._inside, where=where)
        if not isinstance(field.value, DescFieldValueMessage):
            return read_field(field, body, self._registry, source)
        message = self._message.type()
        _set(message, field, self._reader.read(body, source))
        return message

    def _raw_body(self, body: bytes, content_type: str) -> Message[Any]:
        if self._field is None:
            return self._message.type(content_type=content_type, data=body)
        raw = message_of(self._field).type(content_type=content_type, data=body)
        message = self._message.type()
        message[self._field] = raw
        return message

    def _refuse_outside(self, message: Message[Any], where: str) -> None:
        problems = [
            Violation(
                field=slot.json_path,
                description=f"expected this field in the {slot.place} {slot.source}",
                rule="json.bound",
            )
            for slot in self._outside
            if slot.field in message
        ]
        if problems:
            raise refusal(problems, where)


def _source(where: str) -> Source:
    return BODY if where == BODY.where else Source(where=where)


def cookies_of(header: str) -> dict[str, str]:
    """Read the header Cookie (RFC 6265 section 4.2.1); of a name that is there twice the first."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            found.setdefault(name, value.strip('"'))
    return found


def _set(message: Message[Any], field: DescField, value: Any) -> None:
    if oneof_of(field) is None:
        setattr(message, field.local_name, value)  # five times as fast
    else:
        message[field] = value


def _fill(slot: _Slot, message: Message[Any], text: str, problems: list[Violation]) -> None:
    try:
        slot.fill(message, text)
    except TextError as error:
        rule = f"{slot.place}.value"
        problems.append(Violation(field=slot.json_path, description=str(error), rule=rule))
