"""Promises of the contract's `access` option: who passes, who does not, what cannot be served."""

import pytest

from plait.api.v1 import options_pb2
from plait.mesh.access import (
    ContractError,
    NobodyAllowed,
    NotOwner,
    RoleMissing,
    WorkloadNotAllowed,
    check_owner,
    may_act_for_others,
    owner_path,
    permit,
    replace_me,
    served_method,
)
from plait.mesh.identity.identity import User, Workload
from plait.mesh.identity.tokens import TokenMissing
from tests.mesh.echo import (
    ADMIN,
    ANSWERED,
    BROKEN,
    INTERNAL,
    LOGGED_IN,
    METHODS,
    NESTED,
    OWN,
    PUBLIC,
    SERVICE,
    EchoRequest,
)

ANNA = User(name="users/anna")
BOSS = User(name="users/boss", roles=frozenset({"admin"}))
FROM_THE_FUTURE = options_pb2.Access.FromString(b"\xfa\x01\x00")  # a kind of caller, field 31
ORDERS, SHIPPING = Workload(name="orders"), Workload(name="shipping")


@pytest.mark.parametrize(
    ("access", "user", "workload", "refusal"),
    [
        (PUBLIC, None, None, None),
        (PUBLIC, ANNA, ORDERS, None),
        (None, None, None, NobodyAllowed),
        (None, BOSS, ORDERS, NobodyAllowed),
        (options_pb2.Access(), None, None, NobodyAllowed),
        (options_pb2.Access(), BOSS, ORDERS, NobodyAllowed),
        (FROM_THE_FUTURE, BOSS, ORDERS, NobodyAllowed),
        (LOGGED_IN, None, None, TokenMissing),
        (LOGGED_IN, None, ORDERS, TokenMissing),
        (LOGGED_IN, ANNA, None, None),
        (OWN, ANNA, None, None),
        (ADMIN, None, None, TokenMissing),
        (ADMIN, None, ORDERS, TokenMissing),
        (ADMIN, ANNA, None, RoleMissing),
        (ADMIN, BOSS, None, None),
        (INTERNAL, None, None, TokenMissing),
        (INTERNAL, BOSS, None, TokenMissing),
        (INTERNAL, None, SHIPPING, WorkloadNotAllowed),
        (INTERNAL, BOSS, SHIPPING, WorkloadNotAllowed),
        (INTERNAL, None, ORDERS, None),
    ],
)
def test_a_caller_passes_or_hears_why_not(access, user, workload, refusal):
    if refusal is None:
        permit(access, user, workload)
    else:
        with pytest.raises(refusal):
            permit(access, user, workload)


def test_a_role_that_only_looks_alike_does_not_count():
    almost = User(name="users/eve", roles=frozenset({"Admin", "admin ", "administrator"}))

    with pytest.raises(RoleMissing, match="admin"):
        permit(ADMIN, almost, None)


@pytest.mark.parametrize(
    ("access", "side", "path"),
    [
        (OWN, "request", ("owner",)),
        (OWN, "response", ()),
        (NESTED, "request", ("thing", "owner")),
        (ANSWERED, "response", ("owner",)),
        (LOGGED_IN, "request", ()),
        (PUBLIC, "request", ()),
        (None, "request", ()),
    ],
)
def test_the_owner_is_looked_for_where_the_contract_says(access, side, path):
    assert owner_path(access, side) == path


def test_only_the_roles_named_may_act_for_others():
    assert may_act_for_others(OWN, BOSS)
    assert not may_act_for_others(OWN, ANNA)
    assert not may_act_for_others(NESTED, BOSS)


@pytest.mark.parametrize("owner", ["users/anna", "users/anna/chats/c1"])
def test_what_is_ones_own_passes(owner):
    check_owner(EchoRequest(owner=owner), ("owner",), ANNA)


@pytest.mark.parametrize(
    "owner",
    ["", "users/bert", "users/annabel", "users/", "users", "anna", "users/ANNA", "users/me"],
)
def test_what_is_somebody_elses_does_not_pass(owner):
    with pytest.raises(NotOwner, match="users/anna"):
        check_owner(EchoRequest(owner=owner), ("owner",), ANNA)


def test_an_owner_in_a_message_that_is_not_there_is_nobody():
    with pytest.raises(NotOwner):
        check_owner(EchoRequest(), ("thing", "owner"), ANNA)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("users/me", "users/anna"),
        ("users/me/chats/c1", "users/anna/chats/c1"),
        ("users/meg", "users/meg"),
        ("users/bert", "users/bert"),
        ("", ""),
    ],
)
def test_me_is_replaced_by_the_callers_name(written, seen):
    request = EchoRequest(owner=written, thing={"owner": written})

    replace_me(request, ("owner",), ANNA)
    replace_me(request, ("thing", "owner"), ANNA)

    assert (request.owner, request.thing.owner) == (seen, seen)


def test_a_message_that_is_not_there_is_not_made_by_looking_for_me():
    request = EchoRequest()

    replace_me(request, ("thing", "owner"), ANNA)

    assert not request.HasField("thing")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_whose_contract_says_who_may_call_is_served(name):
    assert served_method(f"/{SERVICE}/{name}").name == name


@pytest.mark.parametrize("name", BROKEN)
def test_a_method_whose_contract_does_not_say_who_may_call_is_refused_by_name(name):
    with pytest.raises(ContractError, match=rf"plait\.test\.v1\.BrokenService\.{name}: .+; .+"):
        served_method(f"/plait.test.v1.BrokenService/{name}")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("OwnerUnknown", "has no field 'keeper'"),
        ("OwnerNoText", "count is not a single string"),
        ("OwnerRepeated", "names is not a single string"),
        ("OwnerThroughText", "text is not a single message"),
        ("OwnerMessage", "thing is not a single string"),
        ("NoAccess", "does not say who may call it"),
    ],
)
def test_the_refusal_says_what_was_found(name, found):
    with pytest.raises(ContractError, match=found):
        served_method(f"/plait.test.v1.BrokenService/{name}")


def test_a_method_that_is_not_loaded_cannot_be_served():
    with pytest.raises(ContractError, match="no such method"):
        served_method("/no.such.Service/Say")


def test_health_and_reflection_are_served_without_the_option():
    import grpc_health.v1.health_pb2  # noqa: F401, PLC0415 - registers the contract
    import grpc_reflection.v1alpha.reflection_pb2  # noqa: F401, PLC0415 - registers the contract

    assert served_method("/grpc.health.v1.Health/Check").access is None
    assert served_method(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    ).client_streaming


def test_an_owner_in_the_contracts_of_the_shop_can_be_served():
    from shop.catalog.v1 import catalog_pb2  # noqa: PLC0415 - only this test needs it

    [service] = catalog_pb2.DESCRIPTOR.services_by_name.values()

    for name in service.methods_by_name:
        assert isinstance(served_method(f"/{service.full_name}/{name}").access, options_pb2.Access)
