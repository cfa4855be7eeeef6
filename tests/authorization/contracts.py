"""The contracts of all seven services, as the tests of this folder walk them."""

from collections.abc import Iterator
from importlib import import_module

from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from plait.api.v1 import options_pb2

SERVICES = (
    *("catalog", "identity", "inventory", "notifications"),
    *("orders", "payments", "shipping"),
)
FILES = {name: import_module(f"shop.{name}.v1.{name}_pb2").DESCRIPTOR for name in SERVICES}
CONTRACTS = {
    name: next(iter(file.services_by_name.values())).full_name for name, file in FILES.items()
}
"""The full name of the one service of each contract, by its short name."""

METHODS: dict[str, MethodDescriptor] = {
    f"{service.full_name}/{method.name}": method
    for file in FILES.values()
    for service in file.services_by_name.values()
    for method in service.methods
}
"""All methods by `package.Service/Method`."""


def short(method: MethodDescriptor) -> str:
    """The short name of the service that has the method."""
    return method.containing_service.full_name.split(".")[1]


def access(method: MethodDescriptor) -> options_pb2.Access:
    return method.GetOptions().Extensions[options_pb2.access]


def owner(method: MethodDescriptor, side: str) -> list[str]:
    """The fields that lead to the owner in the request or the response; empty if there is none."""
    first, *rest = access(method).user.owner.split(".")
    return rest if first == side else []


def http_rule(method: MethodDescriptor):
    """The verb, template and body of the method's HTTP rule; None if it is internal."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return None
    rule = options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return verb.upper(), getattr(rule, verb), rule.body


def header_of(field: FieldDescriptor) -> str:
    """The HTTP header that carries a field, empty if none does."""
    return field.GetOptions().Extensions[options_pb2.http].header


def is_secret(field: FieldDescriptor) -> bool:
    return field.GetOptions().debug_redact


def message_class(descriptor: Descriptor) -> type[Message]:
    return message_factory.GetMessageClass(descriptor)


def fields_of(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield the fields of a message and of all that can be in it, each once."""
    seen, waiting = {descriptor.full_name}, [descriptor]
    while waiting:
        for field in waiting.pop().fields:
            yield field
            inner = field.message_type
            if inner is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                waiting.append(inner)
