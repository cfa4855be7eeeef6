"""What every store must forget, when, and how much of it at a time."""

import pytest
from sqlalchemy import func, select

from services.identity import rows
from services.identity.keys import State
from services.identity.letters import Purpose
from services.identity.lockout import Limit
from services.identity.sessions import Opening, Session
from services.identity.sql.remains import SqlRemains
from services.identity.store import Counted
from tests.services.identity.people import (
    NOW,
    an_event,
    days,
    letter,
    minutes,
    new_user,
    seconds,
    signing_key,
)

LIMIT = Limit(free=9, first=seconds(1), longest=seconds(1), forget=minutes(10))


async def count(database, table):
    async with database.snapshot() as tx:
        return (await tx.execute(select(func.count()).select_from(table))).first()[0]


async def open_session(store, number=1):
    session = Session(
        name=f"sessions/s{number}",
        user="users/ann",
        create_time=NOW,
        expire_time=NOW + days(30),
    )
    await store.sessions.open(
        Opening(
            session=session,
            digest=f"t{number}",
            verified="hash of ann",
            password_hash="hash of ann",
            cleared=[],
            uncounted=[],
        )
    )


@pytest.fixture
async def ann(store):
    await store.users.add(new_user(), None, b"", NOW)
    await store.keys.add_first(signing_key(), signing_key(State.NEXT))
    await store.remains.sweep(NOW + days(1), 99)
    await store.letters.sent(letter("letter-ann"))
    return store


@pytest.mark.parametrize(
    ("table", "later"),
    [
        (rows.REFRESH_TOKENS, days(30)),
        (rows.SESSIONS, days(30)),
        (rows.ONE_TIME_TOKENS, days(1)),
        (rows.ATTEMPTS, minutes(10)),
        (rows.LETTERS, days(7)),
        (rows.EVENTS, days(365)),
        (rows.SIGNING_KEYS, minutes(16)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_what_has_expired_goes_when_it_has_and_not_before(store, database, table, later):
    await store.users.add(new_user(), None, b"", NOW)
    await store.keys.add_first(signing_key(), signing_key(State.NEXT))
    await store.keys.rotate(signing_key(State.NEXT), None, an_event(), str.encode, NOW)
    await open_session(store)
    await store.remains.sweep(NOW + seconds(2), 99)
    await store.sessions.attempt([Counted(subject="ann", limit=LIMIT)], NOW)
    before = await count(database, table)

    await store.remains.sweep(NOW + later - seconds(1), 99)
    assert await count(database, table) == before
    await store.remains.sweep(NOW + later, 99)

    assert await count(database, table) == before - 1
    assert await count(database, rows.USERS) == 1


async def test_keys_that_sign_stay_for_ever(ann, database):
    await ann.remains.sweep(NOW + days(3650), 99)

    assert await count(database, rows.SIGNING_KEYS) == 2


async def test_a_used_token_goes_while_its_session_lives_on(ann, database):
    await open_session(ann)
    await ann.sessions.go_on(
        "t1", "t2", now=NOW + days(1), expire_time=NOW + days(31), event=an_event()
    )

    await ann.remains.sweep(NOW + days(30), 99)

    assert await count(database, rows.REFRESH_TOKENS) == 1
    assert await count(database, rows.SESSIONS) == 1


async def test_no_more_go_at_once_than_are_asked_for(ann, database):
    for number in range(7):
        await ann.events.record(an_event(f"e{number}"))

    left = []
    removed = []
    for _ in range(4):
        removed.append(await ann.remains.sweep(NOW + days(366), 3))
        left.append(await count(database, rows.EVENTS))

    assert removed == [3, 3, 1, 0]
    assert left == [4, 1, 0, 0]


async def test_a_letter_that_was_parked_goes_too(ann, database):
    asked = letter("r1", Purpose.RESET)
    await ann.letters.ask(asked, [Counted(subject="s", limit=LIMIT)])
    await ann.letters.park(asked)
    waiting = await count(database, rows.LETTERS)

    await ann.remains.sweep(NOW + days(7), 99)

    assert (waiting, await count(database, rows.LETTERS)) == (1, 0)


@pytest.mark.parametrize(("most", "left"), [(4, 4), (5, 5), (6, 5)])
async def test_of_too_many_attempts_those_go_that_would_be_forgotten_first(
    store, database, most, left
):
    for number in range(5):
        for _ in range(number + 1):
            await store.sessions.attempt([Counted(subject=f"s{number}", limit=LIMIT)], NOW)
    remains = SqlRemains(database, most_attempts=most)

    removed = await remains.sweep(NOW, 99)

    assert (removed, await count(database, rows.ATTEMPTS)) == (5 - left, left)
    async with database.snapshot() as tx:
        kept = {row.subject for row in await tx.execute(select(rows.ATTEMPTS.c.subject))}
    assert "s4" in kept
    assert ("s0" in kept) is (left == 5)


async def test_even_the_bound_is_reached_a_little_at_a_time(store, database):
    for number in range(5):
        await store.sessions.attempt([Counted(subject=f"s{number}", limit=LIMIT)], NOW)
    remains = SqlRemains(database, most_attempts=1)

    assert [await remains.sweep(NOW, 3) for _ in range(3)] == [3, 1, 0]
