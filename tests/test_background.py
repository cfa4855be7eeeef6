"""Promises of what runs beside the calls: it goes on whatever happens, and ends when told to."""

import asyncio
import logging
import random

import pytest

from plait.background import Background, pause_after
from plait.clock import SystemClock
from plait.service import Server
from plait.settings import Settings
from plait.testing import FakeClock, serving
from tests.mesh.asking import PATIENCE
from tests.mesh.echo import Echo, EchoRequest, EchoStub, add_echo


@pytest.fixture(autouse=True)
async def in_time():
    async with asyncio.timeout(30):
        yield


class Least(random.Random):
    """Draws the smallest numbers."""

    def random(self) -> float:
        return 0.0


class Most(random.Random):
    """Draws the largest numbers."""

    def random(self) -> float:
        return 1.0


class Pauses:
    """Keeps the pauses that were asked for, and lets none of them last; ends after so many."""

    def __init__(self, count=1):
        self.seconds = []
        self.enough = asyncio.Event()
        self._count = count

    async def sleep(self, seconds):
        self.seconds.append(seconds)
        if len(self.seconds) == self._count:
            self.enough.set()
            await asyncio.Event().wait()


class Chore:
    """Notes when it begins and ends; what it does between is the test's."""

    def __init__(self, act=None):
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        self.starts = 0
        self._act = act

    async def work(self):
        self.starts += 1
        self.begun.set()
        try:
            if self._act is not None:
                return self._act()
            await asyncio.Event().wait()
        finally:
            self.ended.set()


def fails():
    raise LookupError("the shelf is gone")


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 2.0), (2, 4.0), (4, 16.0), (5, 30.0), (6, 30.0), (9999, 30.0)]
)
def test_the_longest_pause_doubles_from_two_seconds_to_thirty(failures, longest):
    assert pause_after(failures, Most()) == longest


@pytest.mark.parametrize("failures", [1, 5, 9999])
def test_no_pause_is_shorter_than_a_second(failures):
    assert pause_after(failures, Least()) == 1.0


async def test_every_chore_is_begun_and_ends_when_it_is_told_to():
    first, second = Chore(), Chore()
    background = Background([first.work, second.work], clock=SystemClock())

    background.start()
    await asyncio.gather(first.begun.wait(), second.begun.wait())
    assert not first.ended.is_set()
    background.cancel()
    await background.ended()

    assert (first.ended.is_set(), second.ended.is_set()) == (True, True)


async def test_a_chore_that_fails_is_logged_with_its_trace_and_begun_again(caplog):
    chore, pauses = Chore(fails), Pauses(3)
    background = Background([chore.work], clock=FakeClock(), rng=Most(), sleep=pauses.sleep)

    with caplog.at_level(logging.ERROR, "plait.background"):
        background.start()
        await pauses.enough.wait()
    background.cancel()
    await background.ended()

    assert (chore.starts, pauses.seconds) == (3, [2.0, 4.0, 8.0])
    assert caplog.messages[0] == "Chore.work failed; it is started again in 2.0 s"
    assert "LookupError: the shelf is gone" in caplog.text


async def test_a_chore_that_fails_leaves_the_others_alone():
    failing, steady, pauses = Chore(fails), Chore(), Pauses(3)
    chores = [failing.work, steady.work]
    background = Background(chores, clock=FakeClock(), sleep=pauses.sleep)

    background.start()
    await pauses.enough.wait()

    assert (steady.starts, steady.ended.is_set()) == (1, False)
    background.cancel()
    await background.ended()


@pytest.mark.parametrize(("worked", "pauses"), [(29.9, [2.0, 4.0]), (30.0, [2.0, 2.0])])
async def test_half_a_minute_of_work_begins_anew_with_the_shortest_pause(worked, pauses):
    clock, kept = FakeClock(), Pauses(2)
    lives = iter([0.0, worked])

    def act():
        clock.advance(next(lives))
        fails()

    background = Background([Chore(act).work], clock=clock, rng=Most(), sleep=kept.sleep)
    background.start()
    await kept.enough.wait()
    background.cancel()
    await background.ended()

    assert kept.seconds == pauses


async def test_a_chore_that_is_done_is_not_begun_again(caplog):
    chore = Chore(lambda: None)
    background = Background([chore.work], clock=SystemClock(), sleep=Pauses().sleep)

    background.start()
    await background.ended()

    assert (chore.starts, caplog.messages) == (1, [])


async def test_a_chore_that_does_not_end_is_named_and_left_behind(caplog):
    go, begun = asyncio.Event(), asyncio.Event()

    async def stubborn():
        try:
            begun.set()
            await go.wait()
        except asyncio.CancelledError:
            await go.wait()

    background = Background([stubborn], clock=SystemClock())
    background.start()
    await begun.wait()
    background.cancel()
    await background.ended(0.01)

    assert caplog.messages == [f"{stubborn.__qualname__} did not end in 0.01 s, and is left behind"]
    go.set()
    await background.ended()


async def test_no_chores_are_nothing_to_wait_for():
    background = Background([], clock=SystemClock())

    background.start()
    background.cancel()
    await background.ended()


async def test_a_server_works_beside_its_calls_until_it_stops():
    chore = Chore()

    async with serving(add_echo(Echo()), background=[chore.work]) as running:
        await chore.begun.wait()
        answer = await EchoStub(running.channel).Say(EchoRequest(text="hi"))
        at_work = not chore.ended.is_set()

    assert (answer.text, at_work, chore.ended.is_set()) == ("hi", True, True)


async def test_a_chore_goes_on_while_calls_are_still_taken_and_ends_when_they_are_refused():
    chore = Chore()
    settings = Settings(drain_delay=600, drain_grace=PATIENCE)
    server = Server(settings, add_echo(Echo()), name="echo", background=[chore.work])
    await server.start()
    await chore.begun.wait()

    draining = asyncio.ensure_future(server.drain())
    await asyncio.sleep(0)  # the drain has begun, and waits
    at_work = not chore.ended.is_set()
    server.hurry()
    await draining

    assert (at_work, chore.ended.is_set()) == (True, True)


async def test_a_server_that_cannot_start_begins_no_chore():
    chore = Chore()
    async with serving(add_echo(Echo())) as other:
        port = int(other.target.rpartition(":")[2])
        server = Server(Settings(port=port), add_echo(Echo()), name="echo", background=[chore.work])
        with pytest.raises(Exception, match="is taken"):
            await server.start()

    assert chore.starts == 0
