"""All processes together."""

import asyncio
import contextlib
import dataclasses
import os
import random

import pytest

from plait.clock import SystemClock
from plait.local.keeper import Keeper, Pace
from plait.local.lifecycle import State
from plait.local.mistake import USAGE, Mistake
from plait.local.supervisor import DRAIN, Supervisor, failed, settled

PACE = Pace(starting=0.01, ready=0.05)


@pytest.fixture
async def supervise(spawner):
    running = []

    def run(*stages) -> Supervisor:
        keepers = [
            [
                Keeper(
                    plan,
                    spawner=spawner,
                    clock=SystemClock(),
                    rng=random.Random(1),
                    pace=PACE,
                    changed=lambda _: made.changed(),
                )
                for plan in stage
            ]
            for stage in stages
        ]
        made = Supervisor(keepers, clock=SystemClock(), about={"project": "p", "hints": []})
        running.append((made, asyncio.create_task(made.run())))
        made.task = running[-1][1]
        return made

    yield run
    for supervisor, task in running:
        supervisor.stop()
        supervisor.stop()
        async with asyncio.timeout(20):
            await asyncio.wait([task])


def ready(supervisor: Supervisor) -> bool:
    return all(process.state is State.READY for process in supervisor.processes)


async def test_the_gateway_drains_first_then_the_services_then_the_console(house, supervise, until):
    supervisor = supervise(
        [house.plan("gateway", "slow")],
        [house.plan("a", "slow"), house.plan("b", "slow")],
        [house.plan("console")],
    )
    await until(lambda: ready(supervisor))

    supervisor.stop()
    async with asyncio.timeout(10):
        await supervisor.task

    told = [(name, what) for name, what, _, _ in house.events() if what != "start"]
    assert told[:2] == [("gateway", "asked"), ("gateway", "end")]
    assert {name for name, _ in told[2:6]} == {"a", "b"}
    assert {what for _, what in told[2:4]} == {"asked"}  # side by side
    assert told[6:] == [("console", "asked"), ("console", "end")]


async def test_what_does_not_drain_is_killed_within_three_seconds(house, supervise, until, alive):
    supervisor = supervise(
        [house.plan("gateway", "stubborn")], [house.plan("a", "stubborn")], [house.plan("console")]
    )
    await until(lambda: ready(supervisor))
    pids = [process.pid for process in supervisor.processes]
    begun = SystemClock().monotonic()

    supervisor.stop()
    async with asyncio.timeout(10):
        await supervisor.task

    assert DRAIN[-1] < 3  # what is left then is killed; the machine may be busy
    assert SystemClock().monotonic() - begun < 6
    assert ("console", "end") in {(name, what) for name, what, _, _ in house.events()}
    assert not any(alive(pid) for pid in pids)


async def test_asked_twice_it_kills_at_once(house, supervise, until, alive):
    supervisor = supervise([house.plan("gateway", "stubborn")], [house.plan("a", "slow")], [])
    await until(lambda: ready(supervisor))
    pids = [process.pid for process in supervisor.processes]

    supervisor.stop()
    supervisor.stop()
    async with asyncio.timeout(2.5):  # less than the gateway would get
        await supervisor.task

    assert not any(alive(pid) for pid in pids)
    assert not [event for event in house.events("end") if event[0] == "a"]


async def test_one_process_falling_over_leaves_the_others_alone(house, supervise, until):
    supervisor = supervise([], [house.plan("good"), house.plan("bad", "crash")], [])

    await until(lambda: supervisor.processes[1].state is State.FAILED)

    assert supervisor.processes[0].state is State.READY
    assert supervisor.processes[0].restarts == 0
    assert failed(supervisor.status()) == ["bad"]


async def test_the_status_says_what_ps_shows(house, supervise, until):
    supervisor = supervise([], [house.plan("a")], [])
    await until(lambda: ready(supervisor))

    status = supervisor.status()

    (process,) = status["processes"]
    assert (status["project"], status["stopping"]) == ("p", False)
    assert (process["name"], process["state"], process["restarts"]) == ("a", "ready", 0)
    assert process["pid"] != os.getpid()
    assert process["uptime"] >= 0
    assert settled(status)


async def answers(supervisor: Supervisor, request) -> list:
    return [message async for message in supervisor.answer(request)]


async def test_a_status_can_be_asked_for(house, supervise):
    supervisor = supervise([], [house.plan("a")], [])

    (status,) = await answers(supervisor, {"do": "status"})

    assert [process["name"] for process in status["processes"]] == ["a"]


async def test_a_restart_can_be_asked_for(house, supervise, until):
    supervisor = supervise([], [house.plan("a")], [])
    await until(lambda: ready(supervisor))

    await answers(supervisor, {"do": "restart", "name": "a"})

    await until(lambda: supervisor.processes[0].starts == 2 and ready(supervisor))


async def test_an_unknown_process_is_refused_with_the_nearest(house, supervise):
    supervisor = supervise([], [house.plan("catalog")], [])

    with pytest.raises(Mistake, match=r"there are: catalog; did you mean 'catalog'\?") as refused:
        await answers(supervisor, {"do": "restart", "name": "catalogue"})

    assert refused.value.code == USAGE


@pytest.mark.parametrize("request_", [{"do": "dance"}, {"do": "restart"}, {}, []])
async def test_an_unknown_request_is_refused(house, supervise, request_):
    with pytest.raises(Mistake, match="does not know"):
        await answers(supervise([], [], []), request_)


async def test_who_watches_is_told_each_change_until_the_end(house, supervise, until):
    supervisor = supervise([], [house.plan("a")], [])
    states = []

    async with contextlib.aclosing(supervisor.answer({"do": "watch"})) as statuses:
        async with asyncio.timeout(20):
            async for status in statuses:
                states.append(status["processes"][0]["state"])
                if states[-1] == "ready":
                    break

    assert states[-1] == "ready"
    assert set(states) <= {"waiting", "starting", "ready"}
    assert not supervisor._watchers


async def test_down_can_be_asked_for_more_than_once_without_killing(house, supervise, until):
    supervisor = supervise([], [house.plan("a", "slow")], [])
    await until(lambda: ready(supervisor))

    async with contextlib.aclosing(supervisor.answer({"do": "down"})) as first:
        await anext(first)
        async with contextlib.aclosing(supervisor.answer({"do": "down"})) as second:
            assert (await anext(second))["stopping"]
    async with asyncio.timeout(10):
        await supervisor.task

    assert [event[0] for event in house.events("end")] == ["a"]


class Broken:
    """A probe with a bug."""

    async def __call__(self) -> str:
        raise RuntimeError("a bug")

    async def close(self) -> None:
        return


async def test_a_bug_in_a_keeper_ends_the_others_and_is_not_lost(house, supervise, until):
    supervisor = supervise(
        [], [dataclasses.replace(house.plan("a"), probe=Broken()), house.plan("b")], []
    )

    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(20):
            await asyncio.shield(supervisor.task)

    assert {process.state for process in supervisor.processes} == {State.STOPPED}
