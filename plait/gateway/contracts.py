"""What a descriptor set says about the services that are shown outside, read once and frozen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeVar

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import DecodeError
from protobuf import DescField, DescFile, DescMessage, DescMethod, DescService, Registry
from protobuf.wkt import FileDescriptorSet

from plait.gateway.exposure import (
    Deprecation,
    OptionError,
    carried,
    check_access,
    check_carried,
    deprecation_of,
    success_of,
)
from plait.gateway.notes import (
    Element,
    FieldNotes,
    MessageNotes,
    comments_of,
    field_notes,
    key_of,
    message_notes,
)
from plait.gateway.rest.conflicts import ambiguous
from plait.gateway.rest.names import nearest
from plait.gateway.rest.router import Route
from plait.gateway.rules import Rule, rules_of
from plait.mesh.method import Method as Rpc
from plait.mesh.method import method_of

T = TypeVar("T")

_HTTP: Any = annotations_pb2.http  # generated without types


class ContractError(Exception):
    """Contracts that cannot be served; `problems` are all that is wrong, each with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Method:
    """A method that is reachable from outside.

    Attributes:
        rpc: path, shape, access, deadline and side effects, as the mesh knows them.
        descriptor: its descriptor.
        rules: the HTTP rules, the main one first; never empty.
        success: the HTTP status of a success: 200, 201, 202 or 204.
        comment: what the contract says about it.
        deprecation: our option, if it has it; `descriptor.deprecated` is the standard one.
    """

    rpc: Rpc
    descriptor: DescMethod
    rules: tuple[Rule, ...]
    success: int = 200
    comment: str = ""
    deprecation: Deprecation | None = None

    @property
    def name(self) -> str:
        """The full name, for example `shop.catalog.v1.CatalogService.GetProduct`."""
        return f"{self.rpc.service}.{self.rpc.name}"

    @property
    def file(self) -> str:
        """The `.proto` that declares it."""
        return self.descriptor.parent.file.name

    @property
    def request(self) -> DescMessage:
        return self.descriptor.input

    @property
    def response(self) -> DescMessage:
        return self.descriptor.output


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Service:
    """A service of the list, with its methods that are reachable from outside, in their order."""

    descriptor: DescService
    methods: tuple[Method, ...]
    comment: str = ""

    @property
    def name(self) -> str:
        """The full name, for example `shop.catalog.v1.CatalogService`."""
        return self.descriptor.type_name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contracts:
    """Everything that outside styles are made of; a reload makes a new one.

    Attributes:
        services: those of the list, in its order.
        registry: all types of the descriptor set; needed to read and write google.protobuf.Any.
        comments: by `notes.key_of` of the element; `comment` looks one up.
    """

    services: tuple[Service, ...]
    registry: Registry
    comments: Mapping[str, str]

    @property
    def methods(self) -> tuple[Method, ...]:
        """All methods that are reachable from outside."""
        return tuple(method for service in self.services for method in service.methods)

    def comment(self, element: Element) -> str:
        """Return the comment at an element, without its margin; empty if there is none."""
        return self.comments.get(key_of(element), "")

    def field(self, descriptor: DescField) -> FieldNotes:
        """Return what the options of a field say."""
        return field_notes(descriptor, self.registry)

    def message(self, descriptor: DescMessage) -> MessageNotes:
        """Return what the options of a message say."""
        return message_notes(descriptor, self.registry)


def load(descriptor_set: bytes, services: Sequence[str]) -> Contracts:
    """Read a serialized google.protobuf.FileDescriptorSet with imports and source info.

    Args:
        descriptor_set: for example the bytes of `gen/contracts.binpb`.
        services: full names of the services to show outside; no other is routed or described.

    Raises:
        ContractError: naming all problems: a method with an HTTP rule but without access, or with
            an internal one; a template, field path or option that is wrong; two methods that one
            request could mean; a service that is not there.
    """
    registry, pool = _types(descriptor_set)
    reader = _Reader(registry, pool)
    found = [reader.service(name) for name in services]
    problems = [*reader.problems, *_conflicts([m for s in found if s for m in s.methods])]
    if problems:
        raise ContractError(problems)
    return Contracts(
        services=tuple(service for service in found if service is not None),
        registry=registry,
        comments=reader.comments,
    )


