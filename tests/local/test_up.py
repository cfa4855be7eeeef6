"""`plait up` as a person runs it: real commands, real processes, real signals."""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from rich.console import Console

from plait.local import up as module
from plait.local.control import NAME, ask_once
from plait.local.mistake import RUNNING, Mistake
from plait.local.up import down, restart, up, up_detached
from plait.local.view import PlainView
from tests.ports import free_port

FILE = """
[project]
name = "demo"
hints = ["curl {{gateway}}/x"]
preload = []

[gateway]
module = "fake"
port = {gateway}
env = {{FAKE = "{how}"}}

[console]
module = "fake"
port = {console}
otlp_port = {otlp}
"""


@pytest.fixture
def project(house):
    def written(how: str = ""):
        house.ports = {name: free_port() for name in ("gateway", "console", "otlp")}
        (house.root / "plait.toml").write_text(FILE.format(how=how, **house.ports))
        return house

    return written


@pytest.fixture
def stops(house):
    """Whatever a test leaves behind in the background is killed."""
    yield
    if house.folders.lock.exists() and (text := house.folders.lock.read_text()).isdecimal():
        asyncio.run(_kill(house, int(text)))


async def _kill(house, pid: int) -> None:
    try:
        status = await ask_once(house.folders.run, {"do": "status"})
    except Mistake:
        return
    assert status["pid"] == pid
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def foreground(processes):
    def start(house):
        return processes(
            "-m", "plait.local.up", str(house.root), cwd=house.root, env=house.env("supervisor")
        )

    return start


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(output: Console) -> str:
    return output.file.getvalue()


async def status(house) -> dict:
    return await ask_once(house.folders.run, {"do": "status"})


def pids(house) -> list[int]:
    return [pid for _, _, pid, _ in house.events("start")]


async def is_ready(house, until) -> None:
    """Wait until the supervisor says that each process is ready."""
    async with asyncio.timeout(30):
        while True:
            try:
                states = [process["state"] for process in (await status(house))["processes"]]
            except Mistake:
                states = ["not there yet"]
            if set(states) == {"ready"}:
                return
            await asyncio.sleep(0.02)


async def test_ctrl_c_drains_in_order_and_ends_with_success(project, foreground, until, alive):
    house = project()
    supervisor = foreground(house)
    await is_ready(house, until)
    began = time.monotonic()

    supervisor.send_signal(signal.SIGINT)
    output, _ = await asyncio.to_thread(supervisor.communicate, timeout=20)

    assert time.monotonic() - began < 3
    assert supervisor.returncode == 0
    assert "demo is ready:" in output
    assert f"curl http://127.0.0.1:{house.ports['gateway']}/x" in output
    ends = [name for name, what, _, _ in house.events() if what == "end"]
    assert ends == ["gateway", "console"]
    assert not any(alive(pid) for pid in pids(house))
    assert not (house.folders.run / NAME).exists()


async def test_a_second_ctrl_c_kills_at_once(project, foreground, until, alive):
    house = project("stubborn")
    supervisor = foreground(house)
    await is_ready(house, until)

    supervisor.send_signal(signal.SIGTERM)
    await until(lambda: house.events("asked"))
    supervisor.send_signal(signal.SIGINT)

    await asyncio.to_thread(supervisor.communicate, timeout=2.5)  # less than it would get
    assert not any(alive(pid) for pid in pids(house))


async def test_no_process_outlives_a_killed_supervisor(project, foreground, until, alive):
    house = project("stubborn")
    supervisor = foreground(house)
    await is_ready(house, until)
    zygote = house.events("start")[0][3]

    supervisor.kill()

    await until(lambda: not any(alive(pid) for pid in [*pids(house), zygote]))


async def test_what_a_killed_supervisor_left_behind_is_no_obstacle(
    project, foreground, until, alive
):
    house = project()
    first = foreground(house)
    await is_ready(house, until)
    first.kill()
    await until(lambda: not any(alive(pid) for pid in pids(house)))
    assert (house.folders.run / NAME).exists()

    foreground(house)

    await is_ready(house, until)


async def test_a_second_up_says_what_runs(project, foreground, until):
    house = project()
    supervisor = foreground(house)
    await is_ready(house, until)

    second = foreground(house)
    output, _ = await asyncio.to_thread(second.communicate, timeout=20)

    assert second.returncode == RUNNING
    assert f"plait runs in {house.root} already (pid {supervisor.pid}):" in output
    assert f"gateway: ready, http://127.0.0.1:{house.ports['gateway']}" in output
    assert "plait down" in output


def test_an_up_that_only_begins_is_named_too(project, tmp_path):
    house = project()
    lock = module.acquire(house.folders.lock)

    with pytest.raises(Mistake, match="just starting or stopping") as refused:
        up(house.root, house.env("supervisor"), console())

    assert refused.value.code == RUNNING
    lock.release()


