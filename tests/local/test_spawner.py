"""Processes from a zygote: real ones."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from plait.local import spawner as module
from plait.local.birth import Start
from plait.local.spawner import CannotStart, Spawner

HOWS = ["fork", "spawn"]

TELL = """
import json, os, sys

def main():
    told = {"argv": sys.argv, "env": dict(os.environ), "group": os.getpgid(0) == os.getpid()}
    with open("told", "w") as file:
        json.dump(told, file)
    print("out")
    print("err", file=sys.stderr)
    return 7
"""

FAMILY = """
import os, signal, subprocess, sys

def main():
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    with open("grandchild", "w") as file:
        file.write(str(child.pid))
    if os.environ["FAKE"] != "leave":
        signal.pause()
"""


@pytest.fixture(params=HOWS)
async def either(request, house):
    made = Spawner(
        root=house.root,
        env=house.env("zygote"),
        log=house.folders.supervisor_log,
        modules=("json", "no_such_module", "broken_module"),
        how=request.param,
    )
    yield made
    async with asyncio.timeout(20):
        await made.close()


async def ended(child) -> int:
    async with asyncio.timeout(20):
        return await child.exit


async def test_a_process_gets_its_environment_arguments_and_log(either, house):
    (house.root / "tell.py").write_text(TELL)
    log = str(house.folders.log("tell"))
    env = house.env("tell", SECRET="s3cret")
    start = Start(name="tell", module="tell", log=log, env=env, arguments=("a", "b"))

    code = await ended(await either.start(start))

    told = json.loads((house.root / "told").read_text())
    assert code == 7
    assert told["argv"] == ["tell", "a", "b"]
    assert {key: told["env"].get(key) for key in env} == env
    assert told["group"]
    assert sorted(house.folders.log("tell").read_text().split()) == ["err", "out"]


async def test_a_process_that_falls_over_leaves_its_traceback_in_its_log(either, house):
    child = await either.start(house.start("a", how="crash"))

    assert await ended(child) == 1
    assert "RuntimeError: the fake fell over" in house.folders.log("a").read_text()


async def test_a_module_that_cannot_be_imported_fails_in_its_own_process(either, house):
    (house.root / "broken_module.py").write_text("import nothing_like_it")

    child = await either.start(house.start("a", module="broken_module"))

    assert await ended(child) == 1
    assert "nothing_like_it" in house.folders.log("a").read_text()


async def test_a_process_is_asked_to_end_by_a_signal(either, house, until):
    child = await either.start(house.plan("a").start)
    await until(lambda: house.events("start"))

    either.signal(child, signal.SIGTERM)

    code = await ended(child)
    assert code in {0, -signal.SIGTERM}  # the handler may not be there yet


async def test_a_signal_to_a_process_that_ended_goes_nowhere(either, house):
    child = await either.start(house.start("a", how="crash"))
    await ended(child)

    either.signal(child, signal.SIGKILL)

    other = await either.start(house.start("b", how="crash"))
    assert await ended(other) == 1


async def test_sigkill_reaches_what_the_process_has_started(either, house, until, alive):
    (house.root / "family.py").write_text(FAMILY)
    child = await either.start(house.start("a", module="family"))
    path = house.root / "grandchild"
    await until(lambda: path.exists() and path.read_text())
    grandchild = int(path.read_text())

    either.signal(child, signal.SIGKILL)

    assert await ended(child) == -signal.SIGKILL
    await until(lambda: not alive(grandchild))


async def test_what_a_process_leaves_behind_is_killed(either, house, until, alive):
    (house.root / "family.py").write_text(FAMILY)

    child = await either.start(house.start("a", module="family", how="leave"))

    assert await ended(child) == 0
    grandchild = int((house.root / "grandchild").read_text())
    await until(lambda: not alive(grandchild))


async def test_closing_kills_what_still_runs(either, house, until, alive):
    child = await either.start(house.plan("a", how="stubborn").start)
    await until(lambda: house.events("start"))

    async with asyncio.timeout(20):
        await either.close()

    assert child.exit.result() == -signal.SIGKILL
    assert not alive(child.pid)


async def test_a_killed_zygote_takes_its_processes_along_and_is_replaced(
    either, house, until, alive
):
    child = await either.start(house.plan("a", how="stubborn").start)
    await until(lambda: house.events("start"))
    zygote = house.events("start")[0][3]

    os.kill(zygote, signal.SIGKILL)

    assert await ended(child) == -signal.SIGKILL
    await until(lambda: not alive(child.pid))
    again = await either.start(house.start("b", how="crash"))
    assert await ended(again) == 1


async def test_a_start_that_the_zygote_does_not_survive_is_refused(spawner, house):
    (house.root / "mortal.py").write_text("import os\nos._exit(3)")
    mortal = Spawner(
        root=house.root,
        env=house.env("zygote"),
        log=house.folders.supervisor_log,
        modules=("mortal",),
        how="fork",
    )

    with pytest.raises(CannotStart, match="was killed"):
        async with asyncio.timeout(20):
            await mortal.start(house.start("a"))
    await mortal.close()


async def test_a_start_that_the_machine_refuses_is_refused(either, house):
    nowhere = Start(name="a", module="fake", log=str(house.root / "no" / "log"), env=house.env("a"))

    if either._how == "fork":  # the new process opens its log itself
        assert await ended(await either.start(nowhere)) == 1
    else:
        with pytest.raises(CannotStart, match="No such file"):
            await either.start(nowhere)
    assert await ended(await either.start(house.start("b", how="crash"))) == 1


async def test_a_zygote_that_was_never_used_ends(house):
    unused = Spawner(
        root=house.root,
        env=house.env("zygote"),
        log=house.folders.supervisor_log,
        modules=(),
        how="fork",
    )
    unused.launch()
    unused.launch()

    async with asyncio.timeout(20):
        await unused.close()


async def test_a_start_that_nobody_waits_for_any_more_is_undone(spawner, house, until):
    first = await spawner.start(house.plan("a").start)
    await until(lambda: house.events("start"))
    zygote = house.events("start")[0][3]
    children = Path(f"/proc/{zygote}/task/{zygote}/children")
    waiting = asyncio.create_task(spawner.start(house.plan("b", how="stubborn").start))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    waiting.cancel()

    third = await spawner.start(house.plan("c").start)
    await until(lambda: children.read_text().split() == [str(first.pid), str(third.pid)])


def test_processes_are_forked_where_that_is_safe():
    assert ("fork" if sys.platform.startswith("linux") else "spawn") == module._HOW
