"""Promises of the keys that prove tokens: asked for when needed, by all at once, kept for good."""

import asyncio
import contextvars
import logging

import pytest
from joserfc.jwk import OKPKey

from plait.errors import Unavailable
from plait.mesh.identity.keys import Keys, KeysUnavailable
from plait.mesh.identity.ring import Pace
from plait.testing import FakeClock

FAR = Pace(max_age=60, search=5, retry=2, in_background=True)
NEAR = Pace(max_age=1, search=1, retry=1, in_background=False)
WHO = contextvars.ContextVar("who", default="nobody")


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


class Issuer:
    """A source of keys that a test owns; keeps the promises of `KeySource`.

    While `open` is cleared its reads wait, as for a slow network.
    """

    def __init__(self, *keys, pace=FAR):
        self.pace = pace
        self.keys = keys
        self.failure = None
        self.reads = 0
        self.readers = []
        self.cancelled = 0
        self.closed = False
        self.open = asyncio.Event()
        self.open.set()

    def __str__(self):
        return "the issuer"

    async def read(self):
        self.reads += 1
        self.readers.append(WHO.get())
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure:
            raise self.failure
        return {key.kid: key for key in self.keys}

    async def close(self):
        self.closed = True


@pytest.fixture
def clock():
    return FakeClock()


async def look_up(keys, kid):
    """Look a key up as a verifier does."""
    return await keys.find(kid, fresh=keys.is_due() and await keys.refresh())


