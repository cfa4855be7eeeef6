"""Two processes with one database, at the same time: each of the two a store of its own.

What holds here holds by statements, constraints and locks of the database, whichever it is.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from plait.data.claims import Claim
from plait.data.database import Database
from plait.errors import Error
from services.identity.keys import State
from services.identity.letters import Purpose
from services.identity.lockout import Limit
from services.identity.service import LATEST
from services.identity.sessions import NewPassword, Opening, Session
from services.identity.sql.store import sql_store
from services.identity.store import Counted, Query
from shop.identity.v1 import identity_pb2 as pb
from tests.services.identity.people import (
    FREE,
    NOW,
    an_event,
    days,
    digest,
    letter,
    minutes,
    new_user,
    signing_key,
    user,
)
from tests.services.identity.shop import running

EVERY = Query(filter=None, order=LATEST, limit=999)
TIMES = 6


@pytest.fixture
async def two(url, clock):
    """Two stores over one database."""
    databases = [Database(url, clock=clock) for _ in range(2)]
    yield [sql_store(database) for database in databases]
    for database in databases:
        await database.close()


async def race(*calls):
    """Run calls at the same time; return what each came to: its result, or its error."""
    return await asyncio.gather(*calls, return_exceptions=True)


def reasons(outcomes):
    """How often each error came, by its reason; any other error is raised."""
    found = Counter()
    for outcome in outcomes:
        if isinstance(outcome, Error):
            found[outcome.reason] += 1
        elif isinstance(outcome, BaseException):
            raise outcome
    return found


async def welcome(store, *people, roles=()):
    for who in people:
        await store.users.add(new_user(who), None, b"", NOW)
        for role in roles:
            await store.users.change(
                f"users/{who}", lambda found, role=role: found.grant(role, now=NOW), None
            )


async def open_session(store, number, verified="hash of ann"):
    session = Session(
        name=f"sessions/s{number}",
        user="users/ann",
        create_time=NOW,
        expire_time=NOW + days(30),
    )
    return await store.sessions.open(
        Opening(
            session=session,
            digest=f"t{number}",
            verified=verified,
            password_hash=verified,
            cleared=[],
            uncounted=[],
        )
    )


def go_on(store, token, following):
    return store.sessions.go_on(
        token, following, now=NOW, expire_time=NOW + days(30), event=an_event(f"e-{following}")
    )


def revoking(role):
    return lambda found, is_only: found.revoke(role, is_last_admin=is_only, now=NOW)


async def admins(store):
    return [each.name for each in (await store.users.page(EVERY)).things if each.is_admin]


async def with_keys(store):
    await store.keys.add_first(signing_key(), signing_key(State.NEXT))


@pytest.mark.parametrize("round_", range(TIMES))
async def test_of_two_who_refresh_with_one_token_one_does_and_the_session_ends(two, round_):
    one, other = two
    await welcome(one, "ann")
    await with_keys(one)
    await open_session(one, 1)

    outcomes = await race(go_on(one, "t1", "n1"), go_on(other, "t1", "n2"))

    assert reasons(outcomes) == {"REFRESH_TOKEN_REUSED": 1}
    later = await race(*(go_on(one, token, f"{token}-x") for token in ("t1", "n1", "n2")))
    assert reasons(later) == {"REFRESH_TOKEN_INVALID": 3}
    assert len((await one.events.page(EVERY)).things) == 1


@pytest.mark.parametrize("round_", range(TIMES))
async def test_a_session_that_ends_while_it_goes_on_has_ended(two, round_):
    one, other = two
    await welcome(one, "ann")
    await with_keys(one)
    await open_session(one, 1)

    calls = [go_on(one, "t1", "n1"), other.sessions.end("t1", everywhere=round_ % 3 == 0)]
    outcomes = await race(*(calls if round_ % 2 else reversed(calls)))

    assert set(reasons(outcomes)) <= {"REFRESH_TOKEN_INVALID"}
    after = await race(go_on(one, "n1", "n2"))
    assert reasons(after) == {"REFRESH_TOKEN_INVALID": 1}


@pytest.mark.parametrize("round_", range(TIMES))
async def test_two_admins_who_demote_each_other_leave_one(two, round_):
    one, other = two
    await welcome(one, "ann", "bea", roles=["admin"])

    outcomes = await race(
        one.users.demote("users/ann", revoking("admin"), an_event("e1")),
        other.users.demote("users/bea", revoking("admin"), an_event("e2")),
    )

    assert reasons(outcomes) == {"LAST_ADMIN": 1}
    assert len(await admins(one)) == 1


async def test_many_who_demote_many_leave_one(two):
    people = [f"u{number}" for number in range(8)]
    await welcome(two[0], *people, roles=["admin"])

    outcomes = await race(
        *(
            two[number % 2].users.demote(f"users/{who}", revoking("admin"), an_event(f"e{number}"))
            for number, who in enumerate(people)
        )
    )

    assert reasons(outcomes) == {"LAST_ADMIN": 1}
    assert len(await admins(two[0])) == 1


async def test_no_change_of_a_user_is_lost(two):
    one, other = two
    await welcome(one, "ann")

    await race(
        *(
            store.users.change(
                "users/ann",
                lambda found, role=role: found.grant(role, now=NOW),
                an_event(f"e-{role}-{number}"),
            )
            for number, store in enumerate((one, other))
            for role in ("admin", "agent")
        ),
        one.users.change(
            "users/ann",
            lambda found: found.change(
                display_name="Ann", etag="", paths=["display_name"], now=NOW
            ),
            None,
        ),
    )

    ann = await one.users.get("users/ann")
    assert (ann.roles, ann.display_name, ann.revision) == (("admin", "agent"), "Ann", 4)


@pytest.mark.parametrize("round_", range(TIMES))
async def test_of_two_who_sign_up_with_one_address_one_does(two, round_):
    outcomes = await race(
        *(
            store.users.add(new_user(who, email="Same@example.org"), None, b"", NOW)
            for store, who in zip(two, ("ann", "bea"), strict=True)
        )
    )

    assert reasons(outcomes) == {"EMAIL_TAKEN": 1}
    assert len((await two[0].users.page(EVERY)).things) == 1
    assert len(await two[0].letters.due(NOW, 9)) == 1


@pytest.mark.parametrize("round_", range(TIMES))
async def test_of_two_who_sign_up_with_one_request_id_both_get_one_answer(two, round_):
    claim = Claim(caller="", method="SignUp", request_id="r1", fingerprint=b"f")

    outcomes = await race(
        *(
            store.users.add(new_user(who, email="same@example.org"), claim, who.encode(), NOW)
            for store, who in zip(two, ("ann", "bea"), strict=True)
        )
    )

    assert outcomes.count(None) == 1
    [user_id] = [
        each.name.removeprefix("users/") for each in (await two[0].users.page(EVERY)).things
    ]
    assert outcomes.count(user_id.encode()) == 1


@pytest.mark.parametrize("round_", range(TIMES))
async def test_two_that_start_at_once_have_the_same_keys(two, round_):
    outcomes = await race(
        *(store.keys.add_first(signing_key(), signing_key(State.NEXT)) for store in two)
    )

    assert sorted(outcomes) == [False, True]
    assert await two[0].keys.all() == await two[1].keys.all()
    assert len(await two[0].keys.all()) == 2


@pytest.mark.parametrize("round_", range(TIMES))
async def test_of_two_rotations_at_once_one_happens(two, round_):
    await with_keys(two[0])

    outcomes = await race(
        *(
            store.keys.rotate(
                signing_key(State.NEXT), None, an_event(f"e{number}"), str.encode, NOW
            )
            for number, store in enumerate(two)
        )
    )

    assert reasons(outcomes) == {"ROTATED_RECENTLY": 1}
    assert Counter(key.state for key in await two[0].keys.all()) == {
        State.PREVIOUS: 1,
        State.CURRENT: 1,
        State.NEXT: 1,
    }


@pytest.mark.parametrize("round_", range(TIMES))
async def test_two_that_start_at_once_make_one_admin(two, round_):
    outcomes = await race(
        *(
            store.users.add_admin(
                user(who, email=f"{who}@example.org", roles=("admin",)), "hash", an_event(who)
            )
            for store, who in zip(two, ("ann", "bea"), strict=True)
        )
    )

    assert sorted(outcomes) == [False, True]
    assert len(await admins(two[0])) == 1


async def test_two_with_the_same_first_admin_make_them_once(two):
    outcomes = await race(
        *(
            store.users.add_admin(
                user(who, email="boss@example.org", roles=("admin",)), "hash", an_event(who)
            )
            for store, who in zip(two, ("ann", "bea"), strict=True)
        )
    )

    assert sorted(outcomes) == [False, True]


async def test_attempts_at_two_processes_are_counted_together(two):
    limit = Limit(free=5, first=minutes(1), longest=minutes(1), forget=minutes(10))
    asked = [Counted(subject="ann", limit=limit), Counted(subject="place", limit=FREE)]

    outcomes = await race(*(two[number % 2].sessions.attempt(asked, NOW) for number in range(20)))

    assert reasons(outcomes) == {"TOO_MANY_ATTEMPTS": 15}
    assert outcomes.count(True) == 1


async def reset_token(store):
    asked = letter("r1", Purpose.RESET)
    await store.letters.ask(asked, [Counted(subject="s", limit=FREE)])
    await store.letters.take(asked, digest("r1"), now=NOW, until=NOW + minutes(2))


def set_password(store, new_hash):
    new = NewPassword(token_digest=digest("r1"), password_hash=new_hash, cleared=[])
    return store.tokens.set_password(new, an_event(f"e-{new_hash}"))


@pytest.mark.parametrize("round_", range(TIMES))
async def test_of_two_who_use_one_one_time_token_one_sets_a_password(two, round_):
    await welcome(two[0], "ann")
    await reset_token(two[0])

    outcomes = await race(set_password(two[0], "h1"), set_password(two[1], "h2"))

    assert reasons(outcomes) == {"ONE_TIME_TOKEN_INVALID": 1}


@pytest.mark.parametrize("round_", range(TIMES))
async def test_no_session_of_an_old_password_outlives_a_new_one(two, round_):
    one, other = two
    await welcome(one, "ann")
    await with_keys(one)
    await reset_token(one)

    log_ins = [open_session(two[number % 2], number) for number in range(9)]
    outcomes = await race(*log_ins[:round_], set_password(other, "h1"), *log_ins[round_:])

    assert reasons(outcomes) == {}
    later = await race(*(go_on(one, f"t{number}", f"n{number}") for number in range(9)))
    assert reasons(later) == {"REFRESH_TOKEN_INVALID": 9}
    assert (await one.sessions.credentials("ann@example.org")).password_hash == "h1"


async def test_a_letter_is_sent_by_one_of_two(two):
    await welcome(two[0], *(f"u{number}" for number in range(6)))
    letters = await two[0].letters.due(NOW, 99)

    outcomes = await race(
        *(
            store.letters.take(each, digest(each.name), now=NOW, until=NOW + minutes(2))
            for each in letters
            for store in two
        )
    )

    assert reasons(outcomes) == {}
    assert sorted(filter(None, outcomes)) == [f"u{number}@example.org" for number in range(6)]


async def test_two_sweeps_at_once_remove_everything_once(two):
    for number in range(30):
        await two[0].events.record(an_event(f"e{number}"))

    removed = await race(*(store.remains.sweep(NOW + days(365), 20) for store in two))

    assert reasons(removed) == {}
    assert sum(removed) == 30
    assert (await two[0].events.page(EVERY)).things == ()


async def test_two_whole_services_refuse_the_same_things(url, clock):
    """The races above, once through everything: two services over one database."""
    async with AsyncExitStack() as stack:
        shops = []
        for _ in range(2):
            database = Database(url, clock=clock)
            stack.push_async_callback(database.close)
            shops.append(await stack.enter_async_context(running(database, clock)))
        one, other = shops
        other.ids._last = 10_000  # two processes make different ids

        signed_up = await race(one.sign_up(), other.sign_up())
        session = await one.log_in()
        refreshed = await race(
            one.refresh(session.refresh_token), other.refresh(session.refresh_token)
        )
        rotated = await race(
            one.admin.RotateKeys(pb.RotateKeysRequest()),
            other.admin.RotateKeys(pb.RotateKeysRequest()),
        )
        failed = await race(*(shop.log_in(password="wrong") for shop in shops * 4))

    assert reasons(signed_up) == {"EMAIL_TAKEN": 1}
    assert reasons(refreshed) == {"REFRESH_TOKEN_REUSED": 1}
    assert reasons(rotated) == {"ROTATED_RECENTLY": 1}
    assert reasons(failed) == {"WRONG_CREDENTIALS": 5, "TOO_MANY_ATTEMPTS": 3}
