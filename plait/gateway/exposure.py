"""May a method be shown outside as its options say? The checks that its contract must pass."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from google.protobuf import descriptor_pb2
from protobuf import DescField, DescMessage, DescMethod, Registry, ScalarType

from plait.api.v1 import options_pb2
from plait.gateway.notes import place_of
from plait.gateway.rest.fields import elements_of, has_text, is_single
from plait.mesh.method import Method as Rpc

_SUCCESSES = (200, 201, 202, 204)
_EMPTY = "google.protobuf.Empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """When a method goes away (plait.api.v1.Deprecation); `sunset` is None if not decided."""

    since: date
    sunset: date | None = None
    use_instead: str = ""


class OptionError(ValueError):
    """An option that contradicts the method that has it; the message says how."""


def check_access(rpc: Rpc) -> None:
    """Check that a method with an HTTP rule may be called from outside.

    Raises:
        OptionError: nobody is named, or only other services.
    """
    caller = rpc.access and rpc.access.WhichOneof("caller")
    if not caller:
        raise OptionError(
            "it has an HTTP rule but no option plait.api.v1.access: say who may call it, or remove "
            "the rule"
        )
    if caller == "internal":
        raise OptionError(
            "it has an HTTP rule but its access is internal: only services may call it; remove "
            "the rule"
        )


def success_of(options: descriptor_pb2.MethodOptions, method: DescMethod) -> int:
    """Return the HTTP status of a success, 200 without the option.

    Raises:
        OptionError: the status does not fit the response.
    """
    if not options.HasExtension(options_pb2.success):
        return 200
    status: int = options.Extensions[options_pb2.success].status
    if status not in _SUCCESSES:
        raise OptionError(f"plait.api.v1.success: expected 200, 201, 202 or 204, found {status}")
    if status == 204 and method.output.type_name != _EMPTY:
        raise OptionError(
            f"plait.api.v1.success: a 204 has no body, so {method.output.type_name} would be lost; "
            f"expected {_EMPTY} as the response"
        )
    if status == 201 and not _has_name(method.output):
        raise OptionError(
            f"plait.api.v1.success: a 201 sends the response's name as Location, but "
            f"{method.output.type_name} has no string field `name`"
        )
    return status


def deprecation_of(options: descriptor_pb2.MethodOptions) -> Deprecation | None:
    """Return when a method goes away, or None.

    Raises:
        OptionError: a date is none.
    """
    if not options.HasExtension(options_pb2.deprecation):
        return None
    found = options.Extensions[options_pb2.deprecation]
    since = _date("since", found.since)
    sunset = _date("sunset", found.sunset) if found.sunset else None
    return Deprecation(since=since, sunset=sunset, use_instead=found.use_instead)


def carried(message: DescMessage, registry: Registry) -> Iterator[tuple[DescField, str, str]]:
    """Yield the fields of a message that travel in a header or a cookie, with its name."""
    for field in message.fields:
        header, cookie = place_of(field, registry)
        if header or cookie:
            yield field, header, cookie


def check_carried(method: DescMethod, registry: Registry) -> None:
    """Check the option plait.api.v1.http of the fields of request and response.

    Raises:
        OptionError: a field has no text form, a name is used twice, or a response has a cookie.
    """
    for message in (method.input, method.output):
        seen: set[tuple[str, str]] = set()
        for field, header, cookie in carried(message, registry):
            where = f"{message.type_name}.{field.name}: plait.api.v1.http"
            if not is_single(field) or not has_text(elements_of(field)):
                raise OptionError(f"{where}: expected a single field that has a text form")
            if cookie and message is method.output:
                raise OptionError(f"{where}: a cookie is for requests only; expected a header")
            if (header, cookie) in seen:
                raise OptionError(f'{where}: "{header or cookie}" carries another field already')
            seen.add((header, cookie))


def _has_name(message: DescMessage) -> bool:
    names = (field for field in message.fields if field.name == "name")
    return any(is_single(field) and elements_of(field) is ScalarType.STRING for field in names)


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OptionError(
            f"plait.api.v1.deprecation: expected a date such as 2026-01-31 as {name}, "
            f'found "{text}"'
        ) from None
