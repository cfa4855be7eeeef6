"""Messages made from descriptors: every field set, and each as its contract wants it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.api import httpbody_pb2
from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.type import money_pb2

from plait.mesh.interceptors.validate import violations
from tests.authorization.contracts import is_secret, message_class

UUID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
TEXTS = (
    *("text", "p1", "users/u1", "notifications/n1", "products/p1", "products/p1/stock"),
    *("products/p1/picture", "orders/o1", "payments/p1", "shipments/s1", "chats/c1"),
    *("sessions/s1", "auditEvents/a1", "carts/c1", "reservations/r1", "a@example.org", UUID),
    *("admin", "EUR", "DE", "OK", "0" * 32, "0" * 64, "4242", "a long enough text", "image/png"),
)
"""Texts of which one is right for every field; a contract that wants another adds it here."""

WHOLE: dict[str, Iterable[Message]] = {
    "google.type.Money": (money_pb2.Money(currency_code="EUR", units=1),),
    "google.protobuf.Timestamp": (timestamp_pb2.Timestamp(seconds=1_767_225_600),),
    "google.protobuf.Duration": (
        duration_pb2.Duration(seconds=60),
        duration_pb2.Duration(seconds=3600),
    ),
    "google.protobuf.FieldMask": (field_mask_pb2.FieldMask(),),
    "google.protobuf.Struct": (struct_pb2.Struct(),),
}
NUMBERS = (1, 2, 10, 100)

Texts = Callable[[bool], Iterable[str]]
"""What may stand in a field, told whether the field, or one around it, is a secret."""


def usual(_secret: bool) -> Iterable[str]:  # noqa: FBT001 - it is what `Texts` is told
    return TEXTS


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes messages with all their fields, one of each oneof.

    Attributes:
        texts: what may stand in a field of text or bytes; the first that is right does.
        strict: whether a value has to keep the rules of its field; else the first is taken.
    """

    texts: Texts = usual
    strict: bool = True

    def make(self, descriptor: Descriptor, *, secret: bool = False, depth: int = 0) -> Any:
        message = message_class(descriptor)()
        chosen: set[str] = set()
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if oneof is not None and not _is_optional(field):
                if oneof.name in chosen:
                    continue
                chosen.add(oneof.name)
            if depth < 4 and not _is_map(field):
                self._fill(message, field, secret=secret or is_secret(field), depth=depth)
        return message

    def _fill(self, message: Message, field: FieldDescriptor, *, secret: bool, depth: int) -> None:
        for value in self._values(field, secret=secret, depth=depth):
            _set(message, field, value)
            if not (self.strict and _breaks(message, field)):
                return
        raise AssertionError(f"no value that is known here is right for {field.full_name}: add one")

    def _values(self, field: FieldDescriptor, *, secret: bool, depth: int) -> Iterator[Any]:
        match field.type:
            case FieldDescriptor.TYPE_MESSAGE:
                yield from self._messages(field.message_type, secret=secret, depth=depth)
            case FieldDescriptor.TYPE_STRING:
                yield from self.texts(secret)
            case FieldDescriptor.TYPE_BYTES:
                yield from (text.encode() for text in self.texts(secret))
            case FieldDescriptor.TYPE_BOOL:
                yield True
            case FieldDescriptor.TYPE_ENUM:
                yield from (value.number for value in field.enum_type.values if value.number)
            case _:
                yield from NUMBERS

    def _messages(self, descriptor: Descriptor, *, secret: bool, depth: int) -> Iterator[Any]:
        if descriptor.full_name == "google.api.HttpBody":
            data = next(iter(self.texts(secret))).encode()
            yield httpbody_pb2.HttpBody(content_type="image/png", data=data)
        elif descriptor.full_name in WHOLE:
            yield from WHOLE[descriptor.full_name]
        else:
            yield self.make(descriptor, secret=secret, depth=depth + 1)


def complete(descriptor: Descriptor) -> Any:
    """Make a message with all its fields that breaks no rule of theirs."""
    return Maker().make(descriptor)


def _set(message: Message, field: FieldDescriptor, value: Any) -> None:
    message.ClearField(field.name)
    if field.is_repeated:
        getattr(message, field.name).extend([value])
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _breaks(message: Message, field: FieldDescriptor) -> bool:
    """Whether a rule of this field is broken; those of others are looked at with them."""
    alone = type(message)()
    alone.MergeFrom(message)
    for other, _ in message.ListFields():
        if other.name != field.name:
            alone.ClearField(other.name)
    own = (f"{field.name}.", f"{field.name}[")
    return any(
        found.field == field.name or found.field.startswith(own) for found in violations(alone)
    )


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_optional(field: FieldDescriptor) -> bool:
    """Whether its oneof is the invisible one of `optional` (proto3)."""
    return field.containing_oneof.name == f"_{field.name}"
