"""New databases are filled one after the other, when what their seeds call is there."""

import asyncio
from pathlib import Path

import pytest

from plait.local.backoff import BackOff
from plait.local.keeper import Keeper, Pace
from plait.local.lifecycle import State
from plait.local.mistake import Mistake
from plait.local.seeding import Seeding
from plait.local.spawner import CannotStart

HASTY = Pace(starting=0.01, unready=0.01, ready=0.02, back_off=BackOff(first=0.001, limit=0.01))

SEED = """
import json, os, sys, time

def main():
    how = os.environ["FAKE"]
    told = [os.environ["OTEL_SERVICE_NAME"], "seed", os.environ.get("PLAIT_TOKEN", ""), 0]
    with open("events", "a") as file:
        print(json.dumps(told), file=file)
    while how == "wait" and not os.path.exists("go"):
        time.sleep(0.01)
    if how == "hang":
        time.sleep(60)
    sys.exit(how == "fail")
"""


class Services:
    """Services in the order of a plait.toml, each with a database that waits for its seed."""

    def __init__(self, house, keep, spawner) -> None:
        self.house = house
        self.keep = keep
        self.spawner = spawner
        self.keepers: dict[str, Keeper] = {}
        self.seen: list = []
        self.tokens: list[str] = []
        self.refusal: Mistake | None = None
        self.seeding: Seeding | None = None
        (house.root / "seeding.py").write_text(SEED)

    def append(self, process) -> None:
        """What a keeper tells of its process."""
        self.seen.append(process)
        if self.seeding is not None:
            self.seeding.changed()

    def add(self, name: str, seed: str = "", how: str = "", *, marked: bool = True) -> Keeper:
        more = {}
        if seed:
            more["seed"] = self.house.start(f"{name}-seed", how=seed, module="seeding")
            more["unseeded"] = self.mark(name)
            if marked:
                self.mark(name).touch()
        self.keepers[name] = self.keep(self.house.plan(name, how, **more), HASTY, self)
        return self.keepers[name]

    def mark(self, name: str) -> Path:
        return self.house.root / f"{name}.unseeded"

    def note(self, name: str) -> str:
        return self.keepers[name].process.note

    def seeded(self) -> list[str]:
        return [name for name, what, _, _ in self.house.events() if what == "seed"]

    def fill(self, first: str = "") -> Seeding:
        self.seeding = Seeding(
            list(self.keepers.values()), first=first, token=self.token, spawner=self.spawner
        )
        return self.seeding

    async def token(self) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        return self.tokens[-1]


@pytest.fixture
def services(house, keep, spawner):
    return Services(house, keep, spawner)


@pytest.fixture
async def runs():
    """Run a seeding beside the test; it ends with it."""
    tasks = []

    def run(seeding: Seeding) -> "asyncio.Task[None]":
        tasks.append(asyncio.create_task(seeding.run()))
        return tasks[-1]

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_new_database_is_seeded_once_and_with_a_token(services, runs, until):
    services.add("a", "ok")

    await runs(services.fill())

    assert services.note("a") == "seeded"
    assert services.house.events("seed") == [("a-seed", "seed", "token-1", 0)]
    assert not services.mark("a").exists()
    services.keepers["a"].restart()
    await until(lambda: services.keepers["a"].process.starts == 2)
    assert not any(process.settled for process in services.seen if "waits" in process.note)


async def test_a_seed_follows_the_one_before_it_in_the_file(services, runs, until):
    services.add("a", "wait")
    services.add("b", "ok")
    running = runs(services.fill())
    await until(lambda: services.seeded() == ["a-seed"])
    await until(lambda: services.keepers["b"].process.state is State.READY)
    assert services.note("a") == "seeding its new database"
    assert not services.keepers["b"].process.settled

    (services.house.root / "go").touch()
    await running

    assert services.seeded() == ["a-seed", "b-seed"]
    assert services.tokens == ["token-1", "token-2"]
    assert services.keepers["b"].process.settled


async def test_a_seed_waits_for_the_service_that_logs_in(services, runs, until):
    services.add("a", "ok")
    services.add("identity", how="crash until fixed")
    running = runs(services.fill("identity"))

    await until(lambda: services.note("a") == "not seeded, because identity failed")
    assert services.keepers["a"].process.settled  # nobody is to wait for it
    assert services.tokens == []

    (services.house.root / "fixed").touch()
    await running

    assert services.note("a") == "seeded"


async def test_a_seed_waits_for_the_services_before_it(services, runs, until):
    services.house.root.joinpath("sick").touch()
    services.add("a")
    services.add("b", "ok")
    running = runs(services.fill())
    await until(lambda: services.keepers["b"].process.starts == 1)
    assert services.seeded() == []

    services.house.root.joinpath("sick").unlink()
    await running

    assert services.note("b") == "seeded"


async def test_what_a_seed_waits_for_is_said(services, runs, until):
    services.add("a", how="crash until fixed")
    services.add("b", "ok")
    running = runs(services.fill())
    await until(lambda: services.note("b") == "not seeded, because a failed")

    (services.house.root / "fixed").touch()
    await running

    assert any(process.note == "its seed waits for a" for process in services.seen)


async def test_a_database_that_is_full_is_left_alone(services, runs):
    services.add("a", "ok", marked=False)
    services.add("b", "ok")

    await runs(services.fill())

    assert services.seeded() == ["b-seed"]


async def test_a_failed_seed_is_shown_tried_with_the_next_up_and_followed_by_none(services, runs):
    services.add("a", "fail")
    services.add("b", "ok")

    await runs(services.fill())

    assert services.note("a") == "its seed exited with code 1: plait logs a-seed"
    assert services.note("b") == "not seeded, because a was not: `plait seed`"
    assert services.seeded() == ["a-seed"]
    assert services.mark("a").exists()
    assert services.mark("b").exists()
    assert all(keeper.process.settled for keeper in services.keepers.values())


async def test_a_refused_log_in_is_told_with_what_to_do_and_not_tried_again(services, runs, until):
    services.refusal = Mistake("the log-in as admin was refused")
    services.add("a", "ok")
    services.add("b", "ok")

    await runs(services.fill())
    services.keepers["a"].restart()
    await until(
        lambda: (
            services.keepers["a"].process.starts == 2
            and services.keepers["a"].process.state is State.READY
        )
    )

    told = {process.note for process in services.seen}
    assert "not seeded: the log-in as admin was refused (afterwards: `plait seed`)" in told
    assert services.note("b") == "not seeded, because a was not: `plait seed`"
    assert services.seeded() == []
    assert services.keepers["a"].process.settled


async def test_a_machine_that_refuses_a_process_is_told(services, runs, monkeypatch):
    services.add("a", "ok")
    start = services.spawner.start

    async def refusing(wish):
        if wish.name == "a-seed":
            raise CannotStart("cannot start a process: too many")
        return await start(wish)

    monkeypatch.setattr(services.spawner, "start", refusing)

    await runs(services.fill())

    assert services.note("a") == "not seeded: cannot start a process: too many"


async def test_what_stops_the_seeding_stops_the_seed(services, runs, until, alive):
    services.add("a", "hang")
    running = runs(services.fill())
    await until(services.seeded)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert services.mark("a").exists()
    (seed,) = [child for child in services.spawner._children.values() if child.pid != pid(services)]
    await until(lambda: not alive(seed.pid))


def pid(services: Services) -> int:
    return services.keepers["a"].process.pid
