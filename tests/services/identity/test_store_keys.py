"""What every store must do with signing keys."""

import asyncio
from dataclasses import replace

import pytest

from plait.data.backend import Conflict
from plait.data.claims import Claim, RequestIdReused
from services.identity.keys import RotatedRecently, State, last_token_expires
from services.identity.service import LATEST
from services.identity.sql.keys import KeysMissing
from services.identity.store import Query
from tests.services.identity.people import NOW, an_event, minutes, seconds, signing_key

CLAIM = Claim(caller="users/boss", method="RotateKeys", request_id="r1", fingerprint=b"f1")


@pytest.fixture
async def keyed(store):
    """A store with its first keys, and those."""
    first = signing_key(), signing_key(State.NEXT)
    assert await store.keys.add_first(*first)
    return store, *first


async def states(store):
    return {key.state: key.kid for key in await store.keys.all()}


async def rotate(store, following, now=NOW, claim=None):
    event = an_event(following.kid.lower())
    return await store.keys.rotate(following, claim, event, str.encode, now)


async def test_there_are_no_keys_at_first(store):
    assert await store.keys.all() == ()
    with pytest.raises(KeysMissing):
        await rotate(store, signing_key(State.NEXT))


async def test_the_first_keys_are_kept_whole(keyed):
    store, current, following = keyed

    assert set(await store.keys.all()) == {current, following}


async def test_of_many_who_make_the_first_keys_one_does(store):
    made = await asyncio.gather(
        *(store.keys.add_first(signing_key(), signing_key(State.NEXT)) for _ in range(5))
    )

    assert sorted(made) == [False, False, False, False, True]
    assert len(await store.keys.all()) == 2


async def test_the_same_key_twice_is_a_mistake_and_no_race(store):
    key = signing_key()

    with pytest.raises(Conflict, match="signing_keys_kid"):
        await store.keys.add_first(key, replace(key, state=State.NEXT))


async def test_a_rotation_lets_the_next_key_sign(keyed):
    store, current, following = keyed
    newest = signing_key(State.NEXT)

    said = await rotate(store, newest)

    assert said == following.kid.encode()
    assert await states(store) == {
        State.PREVIOUS: current.kid,
        State.CURRENT: following.kid,
        State.NEXT: newest.kid,
    }


async def test_a_key_that_signs_no_more_forgets_how_to_and_goes_with_its_last_token(keyed):
    store, current, following = keyed

    await rotate(store, signing_key(State.NEXT))

    by_kid = {key.kid: key for key in await store.keys.all()}
    assert by_kid[current.kid].sealed == b""
    assert by_kid[current.kid].expire_time == last_token_expires(NOW)
    assert by_kid[following.kid].sealed == following.sealed
    assert by_kid[following.kid].rotate_time == NOW


@pytest.mark.parametrize(("later", "passes"), [(899, False), (900, True)])
async def test_keys_are_rotated_once_in_a_quarter_of_an_hour(keyed, later, passes):
    store, _, following = keyed
    await rotate(store, signing_key(State.NEXT))

    if passes:
        assert await rotate(store, signing_key(State.NEXT), NOW + seconds(later)) != b""
        return
    with pytest.raises(RotatedRecently):
        await rotate(store, signing_key(State.NEXT), NOW + seconds(later))
    assert (await states(store))[State.CURRENT] == following.kid


async def test_of_many_who_rotate_at_once_one_does(keyed):
    store, *_ = keyed

    done = await asyncio.gather(
        *(rotate(store, signing_key(State.NEXT)) for _ in range(4)), return_exceptions=True
    )

    assert sum(isinstance(each, RotatedRecently) for each in done) == 3
    assert len(await store.keys.all()) == 3


async def test_a_repeated_rotation_answers_as_then_and_rotates_nothing(keyed):
    store, *_ = keyed

    first = await rotate(store, signing_key(State.NEXT), claim=CLAIM)
    again = await rotate(store, signing_key(State.NEXT), NOW + minutes(1), CLAIM)

    assert first == again
    assert len(await store.keys.all()) == 3
    events = await store.events.page(Query(filter=None, order=LATEST, limit=9))
    assert len(events.things) == 1


async def test_the_id_of_another_rotation_is_refused(keyed):
    store, *_ = keyed
    await rotate(store, signing_key(State.NEXT), claim=CLAIM)
    other = Claim(caller="users/boss", method="RotateKeys", request_id="r1", fingerprint=b"f2")

    with pytest.raises(RequestIdReused):
        await rotate(store, signing_key(State.NEXT), NOW + minutes(20), other)
