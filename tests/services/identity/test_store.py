"""What every store must do with users and events; `DATABASES` in conftest.py says over what."""

import random
from dataclasses import replace
from operator import attrgetter

import pytest

from plait.data.backend import Conflict
from plait.data.claims import CLAIM_LIFETIME, Claim, RequestIdReused
from plait.data.filter import matches, parse_filter
from plait.data.order import arranged, parse_order
from plait.errors import Code
from services.identity import filter as fields
from services.identity.domain import EmailTaken, EtagMismatch, LastAdmin, UserNotFound
from services.identity.lockout import Limit, TooManyAttempts
from services.identity.service import LATEST
from services.identity.store import Counted, Query
from tests.services.identity.people import (
    FREE,
    NOW,
    an_event,
    digest,
    minutes,
    new_user,
    user,
)

CLAIM = Claim(caller="", method="SignUp", request_id="r1", fingerprint=b"f1")
ONE = Limit(free=1, first=minutes(1), longest=minutes(1), forget=minutes(10))


async def add(store, *users, roles=()):
    for each in users:
        await store.users.add(new_user(each), None, b"", NOW)
        for role in roles:
            await store.users.change(f"users/{each}", granting(role), None)


def granting(role):
    return lambda found: found.grant(role, now=NOW)


def renaming(name, etag=""):
    return lambda found: found.change(
        display_name=name, etag=etag, paths=["display_name"], now=NOW + minutes(1)
    )


def query(filter_text="", order="", **other):
    usual = Query(
        filter=parse_filter(filter_text, fields.USERS),
        order=parse_order(order, fields.USER_ORDERS),
        limit=1000,
    )
    return replace(usual, **other)


def asked(filter_text="", **other):
    usual = Query(filter=parse_filter(filter_text, fields.EVENTS), order=LATEST, limit=1000)
    return replace(usual, **other)


async def names(store, *args, **other):
    page = await store.users.page(query(*args, **other))
    return [each.name.removeprefix("users/") for each in page.things]


async def events(store, *args, **other):
    page = await store.events.page(asked(*args, **other))
    return [each.name.removeprefix("auditEvents/") for each in page.things]


# Users


async def test_who_is_added_is_read_as_they_were(store):
    new = new_user(email="Ann@Example.ORG", display_name='Ann "Ä" %_')

    assert await store.users.add(new, None, b"", NOW) is None

    assert await store.users.get("users/ann") == new.user
    credentials = await store.sessions.credentials("ann@example.org")
    assert (credentials.user, credentials.password_hash) == (new.user, "hash of ann")


async def test_nobody_is_found_who_is_not_there(store):
    with pytest.raises(UserNotFound) as refused:
        await store.users.get("users/none")

    assert refused.value.code is Code.NOT_FOUND
    assert refused.value.resource == "users/none"
    assert await store.sessions.credentials("none@example.org") is None


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@example.org", "Ann@Example.Org"])
async def test_an_address_belongs_to_one_user_whatever_its_case(store, email):
    await add(store, "ann")

    with pytest.raises(EmailTaken):
        await store.users.add(new_user("bea", email=email), None, b"", NOW)
    with pytest.raises(EmailTaken):
        await store.users.look(email.lower(), Counted(subject="s", limit=FREE), None, NOW)
    with pytest.raises(UserNotFound):
        await store.users.get("users/bea")
    assert [letter.name for letter in await store.letters.due(NOW, 9)] == ["letter-ann"]


async def test_a_name_that_is_given_twice_is_a_mistake_and_no_taken_address(store):
    await add(store, "ann")

    with pytest.raises(Conflict, match="users_name"):
        await store.users.add(new_user("ann", email="other@example.org"), None, b"", NOW)


async def test_a_new_user_has_a_letter_whose_token_works(store):
    await add(store, "ann")

    [letter] = await store.letters.due(NOW, 9)
    verified = await store.tokens.verify(digest("letter-ann"), NOW)

    assert letter.email_key == "ann@example.org"
    assert verified.name == "users/ann"


async def test_a_claimed_sign_up_is_answered_as_the_first_time(store):
    counted = Counted(subject="s", limit=FREE)
    assert await store.users.look("ann@example.org", counted, CLAIM, NOW) is None
    assert await store.users.add(new_user(), CLAIM, b"first", NOW) is None

    assert await store.users.look("ann@example.org", counted, CLAIM, NOW) == b"first"
    assert await store.users.add(new_user("bea"), CLAIM, b"second", NOW) == b"first"
    assert await names(store) == ["ann"]


async def test_the_id_of_another_sign_up_is_refused(store):
    await store.users.add(new_user(), CLAIM, b"first", NOW)
    other = replace(CLAIM, fingerprint=b"f2")

    with pytest.raises(RequestIdReused):
        await store.users.add(new_user("bea"), other, b"", NOW)
    with pytest.raises(RequestIdReused):
        await store.users.look("b@b.b", Counted(subject="s", limit=FREE), other, NOW)