@pytest.mark.parametrize("start", [up, up_detached])
def test_a_taken_port_is_found_before_anything_starts(project, start):
    house = project()
    with (
        socket.create_server(("127.0.0.1", house.ports["console"])),
        pytest.raises(Mistake, match=r"set console.port in plait.toml or PLAIT_PORT_CONSOLE"),
    ):
        start(house.root, house.env("supervisor"), console())

    assert not house.events()
    assert module.held(house.folders.lock) is False


async def test_a_process_that_crashes_at_start_shows_why_and_the_others_go_on(
    project, foreground, until
):
    house = project("crash")
    foreground(house)
    await until(lambda: len(house.events("crash")) >= 3)
    async with asyncio.timeout(20):
        while (await status(house))["processes"][1]["state"] != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await down(house.root, PlainView(console(), list))

    assert [event[0] for event in house.events("end")] == ["console"]


async def test_tokens_and_keys_are_there_when_the_processes_start(project, foreground, until):
    house = project()
    foreground(house)
    await is_ready(house, until)

    jwks = json.loads(house.folders.workload_jwks.read_text())

    assert jwks["keys"][0]["alg"] == "Ed25519"
    assert list(house.folders.keys.iterdir())


@pytest.mark.usefixtures("stops")
def test_detached_it_returns_when_all_is_ready_and_down_stops_it(project, alive):
    house = project()
    output = console()

    code = up_detached(house.root, house.env("supervisor"), output)

    assert code == 0
    assert "demo is ready:" in said(output)
    assert "`plait down` stops it" in said(output)
    assert all(alive(pid) for pid in pids(house))
    stopping = console()
    asyncio.run(down(house.root, PlainView(stopping, list, from_now=True)))
    assert "console: stopped" in said(stopping)
    assert not any(alive(pid) for pid in pids(house))
    assert module.held(house.folders.lock) is False


@pytest.mark.usefixtures("stops")
def test_detached_it_fails_with_the_log_lines_of_what_failed(project):
    house = project("crash")
    output = console()

    with pytest.raises(Mistake, match="gateway failed; the others run on"):
        up_detached(house.root, house.env("supervisor"), output)

    assert "RuntimeError: the fake fell over" in said(output)
    asyncio.run(down(house.root, PlainView(console(), list)))


@pytest.mark.usefixtures("stops")
def test_detached_it_fails_if_the_supervisor_does(project, monkeypatch):
    house = project()
    monkeypatch.setattr(module, "LAST_LINES", 3)
    keys = house.folders.keys / "workloads.json"
    keys.write_text("{}")

    with pytest.raises(Mistake, match=r"ended before everything was ready: .*holds no key"):
        up_detached(house.root, house.env("supervisor"), console())


@pytest.mark.usefixtures("stops")
def test_a_supervisor_that_never_answers_is_killed(project, monkeypatch):
    house = project()
    monkeypatch.setattr(module, "_CONNECT", 0.0)

    with pytest.raises(Mistake, match="ended before everything was ready: it said nothing"):
        up_detached(house.root, house.env("supervisor"), console())


async def test_a_restart_returns_when_the_process_is_ready_again(project, foreground, until):
    house = project()
    foreground(house)
    await is_ready(house, until)
    output = console()

    code = await restart(house.root, "gateway", PlainView(output, list, from_now=True))

    assert code == 0
    assert [what for name, what, _, _ in house.events() if name == "gateway"] == [
        "start",
        "asked",
        "end",
        "start",
    ]
    assert "gateway: ready" in said(output)
    assert "is ready:" not in said(output)


async def test_a_restart_into_a_crash_fails(project, foreground, until):
    house = project("crash until fixed")
    (house.root / "fixed").touch()
    foreground(house)
    await is_ready(house, until)
    (house.root / "fixed").unlink()

    code = await restart(house.root, "gateway", PlainView(console(), list, from_now=True))

    assert code == 1


async def test_a_restart_while_everything_ends_is_a_mistake(project, foreground, until):
    house = project("slow")
    supervisor = foreground(house)
    await is_ready(house, until)

    restarting = asyncio.create_task(restart(house.root, "console", PlainView(console(), list)))
    await until(lambda: [event for event in house.events("asked") if event[0] == "console"])
    supervisor.kill()

    with pytest.raises(Mistake, match="ended meanwhile"):
        await restarting


async def test_a_deep_folder_is_deep_enough_for_everything(house, foreground, until):
    deep = house.root.joinpath(*["a-folder-of-some-length"] * 6)
    deep.mkdir(parents=True)
    inner = type(house)(deep)
    ports = {name: free_port() for name in ("gateway", "console", "otlp")}
    (deep / "plait.toml").write_text(FILE.format(how="", **ports))
    assert len(str(inner.folders.run / NAME)) > 108

    foreground(inner)

    await is_ready(inner, until)


def test_the_module_is_a_program_that_ends_with_a_sentence(house):
    (house.root / "plait.toml").write_text("nonsense")

    done = subprocess.run(
        [sys.executable, "-m", "plait.local.up", str(house.root)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("plait: ")
    assert "is not TOML" in done.stderr
    assert "Traceback" not in done.stderr
