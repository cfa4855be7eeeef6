"""JSON to messages: by the library where it is beyond doubt, else by the cold path as well."""

import json
from dataclasses import dataclass
from typing import Any

from protobuf import DescField, DescMessage, Message, Registry

from plait.errors import Violation
from plait.gateway.errors import InvalidRequest, MalformedJson
from plait.gateway.rest.contents import holds_any
from plait.gateway.rest.explain import malformed, problems_of, refusal
from plait.gateway.rest.punctuation import LEVELS, colons, too_deep
from plait.gateway.rest.secrets import holds_secret, is_secret

_REFUSED = (ValueError, TypeError, ArithmeticError, RecursionError)
_SHALLOW = 32
"""Levels of JSON that are too few to be too deep: a level of a Struct is three messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where JSON comes from.

    Attributes:
        where: what the text is, for error messages.
        at: the JSON path of its value in the request.
        depth: how many messages of the request the value lies in.
    """

    where: str = "the body"
    at: str = ""
    depth: int = 0


BODY = Source()


class MessageReader:
    """Reads messages of one type from proto3 JSON, strictly.

    As https://protobuf.dev/programming-guides/json says; beyond it refused: a key or a field
    twice, two members of a oneof, a number that no double holds, and more nesting than a service
    would read.

    Args:
        message: the type.
        registry: the types that an Any may hold.
    """

    def __init__(self, message: DescMessage, registry: Registry) -> None:
        self._message = message
        self._registry = registry
        self._type = message.type
        # An Any is written with keys and colons of its own, which would hide what was dropped.
        self._countable = not holds_any(message)

    def read(self, text: bytes, source: Source = BODY) -> Message[Any]:
        """Read a message.

        Raises:
            MalformedJson: the text is not JSON in UTF-8.
            InvalidRequest: it is no JSON of such a message; with a violation for each problem.
        """
        brackets = text.count(b"{") + text.count(b"[")
        if brackets > LEVELS:
            _check_nesting(text, source)
        try:
            message = self._type.from_json(text, registry=self._registry)
        except _REFUSED as error:
            raise self.explained(error, text, source) from None
        if brackets > _SHALLOW or not self._countable or not _nothing_dropped(message, text):
            _check(text, self._message, self._registry, source)
        return message

    def explained(
        self, error: Exception, text: bytes, source: Source = BODY
    ) -> InvalidRequest | MalformedJson:
        """Return why a text is refused of which the library says no more than `error`."""
        return _explained(error, text, self._message, self._registry, source)


def read_field(
    field: DescField, text: bytes, registry: Registry, source: Source = BODY
) -> Message[Any]:
    """Read the JSON of one field, of any kind; returns a message with this field.

    Raises:
        MalformedJson: it is not JSON.
        InvalidRequest: it is no value of the field; with a violation for each problem.
    """
    _check_nesting(text, source)
    _check(text, field, registry, source)
    name = json.dumps(field.json_name).encode()
    try:
        return field.parent.type.from_json(b"{%b:%b}" % (name, text), registry=registry)
    except _REFUSED as error:
        raise _explained(error, text, field, registry, source) from None


def _check_nesting(text: bytes, source: Source) -> None:
    if too_deep(text):  # protobuf-py 0.7 would end the process with a segmentation fault
        problem = f"expected at most {LEVELS} levels of nested arrays and objects"
        violation = Violation(field=source.at, description=problem, rule="json.depth")
        raise refusal([violation], source.where)


def _check(
    text: bytes, target: DescMessage | DescField, registry: Registry, source: Source
) -> None:
    try:
        problems = problems_of(text, target, registry, source.at, source.depth)
    except json.JSONDecodeError as error:
        raise malformed(error, text, source.where) from None
    if problems:
        raise refusal(problems, source.where)


def _explained(
    error: Exception,
    text: bytes,
    target: DescMessage | DescField,
    registry: Registry,
    source: Source,
) -> InvalidRequest | MalformedJson:
    """Return why the library has refused a text, in words of our own if we find it."""
    if isinstance(error, json.JSONDecodeError):
        return malformed(error, text, source.where)
    try:
        _check(text, target, registry, source)
    except (InvalidRequest, MalformedJson) as found:
        return found
    hidden = holds_secret(target) if isinstance(target, DescMessage) else is_secret(target)
    problem = f"expected JSON that fits the contract{'' if hidden else f': {error}'}"
    violation = Violation(field=source.at, description=problem, rule="json.type")
    return refusal([violation], source.where)


def _nothing_dropped(message: Message[Any], text: bytes) -> bool:
    """Say quickly that the message holds all that the text says; False is "perhaps".

    Written again, it has as many keys as the text, if no key was there twice and no value was a
    default.
    """
    try:
        written = message.to_json()
    except _REFUSED:
        return False
    if b"\\" in text:
        return colons(text) == colons(written.encode())
    return text.count(b":") == written.count(":")  # those in strings are the same on both sides
