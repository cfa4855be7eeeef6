"""Promises of the audit: what only admins may do is kept when it is refused, and nothing else."""

import asyncio
import logging
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from plait.api.v1 import options_pb2
from plait.errors import (
    Aborted,
    Cancelled,
    Code,
    DeadlineExceeded,
    Internal,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from plait.mesh.call import Call, Side
from plait.mesh.identity.identity import User, Workload
from plait.mesh.interceptors.audit import Act, act, audit, resource_of
from plait.mesh.interceptors.tracing import tracing
from plait.mesh.metadata import CLIENT_ADDRESS
from plait.mesh.method import Method, SideEffects
from plait.telemetry.recording import Recording
from plait.testing import serving
from shop.catalog.v1 import catalog_pb2
from shop.identity.v1 import identity_pb2
from tests.mesh.asking import ask
from tests.mesh.echo import Echo, EchoRequest, EchoStub, add_echo

ADMIN = options_pb2.Access(roles={"any": ["admin"]})
OWN = options_pb2.Access(user={"owner": "request.user.name", "or_roles": ["admin"]})
OWN_ALONE = options_pb2.Access(user={"owner": "request.user.name"})
ANSWERED = options_pb2.Access(user={"owner": "response.customer", "or_roles": ["admin"]})
PUBLIC = options_pb2.Access(public={})
ANNA, BOSS = User(name="users/anna"), User(name="users/boss", roles=frozenset({"admin"}))
GRANT = identity_pb2.GrantRoleRequest(name="users/bert", role="admin")
HERE = [(CLIENT_ADDRESS, "203.0.113.7")]


def call(access=ADMIN, user=ANNA, *, side_effects=SideEffects.UNKNOWN, **known):
    method = Method(
        service="shop.v1.Shop",
        name="Do",
        client_streaming=False,
        server_streaming=False,
        access=access,
        side_effects=side_effects,
    )
    return Call(method=method, side=Side.SERVER, user=user, **known)


async def kept_of(call, *messages, error=None):
    """What is kept of a call that sees these messages and then ends."""
    kept = []

    async def keep(act):
        kept.append(act)

    with nullcontext() if error is None else pytest.raises(type(error)):
        async with audit(keep)(call):
            for message in messages:
                call.received(message)
            if error is not None:
                raise error
    return kept


def update(name):
    return identity_pb2.UpdateUserRequest(user=identity_pb2.User(name=name))


async def test_a_refused_act_is_kept_with_who_what_to_what_and_from_where():
    refused = call(metadata=HERE, workload=Workload(name="gateway"))

    kept = await kept_of(refused, GRANT, error=PermissionDenied("no"))

    assert kept == [
        Act(
            actor="users/anna",
            method="shop.v1.Shop/Do",
            resource="users/bert",
            status="PERMISSION_DENIED",
            client_address="203.0.113.7",
            trace_id="",
        )
    ]


async def test_one_that_is_refused_before_its_request_is_read_is_kept_without_a_resource():
    [kept] = await kept_of(call(), error=PermissionDenied("no"))

    assert (kept.actor, kept.resource) == ("users/anna", "")


async def test_of_a_stream_the_first_message_tells_what_it_is_about():
    [kept] = await kept_of(call(), GRANT, update("users/carl"), error=PermissionDenied("no"))

    assert kept.resource == "users/bert"


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (PermissionDenied("no"), True),
        (NotFound("nobody"), True),
        (Aborted("stale"), True),
        (Cancelled("gone"), False),
        (DeadlineExceeded("late"), False),
        (Unavailable("away"), False),
        (Internal("a bug"), False),
        (KeyError("a bug"), False),
        (asyncio.CancelledError(), False),
        (None, False),
    ],
)
async def test_only_a_refusal_is_kept(error, is_kept):
    kept = await kept_of(call(user=BOSS), GRANT, error=error)

    assert [each.status for each in kept] == ([error.code.name] if is_kept else [])


@pytest.mark.parametrize(
    ("access", "user", "message", "is_kept"),
    [
        (ADMIN, ANNA, GRANT, True),
        (ADMIN, BOSS, GRANT, True),
        (ADMIN, None, GRANT, False),
        (OWN, ANNA, update("users/bert"), True),
        (OWN, BOSS, update("users/bert"), True),
        (OWN, ANNA, update("users/anna"), False),
        (OWN, ANNA, update("users/me"), False),
        (OWN, ANNA, update(""), False),
        (OWN, None, update("users/bert"), False),
        (OWN_ALONE, ANNA, update("users/bert"), False),
        (ANSWERED, ANNA, GRANT, True),
        (PUBLIC, ANNA, GRANT, False),
        (None, ANNA, GRANT, False),
    ],
)
async def test_only_what_admins_may_do_to_others_is_kept(access, user, message, is_kept):
    kept = await kept_of(call(access, user), message, error=PermissionDenied("no"))

    assert bool(kept) is is_kept


