"""One real process, kept alive."""

import asyncio
import dataclasses
import os
import signal

import pytest

from plait.local.backoff import BackOff
from plait.local.birth import Start
from plait.local.keeper import Pace
from plait.local.lifecycle import State

HASTY = Pace(starting=0.01, unready=0.01, ready=0.02, back_off=BackOff(first=0.001, limit=0.01))

TASK = """
import json, os, sys, time

def main():
    how = os.environ["FAKE"]
    with open("events", "a") as file:
        print(json.dumps([os.environ["OTEL_SERVICE_NAME"], how, 0, 0]), file=file)
    if how == "hang":
        time.sleep(60)
    while how == "wait" and not os.path.exists("go"):
        time.sleep(0.01)
    sys.exit(how == "fail")
"""


def task(house, name: str, how: str) -> Start:
    (house.root / "task.py").write_text(TASK)
    return house.start(name, how=how, module="task")


async def test_a_process_becomes_ready_and_stops_when_asked(house, keep, until):
    seen = []
    keeper = keep(house.plan("a"), seen=seen)
    await until(lambda: keeper.process.state is State.READY)

    keeper.stop()

    await until(lambda: keeper.process.state is State.STOPPED)
    assert [process.state for process in seen] == [
        State.STARTING,
        State.READY,
        State.STOPPING,
        State.STOPPED,
    ]
    assert [what for _, what, _, _ in house.events()] == ["start", "asked", "end"]


async def test_a_process_is_asked_to_end_by_the_signal_that_it_understands(house, keep, until):
    keeper = keep(house.plan("a", stop=signal.SIGINT))
    await until(lambda: keeper.process.state is State.READY)

    keeper.stop()

    await until(lambda: keeper.process.state is State.STOPPED)
    assert [what for _, what, _, _ in house.events()] == ["start"]  # it notes a SIGTERM


async def test_a_process_that_is_killed_is_started_again(house, keep, until, alive):
    keeper = keep(house.plan("a"))
    await until(lambda: keeper.process.state is State.READY)
    first = keeper.process.pid

    os.kill(first, signal.SIGKILL)

    await until(lambda: keeper.process.state is State.READY and keeper.process.pid != first)
    assert keeper.process.restarts == 1
    assert not alive(first)


async def test_a_process_that_falls_over_again_and_again_is_failed_and_tried_on(house, keep, until):
    seen = []
    keeper = keep(house.plan("a", "crash until fixed"), HASTY, seen)
    await until(lambda: keeper.process.starts >= 5)

    (house.root / "fixed").touch()

    await until(lambda: keeper.process.state is State.READY)
    ends = [process for process in seen if process.ends and not process.pid]
    assert [process.state for process in ends[:3]] == [
        State.RESTARTING,
        State.RESTARTING,
        State.FAILED,
    ]
    assert ends[0].note == "exited with code 1"


async def test_a_process_that_hangs_at_its_start_is_killed_and_failed_like_one_that_crashes(
    house, keep, until, alive
):
    seen = []
    keeper = keep(house.plan("a", "hang"), dataclasses.replace(HASTY, start_limit=0.1), seen)

    await until(lambda: keeper.process.state is State.FAILED)

    assert keeper.process.settled
    assert keeper.process.note == "was not ready after 0.1 s and was killed: refuses connections"
    pids = [process.pid for process in seen if process.state is State.STARTING][:3]
    assert len(pids) == 3
    await until(lambda: not any(map(alive, pids)))


async def test_a_sick_process_is_shown_as_unready_and_left_alone(house, keep, until):
    keeper = keep(house.plan("a"), HASTY)
    await until(lambda: keeper.process.state is State.READY)

    (house.root / "sick").touch()
    await until(lambda: keeper.process.state is State.UNREADY)
    note = keeper.process.note
    (house.root / "sick").unlink()
    await until(lambda: keeper.process.state is State.READY)

    assert note == "/healthz answers 503"
    assert keeper.process.restarts == 0


async def test_a_wanted_restart_drains_and_starts_at_once(house, keep, until):
    keeper = keep(house.plan("a"), dataclasses.replace(HASTY, back_off=BackOff(first=60, limit=60)))
    await until(lambda: keeper.process.state is State.READY)

    keeper.restart()

    await until(lambda: keeper.process.starts == 2 and keeper.process.state is State.READY)
    assert [what for _, what, _, _ in house.events()] == ["start", "asked", "end", "start"]
    assert keeper.process.ends == 0


async def test_a_wanted_restart_does_not_wait_for_the_back_off(house, keep, until):
    keeper = keep(
        house.plan("a", "crash until fixed"),
        dataclasses.replace(HASTY, back_off=BackOff(first=60, limit=60)),
    )
    await until(lambda: keeper.process.state is State.RESTARTING)
    (house.root / "fixed").touch()

    keeper.restart()

    await until(lambda: keeper.process.state is State.READY)


async def test_a_process_that_does_not_drain_is_killed_for_a_restart(house, keep, until):
    keeper = keep(house.plan("a", "stubborn"), dataclasses.replace(HASTY, grace=0.05))
    await until(lambda: keeper.process.state is State.READY)

    keeper.restart()

    await until(lambda: keeper.process.starts == 2 and keeper.process.state is State.READY)


async def test_a_process_may_be_killed_at_once(house, keep, until):
    keeper = keep(house.plan("a", "stubborn"))
    await until(lambda: keeper.process.state is State.READY)

    keeper.kill()

    await until(lambda: keeper.process.state is State.STOPPED)


