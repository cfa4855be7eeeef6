"""What every store must do with sessions, attempts and one-time tokens."""

import asyncio

import pytest

from plait.errors import Code
from services.identity.domain import (
    OneTimeTokenInvalid,
    RefreshTokenInvalid,
    RefreshTokenReused,
)
from services.identity.keys import State
from services.identity.letters import Purpose
from services.identity.lockout import Limit, TooManyAttempts
from services.identity.service import LATEST
from services.identity.sessions import NewPassword, Opening, Session
from services.identity.sql.keys import KeysMissing
from services.identity.store import Counted, Query
from tests.services.identity.people import (
    NOW,
    an_event,
    days,
    digest,
    letter,
    minutes,
    new_user,
    seconds,
    signing_key,
)

TWO = Limit(free=2, first=seconds(10), longest=seconds(60), forget=minutes(10))
MANY = Limit(free=100, first=seconds(10), longest=seconds(60), forget=minutes(10))


@pytest.fixture
async def people(store):
    """Ann and Bea, and keys to sign for them."""
    for name in ("ann", "bea"):
        await store.users.add(new_user(name), None, b"", NOW)
    await store.keys.add_first(signing_key(), signing_key(State.NEXT))
    return store


def session(number=1, who="ann", **times):
    usual = {"create_time": NOW, "expire_time": NOW + days(30)}
    return Session(name=f"sessions/s{number}", user=f"users/{who}", **(usual | times))


async def opened(store, number=1, who="ann", **parts):
    usual = {
        "session": session(number, who),
        "digest": f"t{number}-0",
        "verified": f"hash of {who}",
        "password_hash": f"hash of {who}",
        "cleared": [],
        "uncounted": [],
    }
    return await store.sessions.open(Opening(**(usual | parts)))


async def go_on(store, digest, following, now=NOW, event_name="e1"):
    return await store.sessions.go_on(
        digest, following, now=now, expire_time=now + days(30), event=an_event(event_name)
    )


async def reason(call):
    with pytest.raises((RefreshTokenInvalid, RefreshTokenReused)) as refused:
        await call
    assert refused.value.code is Code.UNAUTHENTICATED
    return refused.value.reason


async def events(store):
    return (await store.events.page(Query(filter=None, order=LATEST, limit=99))).things


# Opening


async def test_a_session_is_opened_with_its_user_and_the_key_that_signs(people):
    found = await opened(people)

    assert found.session == session()
    assert found.user == await people.users.get("users/ann")
    assert found.key.state is State.CURRENT


async def test_no_session_is_opened_for_a_password_that_was_changed_meanwhile(people):
    assert await opened(people, verified="an older hash") is None

    assert await reason(go_on(people, "t1-0", "t1-1")) == "REFRESH_TOKEN_INVALID"


async def test_a_hash_with_new_parameters_takes_the_place_of_the_old_one(people):
    await opened(people, password_hash="fresh hash of ann")

    assert (await people.sessions.credentials("ann@example.org")).password_hash == (
        "fresh hash of ann"
    )
    assert (await people.sessions.credentials("bea@example.org")).password_hash == "hash of bea"


async def test_without_keys_no_session_is_opened_at_all(store):
    await store.users.add(new_user(), None, b"", NOW)

    with pytest.raises(KeysMissing) as refused:
        await opened(store)

    assert (refused.value.code, refused.value.retry_after) == (Code.UNAVAILABLE, 1.0)
    await store.keys.add_first(signing_key(), signing_key(State.NEXT))
    assert await reason(go_on(store, "t1-0", "t1-1")) == "REFRESH_TOKEN_INVALID"


# Going on


async def test_a_session_goes_on_from_token_to_token(people):
    await opened(people)

    first = await go_on(people, "t1-0", "t1-1", NOW + days(1))
    second = await go_on(people, "t1-1", "t1-2", NOW + days(2))

    assert first.session == session(expire_time=NOW + days(31))
    assert second.session == session(expire_time=NOW + days(32))
    assert second.user.name == "users/ann"


async def test_the_roles_are_those_of_now(people):
    await opened(people)
    await people.users.change("users/ann", lambda found: found.grant("agent", now=NOW), None)

    assert (await go_on(people, "t1-0", "t1-1")).user.roles == ("agent",)


async def test_the_key_is_the_one_of_now(people):
    before = (await opened(people)).key
    await people.keys.rotate(signing_key(State.NEXT), None, an_event(), str.encode, NOW)

    assert (await go_on(people, "t1-0", "t1-1")).key.kid != before.kid


@pytest.mark.parametrize(("later", "works"), [(days(30) - seconds(1), True), (days(30), False)])
async def test_a_refresh_token_works_for_thirty_days(people, later, works):
    await opened(people)

    if works:
        assert await go_on(people, "t1-0", "t1-1", NOW + later)
    else:
        assert await reason(go_on(people, "t1-0", "t1-1", NOW + later)) == "REFRESH_TOKEN_INVALID"