def _types(descriptor_set: bytes) -> tuple[Registry, descriptor_pool.DescriptorPool]:
    pool = descriptor_pool.DescriptorPool()
    try:
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
            pool.Add(file)
        return FileDescriptorSet.from_binary(descriptor_set).to_registry(), pool
    except (DecodeError, TypeError, ValueError) as error:
        problem = (
            "expected a google.protobuf.FileDescriptorSet with all imports, as "
            f"`protoc --include_imports --descriptor_set_out` writes it: {error}"
        )
        raise ContractError([problem]) from error


class _Reader:
    """Reads services, and collects what is wrong with them."""

    def __init__(self, registry: Registry, pool: descriptor_pool.DescriptorPool) -> None:
        self._registry = registry
        self._pool = pool
        self.comments = comments_of(found for found in registry if isinstance(found, DescFile))
        self.problems: list[str] = []

    def service(self, name: str) -> Service | None:
        descriptor = self._registry.service(name)
        if descriptor is None:
            known = [found.type_name for found in self._registry if isinstance(found, DescService)]
            self.problems.append(
                f'the contracts have no service "{name}"{nearest(name, known) or "."} '
                f"They have {', '.join(sorted(known)) or 'none'}"
            )
            return None
        methods = (self._method(method) for method in descriptor.methods)
        return Service(
            descriptor=descriptor,
            methods=tuple(method for method in methods if method is not None),
            comment=self.comments.get(key_of(descriptor), ""),
        )

    def _method(self, method: DescMethod) -> Method | None:
        """Read a method; None if it has no HTTP rule, or none that can be used."""
        twin = self._pool.FindMethodByName(f"{method.parent.type_name}.{method.name}")
        options: descriptor_pb2.MethodOptions = twin.GetOptions()
        if not options.HasExtension(_HTTP):
            return None
        rpc = method_of(twin)
        self._try(method, lambda: check_access(rpc), None)
        self._try(method, lambda: check_carried(method, self._registry), None)
        by_header = frozenset(field.name for field, _, _ in carried(method.input, self._registry))
        rules, wrong = rules_of(options.Extensions[_HTTP], method, by_header)
        self.problems.extend(f"{_place(method)}: {problem}" for problem in wrong)
        return Method(
            rpc=rpc,
            descriptor=method,
            rules=tuple(rules),
            success=self._try(method, lambda: success_of(options, method), 200),
            comment=self.comments.get(key_of(method), ""),
            deprecation=self._try(method, lambda: deprecation_of(options), None),
        )

    def _try(self, method: DescMethod, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except OptionError as error:
            self.problems.append(f"{_place(method)}: {error}")
            return otherwise


def _place(method: DescMethod) -> str:
    return f"{method.parent.file.name}: {method.parent.type_name}.{method.name}"


def _conflicts(methods: Sequence[Method]) -> Iterator[str]:
    routes = [
        Route(verb=rule.verb, template=rule.template, target=(method, rule))
        for method in methods
        for rule in method.rules
    ]
    for one, other, path in ambiguous(routes):
        pair = f"{_rule(*one.target)} and {_rule(*other.target)}"
        yield f'{pair}: "{one.verb} {path}" could mean both'
    streams = [route for route in routes if route.target[0].rpc.streams]
    for one, other in combinations(streams, 2):
        same = (
            one.template.verb == other.template.verb and one.template.shape == other.template.shape
        )
        if same and one.target[0] is not other.target[0]:
            yield (
                f"{_rule(*one.target)} and {_rule(*other.target)}: two streaming methods on one "
                "path, which a WebSocket could not tell apart"
            )


def _rule(method: Method, rule: Rule) -> str:
    return f'{method.file}: {method.name} (rule "{rule}")'
