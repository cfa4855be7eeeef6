"""Who may call: the contract's `access` option, checked at the start and decided for each call."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from plait.api.v1 import options_pb2
from plait.errors import PermissionDenied
from plait.mesh.identity.identity import User, Workload
from plait.mesh.identity.tokens import TokenMissing
from plait.mesh.method import Method, find_descriptor, method_of

ME = "users/me"
PROBES = frozenset(
    {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
)
"""Services that have no contract of ours and that anyone may call."""


class ContractError(Exception):
    """A method cannot be served as its contract is; ends the start of a server."""


class RoleMissing(PermissionDenied):
    """The user has none of the roles that may call."""


class NotOwner(PermissionDenied):
    """It is somebody else's."""


class WorkloadNotAllowed(PermissionDenied):
    """The method is for other services than the one that calls."""


class NobodyAllowed(PermissionDenied):
    """The contract lets nobody call."""


def served_method(path: str) -> Method:
    """Return the method with this path (`/package.Service/Method`), if it can be served.

    Raises:
        ContractError: no generated code knows it, or its `access` option is missing or wrong.
    """
    descriptor = find_descriptor(path)
    if descriptor is None:
        raise ContractError(f"{path}: there is no such method in the generated code that is loaded")
    method = method_of(descriptor)
    if method.service in PROBES:
        return method
    _check(descriptor, method.access)
    return method


def permit(access: options_pb2.Access | None, user: User | None, workload: Workload | None) -> None:
    """Let a caller pass or raise why not; whose things it asks for is another question.

    Raises:
        TokenMissing: it must be known who calls.
        RoleMissing: the user has none of the roles.
        WorkloadNotAllowed: the service is none of those that may call.
        NobodyAllowed: the contract does not say who may, or in a way that this code does not know.
    """
    access = access or options_pb2.Access()
    match access.WhichOneof("caller"):
        case "public":
            return
        case "user":
            _permit_user(user)
        case "roles":
            _permit_roles(access.roles.any, user)
        case "internal":
            _permit_workload(access.internal.workloads, workload)
        case _:
            raise NobodyAllowed("the contract of this method does not say who may call it")


def owner_path(access: options_pb2.Access | None, side: str) -> tuple[str, ...]:
    """Return the names of the fields that lead to the owner in a message of `side`.

    `side` is `request` or `response`; the path is empty where the contract names no owner there.
    """
    owner = access.user.owner if access else ""
    first, *rest = owner.split(".")
    return tuple(rest) if first == side else ()


def may_act_for_others(access: options_pb2.Access, user: User) -> bool:
    return not user.roles.isdisjoint(access.user.or_roles)


def replace_me(message: Any, path: Sequence[str], user: User) -> None:
    """Write the caller's own name where the message says `users/me`."""
    *parents, last = path
    for parent in parents:
        if not message.HasField(parent):
            return
        message = getattr(message, parent)
    value: str = getattr(message, last)
    if value == ME or value.startswith(f"{ME}/"):
        setattr(message, last, user.name + value.removeprefix(ME))


def check_owner(message: Any, path: Sequence[str], user: User) -> None:
    """Let a message pass whose owner is the user.

    The owner is the value at the path, `users/{user}`, or the first two segments of the name of
    something below it (`users/{user}/notifications/{notification}`).

    Raises:
        NotOwner: it names somebody else, or nobody.
    """
    for name in path:
        message = getattr(message, name)
    if message != user.name and not message.startswith(f"{user.name}/"):
        raise NotOwner(f"{'.'.join(path)} does not name {user.name}, who calls")


def _permit_user(user: User | None) -> User:
    if user is None:
        raise TokenMissing("this method is for people who are logged in: send their token")
    return user


def _permit_roles(roles: Sequence[str], user: User | None) -> None:
    if _permit_user(user).roles.isdisjoint(roles):
        raise RoleMissing(f"this method is for people with the role {' or '.join(roles)}")


def _permit_workload(allowed: Sequence[str], workload: Workload | None) -> None:
    if workload is None:
        raise TokenMissing("this method is for other services: send a workload token")
    if workload.name not in allowed:
        raise WorkloadNotAllowed(f"this method is not for the service {workload.name}")


def _check(descriptor: MethodDescriptor, access: options_pb2.Access | None) -> None:
    def wrong(found: str, todo: str) -> ContractError:
        return ContractError(f"{descriptor.full_name}: {found}; {todo}")

    kind = access.WhichOneof("caller") if access else None
    if access is None or kind is None:
        raise wrong(
            "its contract does not say who may call it",
            "add `option (plait.api.v1.access)`, for example `{public: {}}`",
        )
    if kind == "roles" and not access.roles.any:
        raise wrong("`access.roles.any` is empty", "name the roles that may call")
    if kind == "internal" and not access.internal.workloads:
        raise wrong("`access.internal.workloads` is empty", "name the services that may call")
    if kind == "user" and access.user.owner:
        problem = _owner_problem(descriptor, access.user.owner)
        if problem:
            raise wrong(
                f"`access.user.owner` is {access.user.owner!r}, but {problem}",
                "expected the path of a string field, from `request.` or `response.`",
            )


def _owner_problem(descriptor: MethodDescriptor, owner: str) -> str:
    first, *names = owner.split(".")
    start = {"request": descriptor.input_type, "response": descriptor.output_type}.get(first)
    if start is None or not names:
        return f"{first!r} is neither `request.` nor `response.` with a field"
    return _path_problem(start, names)


def _path_problem(message: Descriptor, names: Sequence[str]) -> str:
    name, *rest = names
    field = message.fields_by_name.get(name)
    if field is None:
        return f"{message.full_name} has no field {name!r}"
    wanted = FieldDescriptor.TYPE_MESSAGE if rest else FieldDescriptor.TYPE_STRING
    if field.type != wanted or field.is_repeated:
        return f"{field.full_name} is not a single {'message' if rest else 'string'}"
    return _path_problem(field.message_type, rest) if field.message_type and rest else ""