async def test_a_token_that_nobody_knows_is_refused_and_nothing_is_written_down(people):
    await opened(people)

    assert await reason(go_on(people, "nobody's", "t1-1")) == "REFRESH_TOKEN_INVALID"

    assert await events(people) == ()
    assert await go_on(people, "t1-0", "t1-1")


async def test_a_token_that_was_used_ends_its_session_and_no_other(people):
    await opened(people, 1)
    await opened(people, 2)
    await go_on(people, "t1-0", "t1-1")
    await go_on(people, "t1-1", "t1-2")

    assert await reason(go_on(people, "t1-0", "t1-x")) == "REFRESH_TOKEN_REUSED"

    for token in ("t1-0", "t1-1", "t1-2", "t1-x"):
        assert await reason(go_on(people, token, "t1-y")) == "REFRESH_TOKEN_INVALID"
    assert await go_on(people, "t2-0", "t2-1")
    [event] = await events(people)
    assert (event.name, event.resource) == ("auditEvents/e1", "users/ann")


async def test_a_used_token_that_has_expired_harms_nobody(people):
    await opened(people)
    await go_on(people, "t1-0", "t1-1", NOW + days(29))

    later = NOW + days(30)
    assert await reason(go_on(people, "t1-0", "t1-x", later)) == "REFRESH_TOKEN_INVALID"
    assert await go_on(people, "t1-1", "t1-2", later)


async def test_of_many_who_use_a_token_at_once_one_does_and_the_session_ends(people):
    await opened(people)

    done = await asyncio.gather(
        *(go_on(people, "t1-0", f"next{n}", event_name=f"e{n}") for n in range(5)),
        return_exceptions=True,
    )

    failed = [each.reason for each in done if isinstance(each, Exception)]
    assert len(failed) == 4
    assert failed.count("REFRESH_TOKEN_REUSED") == 1
    assert len(await events(people)) == 1


# Ending


async def test_a_log_out_ends_one_session(people):
    await opened(people, 1)
    await opened(people, 2)

    await people.sessions.end("t1-0", everywhere=False)

    assert await reason(go_on(people, "t1-0", "x")) == "REFRESH_TOKEN_INVALID"
    assert await go_on(people, "t2-0", "t2-1")


async def test_a_log_out_everywhere_ends_all_of_ones_own_and_nobody_elses(people):
    await opened(people, 1)
    await opened(people, 2)
    await opened(people, 3, "bea")

    await people.sessions.end("t1-0", everywhere=True)

    assert await reason(go_on(people, "t2-0", "x")) == "REFRESH_TOKEN_INVALID"
    assert await go_on(people, "t3-0", "t3-1")


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_used_token_ends_its_session_too_and_an_unknown_one_nothing(people, everywhere):
    await opened(people)
    await go_on(people, "t1-0", "t1-1")

    await people.sessions.end("unknown", everywhere=everywhere)
    await people.sessions.end("t1-0", everywhere=everywhere)
    await people.sessions.end("t1-0", everywhere=everywhere)

    assert await reason(go_on(people, "t1-1", "x")) == "REFRESH_TOKEN_INVALID"


# Attempts


def counted(*subjects, limit=TWO):
    return [Counted(subject=subject, limit=limit) for subject in subjects]


async def tried(store, asked, now=NOW):
    """Whether an attempt passes: `locks` if the next one has to wait, else how long it must."""
    try:
        locks = await store.sessions.attempt(asked, now)
    except TooManyAttempts as refused:
        return refused.retry_after
    return "locks" if locks else "passes"


async def test_attempts_pass_until_the_limit_and_then_wait(store):
    asked = counted("ann")

    assert [await tried(store, asked) for _ in range(4)] == ["passes", "locks", 10, 10]
    assert await tried(store, asked, NOW + seconds(9)) == 1
    assert await tried(store, asked, NOW + seconds(10)) == "locks"
    assert await tried(store, asked, NOW + seconds(29)) == 1
    assert await tried(store, asked, NOW + seconds(30)) == "locks"


async def test_what_is_refused_is_not_counted_for_anybody(store):
    for _ in range(2):
        await store.sessions.attempt(counted("ann"), NOW)
    for _ in range(5):
        assert await tried(store, [*counted("ann"), *counted("place")]) == 10

    assert [await tried(store, counted("place")) for _ in range(2)] == ["passes", "locks"]


async def test_the_longest_wait_counts(store):
    await store.sessions.attempt(counted("a", "b"), NOW)
    await store.sessions.attempt(counted("a"), NOW)
    await store.sessions.attempt(counted("b"), NOW + seconds(5))

    assert await tried(store, counted("a", "b", "c"), NOW + seconds(5)) == 10


async def test_each_subject_has_its_own_limit(store):
    asked = [*counted("ann"), *counted("place", limit=MANY)]

    assert [await tried(store, asked) for _ in range(3)] == ["passes", "locks", 10]
    assert await tried(store, counted("place", limit=MANY)) == "passes"