@pytest.mark.parametrize(("user", "is_kept"), [(ANNA, False), (BOSS, True)])
async def test_where_only_the_answer_names_an_owner_who_asks_decides(user, is_kept):
    kept = await kept_of(call(ANSWERED, user), GRANT, error=NotFound("no such order"))

    assert bool(kept) is is_kept


async def test_a_refused_read_is_no_act():
    read = call(side_effects=SideEffects.NONE)

    assert await kept_of(read, GRANT, error=PermissionDenied("no")) == []


async def test_what_cannot_be_kept_is_logged_and_changes_no_answer(caplog):
    async def fail(act):
        raise OSError("the disk is full")

    with pytest.raises(PermissionDenied, match="no"):
        async with audit(fail)(call()):
            raise PermissionDenied("no")

    assert caplog.messages == ["an act of users/anna could not be kept: shop.v1.Shop/Do"]
    assert caplog.records[0].levelno == logging.ERROR


@pytest.mark.parametrize(
    ("request_message", "resource"),
    [
        (GRANT, "users/bert"),
        (update("users/bert"), "users/bert"),
        (update(""), ""),
        (catalog_pb2.CreateProductRequest(product={"name": "products/p1"}), "products/p1"),
        (catalog_pb2.PutPictureRequest(name="products/p1/picture"), "products/p1/picture"),
        (identity_pb2.RotateKeysRequest(), ""),
        (identity_pb2.SignUpRequest(email="a@b.c"), ""),
        (identity_pb2.GrantRoleRequest(name="my password"), ""),
        (identity_pb2.GrantRoleRequest(name="users/" + "a" * 194), "users/" + "a" * 194),
        (identity_pb2.GrantRoleRequest(name="users/" + "a" * 195), ""),
        (EchoRequest(thing={"owner": "users/anna"}, names=["products/p1"]), ""),
    ],
)
def test_the_resource_is_the_name_of_a_thing_and_no_other_text(request_message, resource):
    assert resource_of(request_message) == resource


@pytest.mark.parametrize(
    ("user", "workload", "given", "actor"),
    [
        (ANNA, None, "", "users/anna"),
        (ANNA, "orders", "", "users/anna"),
        (None, "orders", "", "services/orders"),
        (None, "gateway", "", ""),
        (None, None, "", ""),
        (None, None, "services/identity", "services/identity"),
    ],
)
def test_the_actor_is_the_user_or_the_service_that_asks(user, workload, given, actor):
    of = call(user=user, workload=Workload(name=workload) if workload else None)

    done = act(of, "users/bert", actor=given)

    assert (done.actor, done.status, done.resource) == (actor, "OK", "users/bert")


async def test_an_act_has_the_trace_of_its_call():
    recording, of = Recording(), call()

    async with tracing(recording.tracers)(of):
        done = act(of, "", status=Code.NOT_FOUND)

    [span] = recording.spans()
    assert done.trace_id == f"{span.get_span_context().trace_id:032x}"
    assert done.status == "NOT_FOUND"


async def test_a_server_keeps_what_is_refused_before_it_reaches_the_servicer():
    kept = []

    async def keep(act):
        kept.append(act)

    async with serving(add_echo(Echo()), name="echo", observers=[audit(keep)]) as running:
        with pytest.raises(PermissionDenied):
            await ask(EchoStub(running.connect_as("users/anna")), "SayAsAdmin")
        with pytest.raises(PermissionDenied):
            await ask(
                EchoStub(running.connect_as("users/anna")),
                "SayOwn",
                EchoRequest(owner="users/bert"),
            )
        with pytest.raises(Unauthenticated):
            await ask(EchoStub(running.channel), "SayAsAdmin")
        await ask(EchoStub(running.connect_as("users/boss", roles=["admin"])), "SayAsAdmin")

    found = [SimpleNamespace(who=each.actor, what=each.method[-10:]) for each in kept]
    assert [(each.who, each.what) for each in found] == [
        ("users/anna", "SayAsAdmin"),
        ("users/anna", "ice/SayOwn"),
    ]
    assert {each.status for each in kept} == {"PERMISSION_DENIED"}
