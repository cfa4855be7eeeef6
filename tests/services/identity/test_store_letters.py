"""What every store must do with letters."""

import asyncio

import pytest

from services.identity.domain import OneTimeTokenInvalid
from services.identity.letters import Purpose
from services.identity.lockout import Limit, TooManyAttempts
from services.identity.sessions import NewPassword
from services.identity.store import Counted
from tests.services.identity.dump import everything
from tests.services.identity.people import (
    NOW,
    VAULT,
    an_event,
    days,
    digest,
    letter,
    minutes,
    new_user,
    seconds,
)

ONE = Limit(free=1, first=minutes(1), longest=minutes(1), forget=minutes(10))
UNTIL = NOW + minutes(2)


def reset(name="r1", who="ann", **fields):
    return letter(name, Purpose.RESET, email_key=f"{who}@example.org", **fields)


async def ask(store, asked, subject=""):
    await store.letters.ask(asked, [Counted(subject=subject or asked.name, limit=ONE)])


async def due(store, now=NOW, limit=99):
    return [each.name for each in await store.letters.due(now, limit)]


async def take(store, taken, now=NOW, until=UNTIL):
    return await store.letters.take(taken, digest(taken.name), now=now, until=until)


@pytest.fixture
async def ann(store):
    """Somebody with an address, whose first letter was sent."""
    await store.users.add(new_user("ann", email="Ann@Example.org"), None, b"", NOW)
    await store.letters.sent(letter("letter-ann"))
    return store


async def test_a_letter_waits_until_it_is_due(ann):
    await ask(ann, reset(due_time=NOW + minutes(1)))

    assert await due(ann, NOW + minutes(1) - seconds(1)) == []
    assert await due(ann, NOW + minutes(1)) == ["r1"]
    assert await ann.letters.next_due() == NOW + minutes(1)


async def test_letters_come_as_they_are_due_and_no_more_than_are_asked_for(ann):
    for number, later in ((1, 2), (2, 0), (3, 1)):
        await ask(ann, reset(f"r{number}", f"u{number}", due_time=NOW + minutes(later)))

    assert await due(ann, NOW + minutes(9)) == ["r2", "r3", "r1"]
    assert await due(ann, NOW + minutes(9), limit=2) == ["r2", "r3"]
    assert await ann.letters.next_due() == NOW


async def test_where_no_letter_waits_none_is_due(store):
    assert await due(store) == []
    assert await store.letters.next_due() is None


async def test_a_letter_is_addressed_as_the_user_wrote_it_and_its_token_works_then(ann):
    await ask(ann, reset())
    with pytest.raises(OneTimeTokenInvalid):
        await ann.tokens.owner(digest("r1"), NOW)

    assert await take(ann, reset()) == "Ann@Example.org"

    assert (await ann.tokens.owner(digest("r1"), NOW)).name == "users/ann"


async def test_a_letter_to_nobody_is_forgotten(ann):
    await ask(ann, reset(who="nobody"))

    assert await take(ann, reset(who="nobody")) is None
    assert await ann.letters.next_due() is None


async def test_a_letter_is_taken_by_one(ann):
    await ask(ann, reset())

    taken = await asyncio.gather(*(take(ann, reset()) for _ in range(4)))

    assert sorted(map(str, taken)) == ["Ann@Example.org", "None", "None", "None"]


async def test_who_takes_a_letter_and_dies_leaves_it_to_others(ann):
    await ask(ann, reset())
    await take(ann, reset())

    assert await due(ann, UNTIL - seconds(1)) == []
    [again] = await ann.letters.due(UNTIL, 9)
    assert (again.name, again.attempts) == ("r1", 1)
    assert await take(ann, again, UNTIL, UNTIL + minutes(2)) == "Ann@Example.org"


async def test_a_letter_that_was_sent_is_gone(ann):
    await ask(ann, reset())
    await take(ann, reset())

    await ann.letters.sent(reset())

    assert await due(ann, NOW + days(9)) == []


async def test_a_letter_that_was_put_back_comes_later(ann):
    await ask(ann, reset())
    await take(ann, reset())

    await ann.letters.put_back(reset(), NOW + minutes(5), attempts=7)

    assert await due(ann, NOW + minutes(5) - seconds(1)) == []
    [again] = await ann.letters.due(NOW + minutes(5), 9)
    assert again.attempts == 7


async def test_a_letter_that_was_parked_comes_never(ann):
    await ask(ann, reset())
    await take(ann, reset())

    await ann.letters.park(reset())

    assert await due(ann, NOW + days(9)) == []
    assert await ann.letters.next_due() is None


async def test_a_letter_that_is_sent_late_has_a_token_that_works_for_its_whole_life(ann):
    await ask(ann, reset())
    await take(ann, reset())
    [again] = await ann.letters.due(UNTIL, 9)

    await take(ann, again, NOW + minutes(30), NOW + minutes(32))

    assert await ann.tokens.owner(digest("r1"), NOW + minutes(89))
    with pytest.raises(OneTimeTokenInvalid):
        await ann.tokens.owner(digest("r1"), NOW + minutes(90))


async def test_a_letter_that_is_sent_twice_does_not_make_a_used_token_work_again(ann):
    await ask(ann, reset())
    await take(ann, reset())
    await use(ann, "r1")
    [again] = await ann.letters.due(UNTIL, 9)

    assert await take(ann, again, UNTIL, UNTIL + minutes(2)) == "Ann@Example.org"

    with pytest.raises(OneTimeTokenInvalid):
        await ann.tokens.owner(digest("r1"), UNTIL)


async def use(store, name):
    new = NewPassword(token_digest=digest(name), password_hash="new", cleared=[])
    await store.tokens.set_password(new, an_event())


async def test_a_later_letter_takes_the_place_of_one_that_still_waits(ann):
    await ask(ann, reset("r1"))
    await ask(ann, reset("r2"))
    await ask(ann, reset("r3", "bea"))

    assert await due(ann) == ["r2", "r3"]


async def test_a_letter_for_another_purpose_keeps_its_place(store):
    await store.users.add(new_user(), None, b"", NOW)

    await ask(store, reset())

    assert await due(store) == ["letter-ann", "r1"]


async def test_a_token_to_verify_survives_one_for_a_password(ann):
    await ask(ann, reset())
    await take(ann, reset())

    assert (await ann.tokens.verify(digest("letter-ann"), NOW)).email_verified
    assert await ann.tokens.owner(digest("r1"), NOW)


async def test_who_asks_too_often_gets_no_letter(ann):
    await ask(ann, reset("r1"), "place")

    with pytest.raises(TooManyAttempts):
        await ask(ann, reset("r2"), "place")

    assert await due(ann) == ["r1"]
    await ask(ann, reset("r3", create_time=NOW + minutes(1)), "place")


async def test_no_token_is_kept_as_it_is(ann, database):
    await ask(ann, reset())
    await take(ann, reset())

    kept = await everything(database)
    assert digest("r1") in kept
    assert VAULT.one_time_token("r1") not in kept
