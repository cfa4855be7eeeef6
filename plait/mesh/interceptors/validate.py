"""Is the request right: every message that comes in is checked against its contract (server)."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from plait.errors import InvalidArgument, Violation
from plait.mesh.call import Call, Interceptor

MAX_THOROUGH = 8 * 1024  # bytes of a message of which all violations are told, not the first alone


class InvalidRequest(InvalidArgument):
    """Fields of the request break rules of the contract (`buf.validate`)."""


def validate() -> Interceptor:
    """Return the interceptor that refuses messages which break a rule, before a handler sees them.

    Refuses with INVALID_ARGUMENT, reason INVALID_REQUEST, and the `violations` of the message.
    """

    def check(message: Any) -> None:
        found = violations(message)
        if found:
            raise InvalidRequest(_sentence(message, found), violations=found)

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        call.receive.append(check)
        yield

    return around


def violations(message: Any) -> tuple[Violation, ...]:
    """Return which rules of its contract a message breaks, by proto field path and rule id.

    All of them; of a message above 8 KiB the first alone, because a few bytes can break a rule a
    million times, and each takes half a kilobyte to tell. What is told are the rules' own words,
    never a value.
    """
    first_only = message.ByteSize() > MAX_THOROUGH
    return tuple(
        _violation(message, found.proto)
        for found in protovalidate.collect_violations(message, fail_fast=first_only)
    )


def _violation(message: Any, found: protovalidate.ViolationPb) -> Violation:
    elements = found.field.elements if found.field else ()
    path = ".".join(_segments(message.DESCRIPTOR, elements))
    return Violation(field=path, description=found.message, rule=found.rule_id)


def _segments(
    descriptor: Descriptor | None, elements: Iterable[protovalidate.FieldPathElementPb]
) -> Iterator[str]:
    """Yield the parts of a path; the key of a map that is a secret is left out."""
    secret = False
    for element in elements:
        field = descriptor.fields_by_name.get(element.field_name or "") if descriptor else None
        secret = secret or (field is not None and field.GetOptions().debug_redact)
        yield _segment(element, secret=secret)
        descriptor = _inside(field)


def _inside(field: FieldDescriptor | None) -> Descriptor | None:
    """Return the type of the messages in a field, be it a map of them."""
    inner: Descriptor | None = field.message_type if field is not None else None
    if inner is not None and inner.GetOptions().map_entry:
        return inner.fields_by_name["value"].message_type
    return inner


def _segment(element: protovalidate.FieldPathElementPb, *, secret: bool) -> str:
    name = element.field_name or str(element.field_number)
    if element.subscript is None:
        return name
    key = element.subscript.value
    if not isinstance(key, str):
        return f"{name}[{str(key).lower()}]"
    return f"{name}[...]" if secret else f'{name}["{key}"]'


def _sentence(message: Any, found: tuple[Violation, ...]) -> str:
    first = found[0]
    what = first.field or message.DESCRIPTOR.name
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{what}: {first.description}{more}"
