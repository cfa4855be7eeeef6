"""What admins do, and try in vain: who, what, to what, how it ended, from where (server).

An act that succeeds is kept by the service itself, in the transaction of its effect: `act` says
what there is to keep. One that is refused has no transaction, and may not even reach the servicer;
the interceptor keeps it.
"""

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from plait.errors import Code, Error
from plait.mesh.access import ME, may_act_for_others, owner_path
from plait.mesh.call import Call, Interceptor, Side
from plait.mesh.identity.identity import GATEWAY
from plait.mesh.interceptors.outcome import is_failure, outcome
from plait.mesh.method import SideEffects
from plait.mesh.origin import client_address
from plait.telemetry.current import trace_id

MOST_RESOURCE = 200  # characters

_NAME = re.compile(r"[a-z][A-Za-z]*/[a-z0-9-]+(/[A-Za-z0-9._-]+)*")  # of a resource, AIP-122
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that somebody did or tried.

    Attributes:
        actor: `users/{user}`, `services/{service}`, or empty if nobody was logged in.
        method: the full name, `shop.catalog.v1.CatalogService/CreateProduct`.
        resource: the name of what it was done to, or empty.
        status: the name of the status code.
        client_address: where the call came from, as the gateway saw it; empty from inside.
        trace_id: of the call's trace, or empty.
    """

    actor: str
    method: str
    resource: str
    status: str
    client_address: str
    trace_id: str


Keep = Callable[[Act], Awaitable[None]]
"""Keeps an act for good."""


def act(call: Call, resource: str, *, actor: str = "", status: Code = Code.OK) -> Act:
    """Return the act that a call is, done to this resource by its caller or by `actor`."""
    return Act(
        actor=actor or _caller(call),
        method=f"{call.method.service}/{call.method.name}",
        resource=resource,
        status=status.name,
        client_address=client_address(call),
        trace_id=trace_id(),
    )


def audit(keep: Keep) -> Interceptor:
    """Return the observer that keeps administrative acts which were refused to a known user.

    Administrative is what changes something and what only a role may: every call of a method for
    roles, and of one for owners if it is about what is somebody else's. A failure of the server is
    no refusal, and nobody knows who was without a token. If an act cannot be kept, that is logged
    and the caller's answer is what it was.
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        if not _may_be_administrative(call):
            yield
            return
        asked: list[Any] = []

        def see(message: Any) -> None:
            if not asked:  # of a stream the first, which says what it is about
                asked.append(message)

        call.receive.append(see)
        try:
            yield
        except Error as error:
            if _is_refused(call, error) and _is_administrative(call, error, asked):
                resource = resource_of(asked[0]) if asked else ""
                await _kept(keep, act(call, resource, status=error.code))
            raise

    return around


def resource_of(message: Any) -> str:
    """Return the name of what a request is about: its `name`, or that of the thing in it."""
    for field in message.DESCRIPTOR.fields:
        if field.name == "name" and _is_text(field):
            return _resource(message.name)
    for field in message.DESCRIPTOR.fields:
        inner = field.message_type
        if inner is None or field.is_repeated or "name" not in inner.fields_by_name:
            continue
        if _is_text(inner.fields_by_name["name"]):
            return _resource(getattr(message, field.name).name)
    return ""


def _is_text(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _resource(name: str) -> str:
    """Return the name if it can be one: nothing else of a request is ever written down."""
    return name if len(name) <= MOST_RESOURCE and _NAME.fullmatch(name) else ""


def _may_be_administrative(call: Call) -> bool:
    access = call.method.access
    if access is None or call.method.side_effects is SideEffects.NONE:
        return False
    return access.HasField("roles") or bool(access.HasField("user") and access.user.or_roles)


def _is_refused(call: Call, error: Error) -> bool:
    code = outcome(call, error)
    return code is not Code.CANCELLED and not is_failure(Side.SERVER, code)


def _is_administrative(call: Call, error: Error, asked: Sequence[Any]) -> bool:
    access = call.method.access
    if call.user is None or access is None:
        return False
    if access.HasField("roles"):
        return True
    if (path := owner_path(access, "request")) and asked:
        return _value(asked[0], path) not in {"", ME, call.user.name}
    return error.code is Code.PERMISSION_DENIED or may_act_for_others(access, call.user)


def _value(message: Any, path: Sequence[str]) -> str:
    for name in path:
        message = getattr(message, name)
    return str(message)


def _caller(call: Call) -> str:
    if call.user is not None:
        return call.user.name
    inside = call.workload is not None and call.workload.name != GATEWAY
    return f"services/{call.workload.name}" if call.workload and inside else ""


async def _kept(keep: Keep, done: Act) -> None:
    try:
        await keep(done)
    except Exception:  # noqa: BLE001 - the caller is refused whether it can be kept or not
        _log.exception("an act of %s could not be kept: %s", done.actor, done.method)