async def test_many_attempts_at_once_are_as_many_attempts(store):
    done = await asyncio.gather(*(tried(store, counted("ann", "place")) for _ in range(20)))

    assert sorted(map(str, done)) == ["10.0"] * 18 + ["locks", "passes"]


async def test_a_success_forgets_what_it_clears_and_takes_one_back_of_the_rest(people):
    asked = [*counted("ann"), *counted("place")]
    await people.sessions.attempt(asked, NOW)

    await opened(people, cleared=["ann"], uncounted=["place", "nobody"])

    assert [await tried(people, asked) for _ in range(3)] == ["passes", "locks", 10]


async def test_a_password_that_was_changed_meanwhile_clears_nothing(people):
    await people.sessions.attempt(counted("ann"), NOW)

    await opened(people, verified="an older hash", cleared=["ann"])

    assert await tried(people, counted("ann")) == "locks"


# One-time tokens


async def reset_token(store, name="r1", who="ann"):
    """A letter for a new password that was sent; its token is `name`'s."""
    asked = letter(name, Purpose.RESET, email_key=f"{who}@example.org")
    await store.letters.ask(asked, counted(f"resets {name}"))
    await store.letters.take(asked, digest(name), now=NOW, until=NOW + minutes(2))
    await store.letters.sent(asked)


def new_password(name="r1", cleared=()):
    return NewPassword(token_digest=digest(name), password_hash="new hash", cleared=cleared)


@pytest.mark.parametrize(("later", "works"), [(days(1) - seconds(1), True), (days(1), False)])
async def test_an_address_is_verified_by_the_token_of_a_day(people, later, works):
    if not works:
        with pytest.raises(OneTimeTokenInvalid):
            await people.tokens.verify(digest("letter-ann"), NOW + later)
        return

    first = await people.tokens.verify(digest("letter-ann"), NOW + later)
    again = await people.tokens.verify(digest("letter-ann"), NOW + later)

    assert first.email_verified
    assert first == again == await people.users.get("users/ann")


@pytest.mark.parametrize(
    ("later", "works"), [(minutes(60) - seconds(1), True), (minutes(60), False)]
)
async def test_a_new_password_is_set_by_the_token_of_an_hour(people, later, works):
    await reset_token(people)
    event = an_event(create_time=NOW + later)

    if not works:
        with pytest.raises(OneTimeTokenInvalid):
            await people.tokens.set_password(new_password(), event)
        with pytest.raises(OneTimeTokenInvalid):
            await people.tokens.owner(digest("r1"), NOW + later)
        return
    assert (await people.tokens.owner(digest("r1"), NOW + later)).name == "users/ann"
    await people.tokens.set_password(new_password(), event)
    credentials = await people.sessions.credentials("ann@example.org")
    assert credentials.password_hash == "new hash"
    assert credentials.user.email_verified


async def test_a_token_sets_one_password(people):
    await reset_token(people)
    await people.tokens.set_password(new_password(), an_event("e1"))

    with pytest.raises(OneTimeTokenInvalid) as refused:
        await people.tokens.set_password(new_password(), an_event("e2"))

    assert refused.value.code is Code.INVALID_ARGUMENT
    assert [event.name for event in await events(people)] == ["auditEvents/e1"]


async def test_a_token_for_one_purpose_is_none_for_the_other(people):
    await reset_token(people)

    with pytest.raises(OneTimeTokenInvalid):
        await people.tokens.verify(digest("r1"), NOW)
    with pytest.raises(OneTimeTokenInvalid):
        await people.tokens.owner(digest("letter-ann"), NOW)
    with pytest.raises(OneTimeTokenInvalid):
        await people.tokens.set_password(new_password("letter-ann"), an_event())


async def test_a_new_password_ends_all_sessions_and_forgets_failures(people):
    await opened(people, 1)
    await opened(people, 2, "bea")
    await reset_token(people)
    for _ in range(2):
        await people.sessions.attempt(counted("ann"), NOW)

    await people.tokens.set_password(new_password(cleared=["ann"]), an_event())

    assert await reason(go_on(people, "t1-0", "x")) == "REFRESH_TOKEN_INVALID"
    assert await go_on(people, "t2-0", "t2-1")
    assert await tried(people, counted("ann")) == "passes"


async def test_of_two_letters_only_the_later_one_sets_a_password(people):
    await reset_token(people, "r1")
    await reset_token(people, "r2")
    await reset_token(people, "r3", "bea")

    with pytest.raises(OneTimeTokenInvalid):
        await people.tokens.owner(digest("r1"), NOW)
    await people.tokens.set_password(new_password("r2"), an_event())
    assert (await people.tokens.owner(digest("r3"), NOW)).name == "users/bea"


async def test_a_verified_address_stays_so_when_a_password_is_set(people):
    await people.tokens.verify(digest("letter-ann"), NOW)
    before = await people.users.get("users/ann")
    await reset_token(people)

    await people.tokens.set_password(new_password(), an_event())

    assert await people.users.get("users/ann") == before
