"""What is there when a service begins: keys, and an admin."""

import asyncio
import logging

import pytest

from plait.data.database import Database
from plait.errors import Unavailable
from plait.testing import FakeClock
from services.identity.beginning import PAUSE, Beginning, FirstAdmin, NotBegun
from services.identity.hashing import Hasher
from services.identity.keys import Signer, State
from services.identity.service import LATEST
from services.identity.store import Query
from services.identity.vault import Vault
from tests.services.identity.people import GOOD, NOW, SECRET, VAULT, Ids, new_user
from tests.services.identity.shop import CHEAP

BOSS = FirstAdmin(email="Boss@shop.example", password=GOOD)
EVERYBODY = Query(filter=None, order=LATEST, limit=99)


@pytest.fixture
def hasher():
    hasher = Hasher(threads=1, hasher=CHEAP)
    yield hasher
    hasher.close()


@pytest.fixture
def beginning(store, database, hasher):
    """Make a beginning, as each process does."""
    ids = Ids()

    def make(admin=BOSS, vault=VAULT, ready=database.ready, **parts):
        clock = FakeClock(NOW)
        return Beginning(
            store,
            database_ready=ready,
            vault=vault,
            signer=Signer(vault, clock, issuer="i", audience="a"),
            hasher=hasher,
            clock=clock,
            new_id=ids,
            admin=admin,
            **parts,
        )

    return make


async def admins(store):
    page = await store.users.page(EVERYBODY)
    return [each for each in page.things if each.is_admin]


async def test_at_first_two_keys_and_an_admin_are_made(store, hasher, beginning):
    await beginning().begin()

    assert {key.state for key in await store.keys.all()} == {State.CURRENT, State.NEXT}
    [boss] = await admins(store)
    assert (boss.email, boss.email_verified, boss.roles) == ("Boss@shop.example", False, ("admin",))
    kept = await store.sessions.credentials("boss@shop.example")
    assert await hasher.matches(kept.password_hash, GOOD)
    [event] = (await store.events.page(EVERYBODY)).things
    assert (event.actor, event.resource, event.status) == ("services/identity", boss.name, "OK")
    assert event.method == "shop.identity.v1.IdentityService/GrantRole"


async def test_a_second_beginning_changes_nothing(store, beginning):
    await beginning().begin()
    keys, before = await store.keys.all(), await admins(store)

    await beginning(FirstAdmin(email="other@shop.example", password="other password")).begin()

    assert await store.keys.all() == keys
    assert await admins(store) == before


async def test_the_password_of_an_admin_is_never_set_again(store, hasher, beginning):
    await beginning().begin()

    await beginning(FirstAdmin(email=BOSS.email, password="another long one")).begin()

    kept = await store.sessions.credentials("boss@shop.example")
    assert await hasher.matches(kept.password_hash, GOOD)


async def test_without_a_password_there_is_no_admin(store, beginning):
    start = beginning(None)

    await start.begin()

    assert await admins(store) == []
    assert await start.ready()


async def test_a_user_who_has_the_address_does_not_become_an_admin(store, beginning, caplog):
    await store.users.add(new_user("x", email="boss@SHOP.example"), None, b"", NOW)

    await beginning().begin()

    assert await admins(store) == []
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "IDENTITY_ADMIN_EMAIL" in said.getMessage()
    assert "shop.example" not in said.getMessage()


async def test_two_that_begin_at_once_make_one_of_each(store, beginning):
    await asyncio.gather(*(beginning().begin() for _ in range(4)))

    assert len(await store.keys.all()) == 2
    assert len(await admins(store)) == 1


async def test_it_is_ready_when_it_has_begun_and_not_before(beginning):
    start = beginning()
    with pytest.raises(NotBegun, match="has not begun yet"):
        await start.ready()

    assert not start.over.is_set()

    await start.begin()

    assert await start.ready() is True
    assert start.over.is_set()


async def test_it_is_not_ready_without_its_database(beginning):
    async def away():
        raise Unavailable("the database is away")

    start = beginning(ready=away)
    await start.begin()

    with pytest.raises(Unavailable, match="the database is away"):
        await start.ready()


async def test_another_secret_is_told_and_makes_no_new_keys(store, beginning):
    await beginning().begin()
    keys = await store.keys.all()
    start = beginning(vault=Vault(SECRET.upper().encode()))

    with pytest.raises(NotBegun, match="another IDENTITY_SECRET"):
        await start.begin()

    with pytest.raises(NotBegun, match="another IDENTITY_SECRET"):
        await start.ready()
    assert await store.keys.all() == keys


async def test_a_beginning_waits_for_its_database(store, beginning):
    looks = []

    async def ready():
        looks.append(1)
        if len(looks) == 1:
            raise Unavailable("not migrated yet")
        return len(looks) > 2

    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    start = beginning(ready=ready, sleep=sleep)
    await start.run()

    assert pauses == [PAUSE, PAUSE]
    assert await start.ready()
    assert len(await store.keys.all()) == 2


async def test_a_database_that_was_never_migrated_keeps_it_waiting(tmp_path, beginning):
    empty = Database(f"sqlite:///{tmp_path / 'none.db'}")
    waited = asyncio.Event()

    async def sleep(seconds):
        waited.set()
        await asyncio.Event().wait()

    running = asyncio.ensure_future(beginning(ready=empty.ready, sleep=sleep).run())
    async with asyncio.timeout(10):
        await waited.wait()
    running.cancel()
    await asyncio.wait([running])
    await empty.close()

    assert running.cancelled()


def test_the_first_password_is_not_shown():
    assert GOOD not in repr(BOSS)
