"""What a contract says about one RPC, read once from its descriptor."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from plait.api.v1 import options_pb2


class SideEffects(Enum):
    """What calling twice does (google.protobuf.MethodOptions.IdempotencyLevel)."""

    UNKNOWN = descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN
    NONE = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    IDEMPOTENT = descriptor_pb2.MethodOptions.IDEMPOTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """An RPC: its path, its shape, and the options that its contract carries.

    `access` is None where the contract has none: such a method is never served. `deadline` is in
    seconds, None where the contract leaves it to the default.
    """

    service: str
    name: str
    client_streaming: bool
    server_streaming: bool
    access: options_pb2.Access | None = None
    deadline: float | None = None
    side_effects: SideEffects = SideEffects.UNKNOWN

    @property
    def path(self) -> str:
        """The :path of the HTTP/2 request, `/shop.catalog.v1.CatalogService/GetProduct`."""
        return f"/{self.service}/{self.name}"

    @property
    def streams(self) -> bool:
        return self.client_streaming or self.server_streaming


FindMethod = Callable[[str], Method | None]
"""What is known of the method with this path; None if nothing is."""


def known_method(path: str) -> Method | None:
    """Return the method with this path, `/package.Service/Method`, if its code is loaded."""
    descriptor = find_descriptor(path)
    return method_of(descriptor) if descriptor else None


def find_descriptor(path: str) -> MethodDescriptor | None:
    """Return the descriptor of the method with this path from the pool of the generated code."""
    service, _, name = path.removeprefix("/").rpartition("/")
    try:
        return descriptor_pool.Default().FindServiceByName(service).methods_by_name.get(name)
    except KeyError:
        return None


def method_of(descriptor: MethodDescriptor) -> Method:
    """Read a method's shape and options from its descriptor, of whichever pool."""
    options = descriptor.GetOptions()
    return Method(
        service=descriptor.containing_service.full_name,
        name=descriptor.name,
        client_streaming=descriptor.client_streaming,
        server_streaming=descriptor.server_streaming,
        access=_access(options),
        deadline=_deadline(options),
        side_effects=SideEffects(options.idempotency_level),
    )


def _access(options: descriptor_pb2.MethodOptions) -> options_pb2.Access | None:
    if not options.HasExtension(options_pb2.access):
        return None
    return options.Extensions[options_pb2.access]


def _deadline(options: descriptor_pb2.MethodOptions) -> float | None:
    if not options.HasExtension(options_pb2.deadline):
        return None
    return options.Extensions[options_pb2.deadline].ToTimedelta().total_seconds()
