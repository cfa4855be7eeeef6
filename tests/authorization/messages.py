"""Messages made from descriptors: every field set, and each as its contract wants it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.api import httpbody_pb2
from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.type import money_pb2

from plait.mesh.interceptors.validate import violations
from tests.authorization.contracts import message_class

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
    "google.api.HttpBody": (httpbody_pb2.HttpBody(content_type="image/png", data=b"x"),),
    "google.protobuf.Timestamp": (timestamp_pb2.Timestamp(seconds=1_767_225_600),),
    "google.protobuf.Duration": (
        duration_pb2.Duration(seconds=60),
        duration_pb2.Duration(seconds=3600),
    ),
    "google.protobuf.FieldMask": (field_mask_pb2.FieldMask(),),
    "google.protobuf.Struct": (struct_pb2.Struct(),),
}
NUMBERS = (1, 2, 10, 100)

Texts = Callable[[FieldDescriptor], Iterable[str]]


def usual(_: FieldDescriptor) -> Iterable[str]:
    return TEXTS


def complete(descriptor: Descriptor, texts: Texts = usual, depth: int = 0) -> Any:
    """Make a message with all its fields, one of each oneof, that breaks no rule of theirs.

    Args:
        descriptor: what to make.
        texts: what may stand in a text field; the first that the contract allows does.
        depth: how deep it lies in another.
    """
    message = message_class(descriptor)()
    chosen: set[str] = set()
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and not _is_optional(field):
            if oneof.name in chosen:
                continue
            chosen.add(oneof.name)
        if depth < 4 and not _is_map(field):
            _fill(message, field, texts, depth)
    return message


def _fill(message: Message, field: FieldDescriptor, texts: Texts, depth: int) -> None:
    for value in _values(field, texts, depth):
        _set(message, field, value)
        if not _breaks(message, field):
            return
    raise AssertionError(f"no value that is known here is right for {field.full_name}: add one")


def _values(field: FieldDescriptor, texts: Texts, depth: int) -> Iterator[Any]:
    match field.type:
        case FieldDescriptor.TYPE_MESSAGE:
            name = field.message_type.full_name
            yield from WHOLE.get(name) or [complete(field.message_type, texts, depth + 1)]
        case FieldDescriptor.TYPE_STRING:
            yield from texts(field)
        case FieldDescriptor.TYPE_BYTES:
            yield b"x"
        case FieldDescriptor.TYPE_BOOL:
            yield True
        case FieldDescriptor.TYPE_ENUM:
            yield from (value.number for value in field.enum_type.values if value.number)
        case _:
            yield from NUMBERS


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
