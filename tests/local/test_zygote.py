"""The zygote when its supervisor is gone; what it does before is seen in test_spawner."""

import asyncio
import json
import signal
import socket
import subprocess
import sys

import pytest

from plait.local.zygote import preload


@pytest.fixture
def zygote(house):
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", "plait.local.zygote", str(theirs.fileno()), "fork"],
        cwd=house.root,
        env=house.env("zygote"),
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    ours.settimeout(20)
    yield ours, process
    ours.close()
    process.kill()
    process.wait()


def begin(control: socket.socket, start) -> int:
    control.sendall(json.dumps({"do": "start", "start": start.to_json()}).encode() + b"\n")
    return json.loads(control.makefile().readline())["pid"]


@pytest.mark.parametrize("how", ["slow", "stubborn"])
async def test_without_a_supervisor_the_processes_drain_or_are_killed(
    house, zygote, until, alive, how
):
    control, process = zygote
    plan = house.plan("a", how)
    pid = begin(control, plan.start)
    async with asyncio.timeout(20):
        while await plan.probe():  # noqa: ASYNC110 - healthy, it listens to signals too
            await asyncio.sleep(0.01)

    control.close()

    await until(lambda: not alive(pid))
    assert process.wait(20) == 0
    if how == "stubborn":
        assert house.events("asked")


async def test_a_signal_for_a_process_that_is_not_its_own_goes_nowhere(house, zygote, alive):
    control, process = zygote
    command = {"do": "signal", "pid": process.pid, "signal": signal.SIGKILL}

    control.sendall(json.dumps(command).encode() + b"\n")

    assert begin(control, house.start("a", how="crash"))
    assert alive(process.pid)


def test_what_cannot_be_imported_is_left_to_the_process_that_needs_it(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "module_that_breaks.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)

    preload(["no_such_module_at_all", "module_that_breaks", "json"])

    said = capsys.readouterr().err
    assert "cannot preload module_that_breaks" in said
    assert "ZeroDivisionError" in said
    assert "no_such_module" not in said