async def test_an_answer_is_forgotten_after_a_day(store):
    await store.users.add(new_user(), CLAIM, b"first", NOW)
    counted = Counted(subject="s", limit=FREE)
    just_before = NOW + CLAIM_LIFETIME - minutes(1)

    assert await store.users.look("b@b.b", counted, CLAIM, just_before) == b"first"
    assert await store.users.look("b@b.b", counted, CLAIM, NOW + CLAIM_LIFETIME) is None


async def test_a_claim_of_a_sign_up_that_failed_may_come_again(store):
    await add(store, "ann")
    with pytest.raises(EmailTaken):
        await store.users.add(new_user("bea", email="ann@example.org"), CLAIM, b"", NOW)

    assert await store.users.add(new_user("bea"), CLAIM, b"bea", NOW) is None


async def test_only_users_who_were_created_are_counted(store):
    counted = Counted(subject="place", limit=ONE)
    await add(store, "ann")
    taken = replace(new_user("bea", email="ann@example.org"), counted=counted)
    with pytest.raises(EmailTaken):
        await store.users.add(taken, None, b"", NOW)

    await store.users.add(replace(new_user("cas"), counted=counted), None, b"", NOW)

    with pytest.raises(TooManyAttempts) as refused:
        await store.users.add(replace(new_user("dee"), counted=counted), None, b"", NOW)
    with pytest.raises(TooManyAttempts):
        await store.users.look("dee@example.org", counted, None, NOW)
    assert refused.value.retry_after == 60
    assert await names(store) == ["ann", "cas"]
    assert await store.users.look("dee@example.org", counted, None, NOW + minutes(1)) is None


async def test_a_change_is_kept_with_its_event(store):
    await add(store, "ann")

    after = await store.users.change("users/ann", renaming("Ann"), an_event())

    assert after == await store.users.get("users/ann")
    assert (after.display_name, after.revision) == ("Ann", 2)
    assert await events(store) == ["e1"]


async def test_a_change_that_is_refused_keeps_nothing(store):
    await add(store, "ann")
    before = await store.users.get("users/ann")

    with pytest.raises(EtagMismatch):
        await store.users.change("users/ann", renaming("Ann", etag="old"), an_event())
    with pytest.raises(UserNotFound):
        await store.users.change("users/none", renaming("Ann"), an_event())

    assert await store.users.get("users/ann") == before
    assert await events(store) == []


async def test_a_change_that_changes_nothing_is_an_event_too(store):
    await add(store, "ann", roles=["agent"])
    before = await store.users.get("users/ann")

    assert await store.users.change("users/ann", granting("agent"), an_event()) == before
    assert await events(store) == ["e1"]


async def test_a_change_leaves_the_password_alone(store):
    await add(store, "ann", roles=["admin"])

    credentials = await store.sessions.credentials("ann@example.org")

    assert credentials.password_hash == "hash of ann"
    assert credentials.user.roles == ("admin",)


# Admins


def revoking(role):
    return lambda found, is_only: found.revoke(role, is_last_admin=is_only, now=NOW)


async def test_the_last_admin_cannot_be_demoted(store):
    await add(store, "ann", "bea", roles=["admin"])
    await store.users.demote("users/ann", revoking("admin"), an_event("e1"))

    with pytest.raises(LastAdmin):
        await store.users.demote("users/bea", revoking("admin"), an_event("e2"))

    assert (await store.users.get("users/bea")).roles == ("admin",)
    assert await events(store) == ["e1"]


async def test_who_is_no_admin_may_be_demoted_when_there_is_one_alone(store):
    await add(store, "ann", roles=["admin"])
    await add(store, "bea", roles=["agent"])

    assert (await store.users.demote("users/bea", revoking("agent"), an_event("e1"))).roles == ()
    assert (await store.users.demote("users/bea", revoking("admin"), an_event("e2"))).roles == ()


async def test_the_first_admin_is_added_where_there_is_none(store):
    assert not await store.users.has_admin()

    added = await store.users.add_admin(user("boss", roles=("admin",)), "hash", an_event())

    assert added
    assert await store.users.has_admin()
    assert await events(store) == ["e1"]


async def test_there_is_one_first_admin(store):
    await add(store, "ann", roles=["admin"])

    assert not await store.users.add_admin(user("boss", roles=("admin",)), "hash", an_event())

    assert await names(store) == ["ann"]
    assert await events(store) == []


async def test_a_user_who_is_no_admin_does_not_become_one_by_their_address(store):
    await add(store, "boss")

    with pytest.raises(EmailTaken):
        await store.users.add_admin(
            user("new", email="BOSS@example.org", roles=("admin",)), "hash", an_event()
        )

    assert (await store.users.get("users/boss")).roles == ()