async def test_stopping_ends_a_pause(house, keep, until):
    keeper = keep(
        house.plan("a", "crash"),
        dataclasses.replace(HASTY, back_off=BackOff(first=60, limit=60)),
    )
    await until(lambda: keeper.process.state is State.RESTARTING)

    keeper.stop()

    await until(lambda: keeper.process.state is State.STOPPED)


@pytest.mark.parametrize("ask", ["stop", "kill", "restart"])
async def test_what_is_asked_during_a_birth_holds(house, keep, spawner, until, ask):
    seen = []
    keeper = keep(house.plan("a"), HASTY, seen)
    async with asyncio.timeout(10):
        while not spawner._births:  # noqa: ASYNC110 - between two turns of the loop
            await asyncio.sleep(0)

    getattr(keeper, ask)()

    if ask == "restart":
        await until(lambda: keeper.process.starts == 2 and keeper.process.state is State.READY)
    else:
        await until(lambda: keeper.process.state is State.STOPPED)
        assert State.READY not in {process.state for process in seen}


async def test_the_migration_runs_before_each_start(house, keep, until):
    seen = []
    keeper = keep(house.plan("a", migrate=task(house, "a-migrate", "ok")), HASTY, seen)

    await until(lambda: keeper.process.state is State.READY)

    assert [process.state for process in seen] == [State.MIGRATING, State.STARTING, State.READY]
    assert [what for _, what, _, _ in house.events()] == ["ok", "start"]


async def test_a_failed_migration_keeps_the_process_from_starting(house, keep, until):
    keeper = keep(house.plan("a", migrate=task(house, "a-migrate", "fail")), HASTY)

    await until(lambda: keeper.process.state is State.FAILED)

    assert keeper.process.note == "its migration exited with code 1"
    assert not house.events("start")


async def test_stopping_ends_a_migration(house, keep, until):
    keeper = keep(house.plan("a", migrate=task(house, "a-migrate", "hang")))
    await until(lambda: house.events("hang"))

    keeper.stop()

    await until(lambda: keeper.process.state is State.STOPPED)
    assert not house.events("start")


async def test_a_new_database_waits_for_its_seed_each_time_its_process_is_ready(house, keep, until):
    mark = house.root / "a.unseeded"
    mark.touch()
    seen = []
    plan = house.plan("a", seed=task(house, "a-seed", "ok"), unseeded=mark)
    keeper = keep(plan, HASTY, seen)
    await until(lambda: keeper.process.state is State.READY)

    keeper.restart()
    await until(lambda: keeper.process.starts == 2 and keeper.process.state is State.READY)

    ready = [process for process in seen if process.state is State.READY]
    assert {process.note for process in ready} == {"its new database waits for its seed"}
    assert not any(process.settled for process in ready)
    assert keeper.unseeded


class SlowProbe:
    """Says "healthy" when it is let, a permit an answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.permits = asyncio.Semaphore(0)

    async def __call__(self) -> str:
        self.asked += 1
        await self.permits.acquire()
        return ""

    async def close(self) -> None:
        return


async def test_a_seed_that_ends_while_a_probe_is_under_way_has_ended(house, keep, until):
    mark = house.root / "a.unseeded"
    mark.touch()
    probe = SlowProbe()
    plan = house.plan("a", seed=task(house, "a-seed", "ok"), unseeded=mark)
    keeper = keep(dataclasses.replace(plan, probe=probe), HASTY)
    probe.permits.release()
    await until(lambda: probe.asked == 2)
    keeper.seeded("seeded", done=True)

    probe.permits.release()
    await until(lambda: probe.asked == 3)

    assert keeper.process.note == "seeded"
    assert keeper.process.settled


async def test_a_seed_that_has_ended_is_not_waited_for_again(house, keep, until):
    mark = house.root / "a.unseeded"
    mark.touch()
    plan = house.plan("a", seed=task(house, "a-seed", "ok"), unseeded=mark)
    keeper = keep(plan, HASTY)
    await until(lambda: keeper.process.state is State.READY)

    keeper.seeded("not seeded: no", done=False)
    keeper.restart()
    await until(lambda: keeper.process.starts == 2 and keeper.process.state is State.READY)

    assert keeper.process.settled
    assert not keeper.unseeded
    assert mark.exists()


async def test_a_database_without_the_mark_waits_for_nothing(house, keep, until):
    plan = house.plan("a", seed=task(house, "a-seed", "ok"), unseeded=house.root / "a.unseeded")
    keeper = keep(plan, HASTY)

    await until(lambda: keeper.process.state is State.READY)

    assert keeper.process.settled


async def test_a_process_that_cannot_be_started_says_why(house, keep, until):
    (house.root / "mortal.py").write_text("")
    plan = house.plan("a")
    keeper = keep(plan, HASTY)
    keeper._spawner._modules = ("mortal",)
    (house.root / "mortal.py").write_text("import os\nos._exit(3)")

    await until(lambda: keeper.process.note == "the process that starts the others was killed")
    (house.root / "mortal.py").write_text("")
    await until(lambda: keeper.process.state is State.READY)


async def test_a_full_log_makes_room_at_each_start(house, keep, until):
    log = house.folders.log("a")
    log.write_bytes(b"x" * 5 * 1024 * 1024)

    keeper = keep(house.plan("a"))

    await until(lambda: keeper.process.state is State.READY)
    assert log.stat().st_size < 1024