async def settle():
    """Let tasks that wait for nothing come to their end."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_is_read_before_it_is_needed(clock):
    issuer = Issuer(made())
    keys = Keys(issuer, clock)

    assert keys.is_due()
    assert (issuer.reads, keys.version) == (0, 0)


async def test_the_first_need_reads_them(clock):
    key = made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)

    assert await look_up(keys, key.kid) is key
    assert (issuer.reads, keys.version) == (1, 1)
    assert not keys.is_due()


async def test_whoever_comes_at_the_same_time_shares_one_read(clock):
    key = made()
    issuer = Issuer(key)
    issuer.open.clear()
    keys = Keys(issuer, clock)

    waiting = [asyncio.create_task(look_up(keys, key.kid)) for _ in range(10)]
    await settle()
    issuer.open.set()

    assert await asyncio.gather(*waiting) == [key] * 10
    assert issuer.reads == 1


async def test_who_leaves_early_does_not_take_the_read_from_the_others(clock):
    key = made()
    issuer = Issuer(key)
    issuer.open.clear()
    keys = Keys(issuer, clock)
    first, second = (asyncio.create_task(look_up(keys, key.kid)) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    issuer.open.set()

    assert await second is key
    assert (issuer.reads, issuer.cancelled) == (1, 0)


async def test_a_read_belongs_to_nobodys_call(clock):
    issuer = Issuer(made())
    WHO.set("anna")

    await look_up(Keys(issuer, clock), "a")

    assert issuer.readers == ["nobody"]


async def test_keys_that_were_never_read_are_unavailable_for_a_while(clock):
    issuer = Issuer(made())
    issuer.failure = Unavailable("away")
    keys = Keys(issuer, clock)

    for _ in range(3):
        with pytest.raises(KeysUnavailable) as raised:
            await look_up(keys, "a")

    assert issuer.reads == 1
    assert (raised.value.reason, raised.value.retry_after) == ("KEYS_UNAVAILABLE", FAR.retry)
    assert "issuer" in raised.value.message


async def test_keys_that_come_late_are_found(clock):
    key = made()
    issuer = Issuer(key)
    issuer.failure = Unavailable("away")
    keys = Keys(issuer, clock)
    with pytest.raises(KeysUnavailable):
        await look_up(keys, key.kid)

    issuer.failure = None
    clock.advance(FAR.retry - 0.001)
    with pytest.raises(KeysUnavailable):
        await look_up(keys, key.kid)
    clock.advance(0.001)

    assert await look_up(keys, key.kid) is key


async def test_old_keys_are_read_again_behind_the_back_of_whoever_uses_them(clock):
    key, new = made(), made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)
    issuer.keys = (new,)
    issuer.open.clear()

    clock.advance(FAR.max_age)

    assert await look_up(keys, key.kid) is key
    assert await look_up(keys, key.kid) is key
    issuer.open.set()
    await settle()
    assert issuer.reads == 2
    assert await look_up(keys, new.kid) is new
    assert keys.version == 2


async def test_old_keys_of_a_source_that_is_near_are_waited_for(clock):
    key, new = made(), made()
    issuer = Issuer(key, pace=NEAR)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)
    issuer.keys = (new,)

    clock.advance(NEAR.max_age)

    assert await look_up(keys, key.kid) is None
    assert issuer.reads == 2


async def test_an_unknown_id_makes_it_look_once(clock):
    key, new = made(), made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)
    issuer.keys = (key, new)

    assert await look_up(keys, new.kid) is new
    assert issuer.reads == 2


async def test_however_many_ids_are_made_up_the_issuer_is_asked_now_and_then(clock):
    key = made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)

    for number in range(1000):
        assert await look_up(keys, f"made-up-{number}") is None
    assert issuer.reads == 2
    clock.advance(FAR.search - 0.001)
    assert await look_up(keys, "another") is None
    assert issuer.reads == 2
    clock.advance(0.001)
    assert await look_up(keys, "another") is None

    assert issuer.reads == 3


async def test_the_first_read_is_not_repeated_for_an_id_that_it_did_not_bring(clock):
    issuer = Issuer(made())

    assert await look_up(Keys(issuer, clock), "made-up") is None
    assert issuer.reads == 1


async def test_unknown_ids_at_the_same_time_share_one_look(clock):
    key, new = made(), made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)
    issuer.keys = (key, new)
    issuer.open.clear()

    waiting = [asyncio.create_task(look_up(keys, new.kid)) for _ in range(10)]
    await settle()
    issuer.open.set()

    assert await asyncio.gather(*waiting) == [new] * 10
    assert issuer.reads == 2


async def test_known_keys_outlive_their_issuer_and_one_line_says_so(clock, caplog):
    key = made()
    issuer = Issuer(key)
    keys = Keys(issuer, clock)
    await look_up(keys, key.kid)
    issuer.failure = Unavailable("away")

    for _ in range(5):
        clock.advance(FAR.max_age)
        assert await look_up(keys, key.kid) is key
        assert await look_up(keys, "unknown") is None
        await settle()

    assert issuer.reads > 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages == [
        "the keys in the issuer cannot be read, the known ones are kept: away"
    ]


async def test_the_end_of_an_outage_is_said_too(clock, caplog):
    caplog.set_level(logging.INFO)
    issuer = Issuer(made())
    issuer.failure = ValueError("broken")
    keys = Keys(issuer, clock)
    await keys.refresh()

    issuer.failure = None
    clock.advance(FAR.retry)
    await keys.refresh()

    assert caplog.messages == [
        "the keys in the issuer cannot be read, no token can be checked: broken",
        "the keys in the issuer can be read again",
    ]


async def test_without_a_source_the_settings_are_named(clock):
    keys = Keys(None, clock)

    with pytest.raises(KeysUnavailable, match="PLAIT_USER_JWKS"):
        await look_up(keys, "a")
    await keys.close()


async def test_closing_ends_a_read_and_lets_go_of_the_source(clock):
    issuer = Issuer(made())
    issuer.open.clear()
    keys = Keys(issuer, clock)
    waiting = asyncio.create_task(keys.refresh())
    await settle()

    await keys.close()

    await asyncio.wait((waiting,))
    assert waiting.cancelled()
    assert (issuer.cancelled, issuer.closed) == (1, True)
