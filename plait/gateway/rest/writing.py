"""A message as proto3 JSON: by the library where it can and is exact, else by our own writer."""

import base64
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

from protobuf import (
    DescEnum,
    DescExtension,
    DescField,
    DescFieldValueList,
    DescFieldValueMap,
    DescMessage,
    Message,
    Registry,
    ScalarType,
)

from plait.errors import Internal
from plait.gateway.rest.contents import holds_alias, holds_float
from plait.gateway.rest.fields import (
    FLOAT_MAX,
    UNDER_VALUE,
    WRAPPERS,
    Element,
    elements_of,
    json_float,
)
from plait.gateway.rest.output import PLAIN, Output

_REFUSED = (ValueError, TypeError, ArithmeticError)
_INT64 = frozenset(
    {
        ScalarType.INT64,
        ScalarType.UINT64,
        ScalarType.SINT64,
        ScalarType.FIXED64,
        ScalarType.SFIXED64,
    }
)
_IMPLICIT = 2  # FeatureSet.FieldPresence.IMPLICIT of descriptor.proto
_GOOGLE = "google.protobuf."


class Writer:
    """Writes messages of one type as proto3 JSON (https://protobuf.dev/programming-guides/json).

    Beyond it: an Any whose type the registry lacks is its type and its bytes in base64, a
    FieldMask path that has no lowerCamel form stays as it is, and a Value without a kind is null.
    """

    def __init__(self, descriptor: DescMessage, registry: Registry) -> None:
        self._registry = registry
        # The library writes the float 0.1 as 0.10000000149011612, and of two names for one number
        # of an enum the last.
        self._by_library = not holds_float(descriptor) and not holds_alias(descriptor)

    def text(self, message: Message[Any], output: Output = PLAIN) -> str:
        """Write a message, on one line unless `output.pretty`.

        Raises:
            Internal: it has no JSON form, for example a timestamp after the year 9999.
        """
        if self._by_library and not output.int64_as_number:
            try:
                text = message.to_json(
                    registry=self._registry,
                    always_emit_implicit=output.defaults,
                    print_enums_as_ints=output.enums_as_numbers,
                    use_proto_field_name=output.proto_names,
                )
            except _REFUSED:
                text = dumps(json_value(message, output, self._registry))
        else:
            text = dumps(json_value(message, output, self._registry))
        return pretty(text) if output.pretty else text


def json_value(message: Message[Any], output: Output, registry: Registry) -> Any:
    """Return the JSON value of a message.

    Raises:
        Internal: it has no JSON form.
    """
    return _Values(output, registry).message(message)


def field_value(message: Message[Any], field: DescField, output: Output, registry: Registry) -> Any:
    """Return the JSON value of one field, set or not; null for a message that is not set.

    Raises:
        Internal: it has no JSON form.
    """
    return _Values(output, registry).field(field, message[field])


def dumps(value: Any) -> str:
    """Write a JSON value without spaces and line breaks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pretty(text: str) -> str:
    """Write JSON text again with line breaks and two spaces for each level."""
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


class _Values:
    """From messages and fields to JSON values."""

    def __init__(self, output: Output, registry: Registry) -> None:
        self._output = output
        self._registry = registry
        self._special: Mapping[str, Callable[[Message[Any]], Any]] = {
            f"{_GOOGLE}Any": self._any,
            f"{_GOOGLE}Duration": _library_value,
            f"{_GOOGLE}FieldMask": _mask,
            f"{_GOOGLE}ListValue": self._list_value,
            f"{_GOOGLE}Struct": self._struct,
            f"{_GOOGLE}Timestamp": _library_value,
            f"{_GOOGLE}Value": self._value,
        }

    def message(self, message: Message[Any]) -> Any:
        name = message.desc().type_name
        if name in WRAPPERS:
            return self._single(elements_of(message.desc().fields[0]), _only(message))
        write: Callable[[Message[Any]], Any] = self._special.get(name, self._fields)
        return write(message)

    def field(self, field: DescField | DescExtension, value: Any) -> Any:
        element = elements_of(field)
        if isinstance(field.value, DescFieldValueList):
            return [self._single(element, item) for item in value]
        if isinstance(field.value, DescFieldValueMap):
            return {_key(key): self._single(element, item) for key, item in value.items()}
        return self._single(element, value)

    def _fields(self, message: Message[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in message.desc().fields:
            if field in message or (self._output.defaults and field.presence == _IMPLICIT):
                name = field.name if self._output.proto_names else field.json_name
                found[name] = self.field(field, message[field])
        for extension in self._registry.extensions_for(message):
            kind = cast("Any", extension).type
            if kind in message:
                found[f"[{extension.type_name}]"] = self.field(extension, message[kind])
        return found

    def _single(self, element: Element, value: Any) -> Any:
        if isinstance(element, DescMessage):
            return None if value is None else self.message(value)
        if isinstance(element, DescEnum):
            return self._enum(element, int(value))
        if element in _INT64 and not self._output.int64_as_number:
            return str(value)
        return _scalar(element, value)

    def _enum(self, enum: DescEnum, number: int) -> str | int | None:
        if enum.type_name == f"{_GOOGLE}NullValue":
            return None
        if self._output.enums_as_numbers:
            return number
        return next((known.name for known in enum.values if known.number == number), number)

    def _struct(self, message: Message[Any]) -> dict[str, Any]:
        return {key: self.message(value) for key, value in _only(message).items()}

    def _list_value(self, message: Message[Any]) -> list[Any]:
        return [self.message(value) for value in _only(message)]

    def _value(self, message: Message[Any]) -> Any:
        for field in message.desc().fields:
            if field in message:
                return self.field(field, message[field])
        return None

    def _any(self, message: Message[Any]) -> dict[str, Any]:
        url_field, bytes_field = message.desc().fields
        url, packed = message[url_field], message[bytes_field]
        if not url and not packed:
            return {}
        known = self._registry.message(url.rpartition("/")[2])
        try:
            inner = None if known is None else known.type.from_binary(packed)
        except _REFUSED:
            inner = None
        if known is None or inner is None:
            return {"@type": url, "value": base64.b64encode(packed).decode()}
        value = self.message(inner)
        wrapped = {"value": value} if known.type_name in UNDER_VALUE else value
        return {"@type": url, **wrapped}


def _scalar(scalar: ScalarType, value: Any) -> Any:
    match scalar:
        case ScalarType.BYTES:
            return base64.b64encode(value).decode()
        case ScalarType.FLOAT:
            return json_float(_shortest(value))
        case ScalarType.DOUBLE:
            return json_float(value)
        case _:
            return value


def _only(message: Message[Any]) -> Any:
    """Return the value of a message's only field."""
    return message[message.desc().fields[0]]


def _library_value(message: Message[Any]) -> Any:
    try:
        return json.loads(message.to_json())
    except _REFUSED as error:
        raise Internal(f"a message has no JSON form: {error}") from error


def _key(key: str | bool | int) -> str:  # noqa: FBT001 - a map's key may be a bool
    return key if isinstance(key, str) else json.dumps(key)


def _shortest(value: float) -> float:
    """Return the number with the fewest digits that is the same as a float of 32 bits."""
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if abs(short) <= FLOAT_MAX and struct.unpack("f", struct.pack("f", short))[0] == value:
            return short
    return value


def _mask(message: Message[Any]) -> str:
    return ",".join(_camel(path) for path in _only(message))


def _camel(path: str) -> str:
    words = path.split("_")
    camel = words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])
    back = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)
    return camel if back == path else path