# Lists

VALUES = {field: attrgetter(field) for field in (*fields.USERS, "name")}


@pytest.fixture
async def crowd(store):
    """Forty users of all sorts, in the store and as values."""
    chance = random.Random(1)
    there = []
    for number in range(40):
        name = f"u{number:02}"
        who = user(
            name,
            email=f"{chance.choice(['Ann', 'bea', 'c%', '_e'])}{number}@{chance.choice('XyZ')}.org",
            display_name=chance.choice(["", "Ann", "ann", "Ü", "a b"]),
            email_verified=chance.random() < 0.5,
            roles=chance.choice([(), ("admin",), ("agent",), ("admin", "agent")]),
            create_time=NOW + minutes(chance.randrange(5)),
        )
        await store.users.add(replace(new_user(name), user=who), None, b"", NOW)
        there.append(who)
    return there


@pytest.mark.parametrize(
    "text",
    [
        "",
        *('email:"example.org"', 'email:"@X."', 'email = "bea1@y.org"', "email:%", "email:_e"),
        *('email != "x"', "display_name = Ann", "display_name:ANN", 'display_name != ""'),
        *("display_name:ü", "email_verified = true", "email_verified != true"),
        *('roles:"admin"', "roles:agent", "NOT roles:admin", "roles:adm"),
        *('create_time > "2026-01-31T12:02:00Z"', 'create_time <= "2026-01-31T12:02:00.123456Z"'),
        'roles:"admin" AND (email:"bea" OR email_verified = false)',
    ],
)
async def test_a_filter_lets_through_what_it_means(store, crowd, text):
    wanted = parse_filter(text, fields.USERS)

    found = (await store.users.page(query(text))).things

    assert list(found) == [each for each in crowd if matches(wanted, each, VALUES)]


@pytest.mark.parametrize("field", sorted(fields.USER_ORDERS))
@pytest.mark.parametrize("direction", ["", " desc"])
async def test_users_come_in_the_order_that_was_asked_for(store, crowd, field, direction):
    order = parse_order(field + direction, fields.USER_ORDERS)

    found = (await store.users.page(query(order=field + direction))).things

    assert list(found) == arranged(crowd, order, VALUES)


@pytest.mark.parametrize("size", [1, 7, 39, 40, 41])
async def test_pages_show_every_user_once_in_order(store, crowd, size):
    seen, place = [], None
    for _ in range(50):
        page = await store.users.page(query(order="display_name desc", limit=size, after=place))
        assert len(page.things) <= size
        seen += page.things
        place = page.next
        if place is None:
            break

    assert seen == list((await store.users.page(query(order="display_name desc"))).things)
    assert len(seen) == 40


# Events


async def test_events_come_latest_first_and_those_of_one_moment_by_name(store):
    for name, later in (("e1", 1), ("e2", 0), ("e4", 1), ("e3", 1)):
        await store.events.record(an_event(name, create_time=NOW + minutes(later)))

    assert await events(store) == ["e4", "e3", "e1", "e2"]


async def test_pages_of_events_show_each_once(store):
    for number in range(7):
        await store.events.record(an_event(f"e{number}", create_time=NOW + minutes(number // 2)))

    seen, place = [], None
    for _ in range(4):
        page = await store.events.page(asked(limit=2, after=place))
        seen += page.things
        place = page.next

    assert [each.name[-1] for each in seen] == list("6543210")
    assert place is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('actor = "users/boss"', "31"),
        ('actor != "users/boss"', "2"),
        ('actor = ""', ""),
        ('resource = "users/ann"', "321"),
        ("status = PERMISSION_DENIED", "2"),
        ("status != PERMISSION_DENIED", "31"),
        ('method = "shop.identity.v1.IdentityService/GrantRole"', "21"),
        ('create_time >= "2026-01-31T12:01:00Z"', "32"),
        ('actor = "users/boss" AND create_time >= "2026-01-31T12:02:00Z"', "3"),
    ],
)
async def test_events_are_filtered_by_every_field_of_the_contract(store, text, found):
    await store.events.record(an_event("e1"))
    denied = {"actor": "users/bea", "status": "PERMISSION_DENIED"}
    await store.events.record(an_event("e2", create_time=NOW + minutes(1), **denied))
    rotated = {"method": "shop.identity.v1.IdentityService/RotateKeys"}
    await store.events.record(an_event("e3", create_time=NOW + minutes(2), **rotated))

    assert "".join(name[-1] for name in await events(store, text)) == found


async def test_an_event_is_kept_whole(store):
    kept = an_event(trace_id="0" * 32)
    await store.events.record(kept)

    assert (await store.events.page(asked())).things == (kept,)
