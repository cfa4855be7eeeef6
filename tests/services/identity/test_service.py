"""Users, roles and the audit as the contract has them, by a real server and channel."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from plait.data.claims import CLAIM_LIFETIME
from plait.errors import (
    Aborted,
    AlreadyExists,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)
from plait.mesh.metadata import CLIENT_ADDRESS
from services.identity.hashing import Hasher
from shop.identity.v1 import identity_pb2 as pb
from tests.services.identity.people import GOOD, OTHER
from tests.services.identity.shop import CHEAP, ELSEWHERE, HOME, running

METHOD = "shop.identity.v1.IdentityService"


async def refused(call):
    """What a call fails with."""
    with pytest.raises(Error) as caught:
        await call
    return caught.value


def sign_up(who="ann", **fields):
    usual = {"email": f"{who}@example.org", "password": GOOD}
    return pb.SignUpRequest(**(usual | fields))


def get(name):
    return pb.GetUserRequest(name=name)


def update(name, *paths, etag="", **fields):
    return pb.UpdateUserRequest(
        user=pb.User(name=name, etag=etag, **fields), update_mask=FieldMask(paths=paths)
    )


# SignUp


async def test_who_signs_up_is_answered_and_can_log_in_at_once(shop):
    created = await shop.nobody.SignUp(sign_up(display_name="Ann Ä"))

    assert created.name == "users/new0001"
    assert (created.email, created.display_name) == ("ann@example.org", "Ann Ä")
    assert (created.email_verified, list(created.roles)) == (False, [])
    assert created.create_time == created.update_time
    assert created.create_time.ToDatetime() == shop.clock.now().replace(tzinfo=None)
    assert created.etag
    assert (await shop.log_in()).user == created.name
    assert await shop.called_by(created.name).GetUser(get(created.name)) == created


async def test_who_signs_up_gets_a_letter(shop):
    await shop.sign_up()

    assert await shop.identity.delivery.deliver() == 1

    assert [mail["To"] for mail in shop.mail.sent] == ["ann@example.org"]
    assert shop.mail.token("ann@example.org")


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@Example.org"])
async def test_an_address_is_taken_once_whatever_its_case(shop, email):
    await shop.sign_up()

    error = await refused(shop.nobody.SignUp(sign_up(email=email)))

    assert isinstance(error, AlreadyExists)
    assert (error.reason, error.domain) == ("EMAIL_TAKEN", "identity.shop")


async def test_a_password_that_is_guessed_first_is_refused(shop):
    error = await refused(shop.nobody.SignUp(sign_up(password="Password123!")))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "WEAK_PASSWORD"
    assert [violation.field for violation in error.violations] == ["password"]
    assert await shop.reason(shop.log_in(password="Password123!")) == "WRONG_CREDENTIALS"


@pytest.mark.parametrize(
    ("fields", "fine"),
    [
        ({"password": "kvx pmw qz"}, True),
        ({"password": "kvx pmw q"}, False),
        ({"password": "kvx pm " * 28 + "four"}, True),
        ({"password": "kvx pm " * 28 + "fives"}, False),
        ({"password": "漢字仮名交じり文です。"}, True),
        ({"email": "no address"}, False),
        ({"email": ""}, False),
        ({"email": "a@" + "b" * 63 + ".org"}, True),
        ({"email": "a" * 300 + "@x.org"}, False),
        ({"display_name": "d" * 100}, True),
        ({"display_name": "d" * 101}, False),
        ({"display_name": "two\nlines"}, False),
        ({"request_id": "no uuid"}, False),
    ],
)
async def test_what_is_said_has_a_form(shop, fields, fine):
    call = shop.nobody.SignUp(sign_up(**fields))

    if fine:
        assert (await call).name
    else:
        error = await refused(call)
        assert isinstance(error, InvalidArgument)
        assert [violation.field for violation in error.violations] == list(fields)


async def test_the_same_request_id_signs_up_once_and_sends_one_letter(shop):
    request = sign_up(request_id=str(uuid.uuid4()), display_name="Ann")
    first = await shop.nobody.SignUp(request)
    await shop.called_by(first.name).UpdateUser(update(first.name, display_name="Anna"))
    shop.clock.advance(CLAIM_LIFETIME.total_seconds() - 1)

    again = await shop.nobody.SignUp(request)

    assert again == first
    assert await shop.identity.delivery.deliver() == 1


async def test_repetitions_at_the_same_time_sign_up_once(shop):
    request = sign_up(request_id=str(uuid.uuid4()))

    answers = await asyncio.gather(*(shop.nobody.SignUp(request) for _ in range(5)))

    assert len({answer.name for answer in answers}) == 1
    assert await shop.identity.delivery.deliver() == 1


@pytest.mark.parametrize(
    "field", [{"password": OTHER}, {"email": "b@x.org"}, {"display_name": "x"}]
)
async def test_a_request_id_of_another_sign_up_is_refused(shop, field):
    request_id = str(uuid.uuid4())
    await shop.nobody.SignUp(sign_up(request_id=request_id))

    error = await refused(shop.nobody.SignUp(sign_up(**({"request_id": request_id} | field))))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "REQUEST_ID_REUSED"


async def test_a_repetition_is_answered_even_where_no_more_may_sign_up(database, clock):
    async with running(database, clock, identity_sign_ups=1) as shop:
        request = sign_up(request_id=str(uuid.uuid4()))
        first = await shop.nobody.SignUp(request, metadata=shop.at(HOME))

        assert await shop.nobody.SignUp(request, metadata=shop.at(HOME)) == first
        error = await refused(shop.nobody.SignUp(sign_up("bea"), metadata=shop.at(HOME)))

    assert isinstance(error, ResourceExhausted)
    assert (error.reason, error.retry_after) == ("TOO_MANY_ATTEMPTS", 60)


async def test_too_many_from_one_place_wait_and_others_do_not(database, clock):
    async with running(database, clock, identity_sign_ups=2) as shop:
        for who in ("ann", "bea"):
            await shop.nobody.SignUp(sign_up(who), metadata=shop.at(HOME))

        first = await shop.reason(shop.nobody.SignUp(sign_up("cas"), metadata=shop.at(HOME)))
        other = await shop.reason(shop.nobody.SignUp(sign_up("cas"), metadata=shop.at(ELSEWHERE)))
        clock.advance(60)
        later = await shop.reason(shop.nobody.SignUp(sign_up("dee"), metadata=shop.at(HOME)))

    assert (first, other, later) == ("TOO_MANY_ATTEMPTS", "", "")


async def test_a_place_is_what_the_gateway_says_and_not_what_anybody_says(database, clock):
    async with running(database, clock, identity_sign_ups=1) as shop:
        said = [(CLIENT_ADDRESS, ELSEWHERE)]
        await shop.nobody.SignUp(sign_up("ann"), metadata=said)
        same = await shop.reason(
            shop.nobody.SignUp(sign_up("bea"), metadata=[(CLIENT_ADDRESS, HOME)])
        )
        through_the_gateway = await shop.reason(
            shop.nobody.SignUp(sign_up("bea"), metadata=shop.at(ELSEWHERE))
        )

    assert (same, through_the_gateway) == ("TOO_MANY_ATTEMPTS", "")


async def test_who_comes_when_too_many_passwords_wait_is_told_to_come_back(database, clock):
    hasher = Hasher(threads=1, waiting=0, hasher=CHEAP)
    async with running(database, clock, hasher) as shop:
        hasher._inside = 1
        errors = [await refused(shop.sign_up()), await refused(shop.log_in())]
        hasher._inside = 0
        await shop.sign_up()

    for error in errors:
        assert isinstance(error, ResourceExhausted)
        assert (error.reason, error.retry_after) == ("TOO_BUSY", 1.0)


# GetUser


async def test_people_read_themselves_also_as_me(shop):
    ann = await shop.sign_up()
    stub = shop.called_by(ann.name)

    assert await stub.GetUser(get(ann.name)) == ann
    assert await stub.GetUser(get("users/me")) == ann


async def test_admins_read_everybody(shop):
    ann = await shop.sign_up()

    assert await shop.admin.GetUser(get(ann.name)) == ann
    error = await refused(shop.admin.GetUser(get("users/none")))
    assert isinstance(error, NotFound)
    assert (error.reason, error.resource) == ("USER_NOT_FOUND", "users/none")


async def test_others_are_told_nothing_not_even_whether_there_is_somebody(shop):
    ann = await shop.sign_up()
    bea = shop.called_by("users/bea", "agent")

    for name in (ann.name, "users/none"):
        error = await refused(bea.GetUser(get(name)))
        assert isinstance(error, PermissionDenied)
        assert error.reason == "NOT_OWNER"
        assert isinstance(await refused(shop.nobody.GetUser(get(name))), Unauthenticated)


async def test_a_name_that_cannot_be_is_refused(shop):
    error = await refused(shop.admin.GetUser(get("people/ann")))

    assert isinstance(error, InvalidArgument)
    assert [violation.field for violation in error.violations] == ["name"]


# UpdateUser


async def test_people_change_what_they_are_called(shop):
    ann = await shop.sign_up()
    shop.clock.advance(60)

    after = await shop.called_by(ann.name).UpdateUser(
        update("users/me", "display_name", display_name="Ann", etag=ann.etag)
    )

    assert after.display_name == "Ann"
    assert after.etag != ann.etag
    assert after.create_time == ann.create_time
    passed = after.update_time.ToDatetime() - ann.update_time.ToDatetime()
    assert passed == timedelta(minutes=1)
    assert await shop.admin.GetUser(get(ann.name)) == after


@pytest.mark.parametrize(
    ("paths", "fields", "found"),
    [
        ([], {"display_name": "Bea"}, "Bea"),
        ([], {}, "Ann"),
        (["display_name"], {}, ""),
        (["*"], {}, ""),
        (["*"], {"display_name": "Bea"}, "Bea"),
        (["email", "roles", "email_verified"], {"display_name": "Bea"}, "Ann"),
    ],
)
async def test_a_mask_says_what_changes(shop, paths, fields, found):
    ann = await shop.sign_up(display_name="Ann")

    after = await shop.called_by(ann.name).UpdateUser(update(ann.name, *paths, **fields))

    assert after.display_name == found


async def test_what_only_the_shop_sets_cannot_be_set(shop):
    ann = await shop.sign_up()

    after = await shop.called_by(ann.name).UpdateUser(
        update(
            ann.name,
            *("email", "roles", "email_verified", "create_time", "name"),
            email="other@example.org",
            roles=["admin"],
            email_verified=True,
        )
    )

    assert after == ann


@pytest.mark.parametrize("path", ["password", "display_name.x", "Email"])
async def test_a_mask_that_names_no_field_is_refused(shop, path):
    ann = await shop.sign_up()

    error = await refused(
        shop.called_by(ann.name).UpdateUser(update(ann.name, path, display_name="x"))
    )

    assert isinstance(error, InvalidArgument)
    assert error.violations[0].field.startswith("update_mask")


async def test_an_update_of_an_older_revision_is_refused(shop):
    ann = await shop.sign_up()
    stub = shop.called_by(ann.name)
    await stub.UpdateUser(update(ann.name, display_name="Ann", etag=ann.etag))

    error = await refused(stub.UpdateUser(update(ann.name, display_name="Anna", etag=ann.etag)))

    assert isinstance(error, Aborted)
    assert (error.reason, error.resource) == ("ETAG_MISMATCH", ann.name)


async def test_a_repeated_update_has_no_further_effect(shop):
    ann = await shop.sign_up()
    stub = shop.called_by(ann.name)
    first = await stub.UpdateUser(update(ann.name, display_name="Ann"))
    shop.clock.advance(60)

    assert await stub.UpdateUser(update(ann.name, display_name="Ann")) == first


async def test_an_update_needs_a_name(shop):
    error = await refused(shop.admin.UpdateUser(update("", display_name="x")))

    assert isinstance(error, InvalidArgument)
    assert [violation.rule for violation in error.violations] == ["user.name_required"]


async def test_nobody_changes_others_but_admins(shop):
    ann = await shop.sign_up()
    bea = shop.called_by("users/bea", "agent")

    error = await refused(bea.UpdateUser(update(ann.name, display_name="x")))
    changed = await shop.admin.UpdateUser(update(ann.name, display_name="Ann"))
    unknown = await refused(shop.admin.UpdateUser(update("users/none", display_name="x")))

    assert isinstance(error, PermissionDenied)
    assert changed.display_name == "Ann"
    assert (unknown.code.name, unknown.reason) == ("NOT_FOUND", "USER_NOT_FOUND")


# ListUsers


async def test_users_are_listed_by_name_page_by_page(shop):
    there = [await shop.sign_up(who) for who in ("cas", "ann", "bea")]

    first = await shop.admin.ListUsers(pb.ListUsersRequest(page_size=2))
    second = await shop.admin.ListUsers(
        pb.ListUsersRequest(page_size=9, page_token=first.next_page_token)
    )

    assert [*first.users, *second.users] == there
    assert second.next_page_token == ""


async def test_both_parts_of_the_contracts_example_are_understood(shop):
    ann, bea = await shop.sign_up("ann"), await shop.sign_up("bea")
    await shop.admin.GrantRole(pb.GrantRoleRequest(name=ann.name, role="admin"))

    async def found(text, order=""):
        request = pb.ListUsersRequest(filter=text, order_by=order)
        return [user.name for user in (await shop.admin.ListUsers(request)).users]

    assert await found('roles:"admin" AND email:"example.org"') == [ann.name]
    assert await found("", "email desc") == [bea.name, ann.name]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filter": "password = x"}, "INVALID_FILTER"),
        ({"filter": "email < a"}, "INVALID_FILTER"),
        ({"filter": 'roles = "admin"'}, "INVALID_FILTER"),
        ({"filter": "email_verified = yes"}, "INVALID_FILTER"),
        ({"filter": "name = users/ann"}, "INVALID_FILTER"),
        ({"order_by": "roles"}, "INVALID_ORDER_BY"),
        ({"order_by": "email up"}, "INVALID_ORDER_BY"),
        ({"page_token": "made-up"}, "INVALID_PAGE_TOKEN"),
        ({"page_size": -1}, "INVALID_REQUEST"),
        ({"filter": "x" * 2049}, "INVALID_REQUEST"),
    ],
)
async def test_a_list_that_cannot_be_understood_is_refused(shop, fields, reason):
    error = await refused(shop.admin.ListUsers(pb.ListUsersRequest(**fields)))

    assert isinstance(error, InvalidArgument)
    assert error.reason == reason


async def test_a_page_token_belongs_to_its_query(shop):
    for who in ("ann", "bea"):
        await shop.sign_up(who)
    page = await shop.admin.ListUsers(pb.ListUsersRequest(page_size=1))

    error = await refused(
        shop.admin.ListUsers(pb.ListUsersRequest(page_token=page.next_page_token, order_by="email"))
    )

    assert error.reason == "INVALID_PAGE_TOKEN"


# GrantRole, RevokeRole


async def test_a_role_is_granted_once_and_revoked_once(shop):
    ann = await shop.sign_up()
    grant = pb.GrantRoleRequest(name=ann.name, role="agent")
    revoke = pb.RevokeRoleRequest(name=ann.name, role="agent")

    granted = [await shop.admin.GrantRole(grant) for _ in range(2)]
    revoked = [await shop.admin.RevokeRole(revoke) for _ in range(2)]

    assert [list(user.roles) for user in granted] == [["agent"]] * 2
    assert [list(user.roles) for user in revoked] == [[]] * 2
    assert granted[0].etag == granted[1].etag != revoked[0].etag == revoked[1].etag


async def test_nobody_gives_a_role_to_who_is_not_there(shop):
    for call in (
        shop.admin.GrantRole(pb.GrantRoleRequest(name="users/none", role="agent")),
        shop.admin.RevokeRole(pb.RevokeRoleRequest(name="users/none", role="agent")),
    ):
        error = await refused(call)
        assert (error.code.name, error.reason) == ("NOT_FOUND", "USER_NOT_FOUND")


@pytest.mark.parametrize("role", ["", "root", "Admin", "admin "])
async def test_there_are_no_other_roles(shop, role):
    ann = await shop.sign_up()

    error = await refused(shop.admin.GrantRole(pb.GrantRoleRequest(name=ann.name, role=role)))

    assert isinstance(error, InvalidArgument)
    assert [violation.field for violation in error.violations] == ["role"]


async def test_one_admin_is_always_left(shop):
    ann, bea = await shop.sign_up("ann"), await shop.sign_up("bea")
    for user in (ann, bea):
        await shop.admin.GrantRole(pb.GrantRoleRequest(name=user.name, role="admin"))
    await shop.admin.RevokeRole(pb.RevokeRoleRequest(name=ann.name, role="admin"))

    error = await refused(shop.admin.RevokeRole(pb.RevokeRoleRequest(name=bea.name, role="admin")))

    assert isinstance(error, FailedPrecondition)
    assert (error.reason, error.resource) == ("LAST_ADMIN", bea.name)


async def test_me_stands_for_the_admin_who_asks(shop):
    ann = await shop.sign_up()
    as_ann = shop.called_by(ann.name, "admin")

    granted = await as_ann.GrantRole(pb.GrantRoleRequest(name="users/me", role="agent"))
    revoked = await as_ann.RevokeRole(pb.RevokeRoleRequest(name="users/me", role="agent"))

    assert (granted.name, list(granted.roles)) == (ann.name, ["agent"])
    assert (revoked.name, list(revoked.roles)) == (ann.name, [])


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("ListUsers", pb.ListUsersRequest()),
        ("GrantRole", pb.GrantRoleRequest(name="users/ann", role="admin")),
        ("RevokeRole", pb.RevokeRoleRequest(name="users/ann", role="admin")),
        ("RotateKeys", pb.RotateKeysRequest()),
        ("ListAuditEvents", pb.ListAuditEventsRequest()),
    ],
)
async def test_only_admins_run_the_shop(shop, method, request_message):
    agent = shop.called_by("users/ann", "agent")

    assert isinstance(await refused(getattr(shop.nobody, method)(request_message)), Unauthenticated)
    error = await refused(getattr(agent, method)(request_message))
    assert isinstance(error, PermissionDenied)
    assert error.reason == "ROLE_MISSING"


# ListAuditEvents


def told(event):
    return event.method.removeprefix(f"{METHOD}/"), event.actor, event.resource, event.status


async def test_what_admins_do_is_kept_latest_first(shop):
    ann = await shop.sign_up()
    grant = pb.GrantRoleRequest(name=ann.name, role="admin")
    token = shop.serving.keys.user_token("users/boss", ["admin"])
    await shop.nobody.GrantRole(grant, metadata=shop.at(ELSEWHERE, token))
    await shop.admin.UpdateUser(update(ann.name, display_name="Ann"))
    await shop.reason(shop.admin.RevokeRole(pb.RevokeRoleRequest(name=ann.name, role="admin")))
    await shop.admin.RotateKeys(pb.RotateKeysRequest())

    events = await shop.events()

    assert [told(event) for event in events] == [
        ("RotateKeys", "users/boss", "", "OK"),
        ("RevokeRole", "users/boss", ann.name, "FAILED_PRECONDITION"),
        ("UpdateUser", "users/boss", ann.name, "OK"),
        ("GrantRole", "users/boss", ann.name, "OK"),
    ]
    assert [event.client_address for event in events] == ["", "", "", ELSEWHERE]
    assert {event.create_time.ToDatetime() for event in events} == {
        shop.clock.now().replace(tzinfo=None)
    }


async def test_what_is_refused_is_kept_too_and_who_tried(shop):
    ann = await shop.sign_up()
    bea = shop.called_by("users/bea", "agent")
    await shop.reason(bea.GrantRole(pb.GrantRoleRequest(name="users/bea", role="admin")))
    await shop.reason(bea.UpdateUser(update(ann.name, display_name="x")))
    await shop.reason(shop.admin.GrantRole(pb.GrantRoleRequest(name="users/none", role="agent")))

    assert [told(event) for event in await shop.events()] == [
        ("GrantRole", "users/boss", "users/none", "NOT_FOUND"),
        ("UpdateUser", "users/bea", ann.name, "PERMISSION_DENIED"),
        ("GrantRole", "users/bea", "", "PERMISSION_DENIED"),
    ]


async def test_what_people_do_of_their_own_and_what_is_read_is_not_kept(shop):
    ann = await shop.sign_up()
    stub = shop.called_by(ann.name)
    await stub.UpdateUser(update("users/me", display_name="Ann"))
    await stub.GetUser(get("users/me"))
    await shop.reason(stub.UpdateUser(update(ann.name, display_name="x", etag="old")))
    await shop.reason(stub.GetUser(get("users/bea")))
    await shop.reason(stub.ListUsers(pb.ListUsersRequest()))
    await shop.admin.ListUsers(pb.ListUsersRequest())
    await shop.reason(shop.nobody.RotateKeys(pb.RotateKeysRequest()))

    assert await shop.events() == []


async def test_events_are_filtered_and_paged(shop):
    ann = await shop.sign_up()
    for _ in range(3):
        await shop.admin.GrantRole(pb.GrantRoleRequest(name=ann.name, role="agent"))
        shop.clock.advance(60)
    since = 'actor = "users/boss" AND create_time >= "2026-01-31T12:01:00Z"'

    first = await shop.admin.ListAuditEvents(pb.ListAuditEventsRequest(filter=since, page_size=1))
    second = await shop.admin.ListAuditEvents(
        pb.ListAuditEventsRequest(filter=since, page_token=first.next_page_token)
    )

    times = [
        event.create_time.ToDatetime() for event in (*first.audit_events, *second.audit_events)
    ]
    assert times == sorted(times, reverse=True)
    assert len(times) == 2
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filter": 'actor:"users"'}, "INVALID_FILTER"),
        ({"filter": "client_address = x"}, "INVALID_FILTER"),
        ({"page_token": "made-up"}, "INVALID_PAGE_TOKEN"),
    ],
)
async def test_an_audit_that_cannot_be_understood_is_refused(shop, fields, reason):
    error = await refused(shop.admin.ListAuditEvents(pb.ListAuditEventsRequest(**fields)))

    assert error.reason == reason
