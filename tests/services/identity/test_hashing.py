"""How passwords are kept."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError

from plait.errors import Code
from services.identity.hashing import LANES, MEMORY_KIB, PASSES, Hasher, TooBusy
from tests.services.identity.shop import CHEAP


@pytest.fixture
def hasher():
    hasher = Hasher(threads=2, waiting=3, hasher=CHEAP)
    yield hasher
    hasher.close()


@pytest.fixture
def usual():
    hasher = Hasher()
    yield hasher
    hasher.close()


async def test_a_hash_matches_its_password_and_no_other(hasher):
    kept = await hasher.hash("violin ladder sixty")

    assert await hasher.matches(kept, "violin ladder sixty")
    assert not await hasher.matches(kept, "violin ladder sixty ")
    assert "violin" not in kept


async def test_the_same_password_is_kept_differently_each_time(hasher):
    assert await hasher.hash("one") != await hasher.hash("one")


async def test_a_password_of_another_keyboard_matches(hasher):
    assert await hasher.matches(await hasher.hash("caf\u00e9 \uff21"), "cafe\u0301 A")


async def test_nobodys_password_matches_nothing(hasher):
    for password in ("", "anything", hasher._of_nobody()):
        assert not await hasher.matches(None, password)


async def test_passwords_are_kept_by_argon2id_as_owasp_has_it(usual):
    found = extract_parameters(await usual.hash("violin ladder sixty"))

    assert found.type.name == "ID"
    assert (found.memory_cost, found.time_cost, found.parallelism) == (MEMORY_KIB, PASSES, LANES)
    assert (MEMORY_KIB, PASSES, LANES) == (19 * 1024, 2, 1)


async def test_the_hash_of_nobody_costs_what_every_hash_costs(usual):
    of_nobody = extract_parameters(usual._of_nobody())

    assert of_nobody == extract_parameters(await usual.hash("violin ladder sixty"))
    assert usual._of_nobody() == usual._of_nobody()


async def test_a_hash_with_other_parameters_is_old(hasher, usual):
    old = await hasher.hash("one")

    assert not hasher.is_old(old)
    assert usual.is_old(old)
    assert await usual.matches(old, "one")


async def test_what_is_no_hash_is_a_bug_and_not_a_wrong_password(hasher):
    with pytest.raises(InvalidHashError):
        await hasher.matches("no hash", "one")


@pytest.mark.parametrize(("inside", "fits"), [(4, True), (5, False), (6, False)])
def test_only_so_many_wait_and_the_rest_are_told_to_come_back(hasher, inside, fits):
    hasher._inside = inside

    if fits:
        with hasher.place():
            assert hasher._inside == inside + 1
        assert hasher._inside == inside
        return
    with pytest.raises(TooBusy) as refused, hasher.place():
        pass
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert (refused.value.reason, refused.value.retry_after) == ("TOO_BUSY", 1.0)


def test_a_place_is_given_back_whatever_happens(hasher):
    with pytest.raises(KeyError), hasher.place():
        raise KeyError

    assert hasher._inside == 0


class Held(PasswordHasher):
    """Hashes when it is let go, and counts how many do so at the same time."""

    def __init__(self):
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.inside = threading.Semaphore(0)
        self.running = self.most = 0
        self._lock = threading.Lock()

    def hash(self, password, *, salt=None):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.inside.release()
        self.go.wait(10)
        with self._lock:
            self.running -= 1
        return "done"


async def test_no_more_hash_at_once_than_there_are_threads_even_when_callers_leave():
    held = Held()
    hasher = Hasher(threads=2, hasher=held)
    first = [asyncio.ensure_future(hasher.hash("a")) for _ in range(2)]
    await asyncio.to_thread(held.inside.acquire)
    await asyncio.to_thread(held.inside.acquire)

    for task in first:
        task.cancel()
    await asyncio.wait(first)
    second = [asyncio.ensure_future(hasher.hash("a")) for _ in range(4)]
    await asyncio.sleep(0)
    held.go.set()

    assert await asyncio.gather(*second) == ["done"] * 4
    assert held.most == 2
    hasher.close()


async def test_the_event_loop_goes_on_while_a_password_is_hashed():
    held = Held()
    hasher = Hasher(threads=1, hasher=held)
    hashing = asyncio.ensure_future(hasher.hash("a"))
    await asyncio.to_thread(held.inside.acquire)

    assert not hashing.done()
    held.go.set()
    assert await hashing == "done"
    hasher.close()
