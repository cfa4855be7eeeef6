"""What the options and comments of a contract say about its fields, messages and other elements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from protobuf import (
    DescEnum,
    DescEnumValue,
    DescField,
    DescFile,
    DescMessage,
    DescMethod,
    DescService,
    Registry,
    message_to_json_value,
)

from plait.gateway.rest.output import EXACT
from plait.gateway.rest.writing import json_value

Element = DescService | DescMethod | DescMessage | DescField | DescEnum | DescEnumValue
"""What a comment can stand at."""

_Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNotes:
    """What the options of a field say.

    Attributes:
        behavior: names of google.api.FieldBehavior, for example `REQUIRED`, `OUTPUT_ONLY`.
        constraints: buf.validate.FieldRules as JSON with proto names and numbers as numbers, for
            example `{"required": True, "string": {"max_len": 64}}`.
        format: google.api.FieldInfo.Format, for example `UUID4`, or empty.
        resume_token: where a stream resumes (plait.api.v1.resume_token).
        header: the HTTP header that carries it, in lower case, or empty.
        cookie: the cookie that carries it, or empty.
        secret: `debug_redact`.
        deprecated: the standard option.
    """

    behavior: frozenset[str] = frozenset()
    constraints: Mapping[str, Any] = field(default_factory=dict[str, Any])
    format: str = ""
    resume_token: bool = False
    header: str = ""
    cookie: str = ""
    secret: bool = False
    deprecated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """google.api.resource of a message."""

    type: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotes:
    """What the options of a message say: its resource, and buf.validate.MessageRules as JSON."""

    constraints: Mapping[str, Any] = field(default_factory=dict[str, Any])
    resource: Resource | None = None
    deprecated: bool = False


def field_notes(descriptor: DescField, registry: Registry) -> FieldNotes:
    """Read the options of a field; options whose extension the registry lacks are as if absent."""
    options = _options(descriptor, registry)
    header, cookie = place_of(descriptor, registry)
    return FieldNotes(
        behavior=frozenset(options.get("[google.api.field_behavior]", ())),
        constraints=_constraints(descriptor, registry, "buf.validate.field"),
        format=options.get("[google.api.field_info]", {}).get("format", ""),
        resume_token=options.get("[plait.api.v1.resume_token]", False),
        header=header,
        cookie=cookie,
        secret=options.get("debug_redact", False),
        deprecated=descriptor.deprecated,
    )


def place_of(descriptor: DescField, registry: Registry) -> tuple[str, str]:
    """Return the header (in lower case) and the cookie that carry a field, both empty if none."""
    found = _extension(descriptor, registry, "plait.api.v1.http")
    place: dict[str, str] = {} if found is None else json_value(found, EXACT, registry)
    return place.get("header", "").lower(), place.get("cookie", "")


def message_notes(descriptor: DescMessage, registry: Registry) -> MessageNotes:
    """Read the options of a message."""
    found = _options(descriptor, registry).get("[google.api.resource]")
    resource = found and Resource(
        type=found.get("type", ""),
        patterns=tuple(found.get("pattern", ())),
    )
    return MessageNotes(
        constraints=_constraints(descriptor, registry, "buf.validate.message"),
        resource=resource or None,
        deprecated=descriptor.deprecated,
    )


def comments_of(files: Iterable[DescFile]) -> dict[str, str]:
    """Collect the comments of files, by `key_of` of their elements."""
    found: dict[str, str] = {}
    for file in files:
        info = file.proto.source_code_info
        if info is None:
            continue
        texts = {
            tuple(at.path): at.leading_comments or at.trailing_comments
            for at in info.location
            if at.leading_comments or at.trailing_comments
        }
        for path, element in _elements(file):
            if text := texts.get(path):
                found[key_of(element)] = _without_margin(text)
    return found


def key_of(element: Element) -> str:
    """Return a name that no other element of a registry has."""
    if isinstance(element, DescService | DescMessage | DescEnum):
        return element.type_name
    return f"{element.parent.type_name}.{element.name}"


def _options(descriptor: DescField | DescMessage, registry: Registry) -> _Options:
    options = descriptor.proto.options
    if options is None:
        return {}
    value = message_to_json_value(options, registry=registry, use_proto_field_name=True)
    return value if isinstance(value, dict) else {}


def _constraints(
    descriptor: DescField | DescMessage, registry: Registry, extension: str
) -> Mapping[str, Any]:
    found = _extension(descriptor, registry, extension)
    return {} if found is None else json_value(found, EXACT, registry)


def _extension(descriptor: DescField | DescMessage, registry: Registry, name: str) -> Any:
    """Return the value of an option, or None."""
    options, extension = descriptor.proto.options, registry.extension(name)
    if options is None or extension is None:
        return None
    kind = cast("Any", extension).type
    return options[kind] if kind in options else None  # noqa: SIM401 - a message has no get


_Path = tuple[int, ...]


def _elements(file: DescFile) -> Iterator[tuple[_Path, Element]]:
    """Walk a file with the paths of google.protobuf.SourceCodeInfo.Location."""
    for index, service in enumerate(file.services):
        yield (6, index), service
        for number, method in enumerate(service.methods):
            yield (6, index, 2, number), method
    yield from _of_messages((4,), file.proto.message_type, file.messages)
    yield from _of_enums((5,), file.enums)


def _of_messages(
    prefix: _Path, protos: Sequence[Any], messages: Sequence[DescMessage]
) -> Iterator[tuple[_Path, Element]]:
    by_name = {message.name: message for message in messages}
    for index, proto in enumerate(protos):
        message = by_name.get(proto.name)
        if message is None:  # the entry of a map, which nobody writes and nobody comments
            continue
        path = (*prefix, index)
        yield path, message
        for number, member in enumerate(message.fields):
            yield (*path, 2, number), member
        yield from _of_messages((*path, 3), proto.nested_type, message.nested_messages)
        yield from _of_enums((*path, 4), message.nested_enums)


def _of_enums(prefix: _Path, enums: Sequence[DescEnum]) -> Iterator[tuple[_Path, Element]]:
    for index, enum in enumerate(enums):
        path = (*prefix, index)
        yield path, enum
        for number, value in enumerate(enum.values):
            yield (*path, 2, number), value


def _without_margin(text: str) -> str:
    lines = text.rstrip().splitlines()
    return "\n".join(line.removeprefix(" ").rstrip() for line in lines).strip("\n")
