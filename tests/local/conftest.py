"""A project of tiny real processes in a temporary folder, and ways to wait for them."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.clock import SystemClock
from plait.local.birth import Start
from plait.local.folders import Folders
from plait.local.keeper import Keeper, Pace, Plan
from plait.local.probe import HttpProbe
from plait.local.spawner import Spawner
from tests.echo import echo, pool, words
from tests.ports import free_port

__all__ = ["echo", "pool", "words"]

# A process that answers /healthz, writes down what happens to it, and behaves as FAKE says.
FAKE = """
import http.server, json, os, signal, sys, time

def note(what):
    line = json.dumps([os.environ["OTEL_SERVICE_NAME"], what, os.getpid(), os.getppid()]) + "\\n"
    with open("events", "a") as file:
        file.write(line)

def crash():
    note("crash")
    print("about to crash", flush=True)
    raise RuntimeError("the fake fell over")

def main():
    how = os.environ.get("FAKE", "")
    note("start")
    if how == "crash":
        crash()
    if how == "hang":
        time.sleep(3600)
    if how == "crash until fixed" and not os.path.exists("fixed"):
        crash()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            sick = os.path.exists("sick")
            self.send_response(503 if sick else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    http.server.HTTPServer.allow_reuse_address = True
    server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)

    def stop(*_):
        note("asked")
        if how == "stubborn":
            return
        if how == "slow":
            time.sleep(0.3)
        note("end")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.01)
"""


def _alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has reaped yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


async def _until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that happens in another process."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.01)


class House:
    """A project's folder with the module `fake`, and what its processes have written down."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = Folders(root=root)
        self.folders.create()
        (root / "fake.py").write_text(FAKE)

    def events(self, what: str = "") -> list[tuple[str, str, int, int]]:
        path = self.root / "events"
        if not path.exists():
            return []
        found = [tuple(json.loads(line)) for line in path.read_text().splitlines()]
        return [event for event in found if what in {"", event[1]}]

    def env(self, name: str, **more: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in os.environ if not key.startswith("OTEL_")}
        path = os.pathsep.join([str(self.root), str(Path(__file__).parents[2])])
        return {**kept, "PYTHONPATH": path, "OTEL_SERVICE_NAME": name, **more}

    def start(self, name: str, port: int = 0, how: str = "", module: str = "fake") -> Start:
        env = self.env(name, PORT=str(port), FAKE=how)
        return Start(name=name, module=module, log=str(self.folders.log(name)), env=env)

    def plan(self, name: str, how: str = "", **more) -> Plan:
        port = free_port()
        return Plan(
            address=f"http://127.0.0.1:{port}",
            start=self.start(name, port, how),
            probe=HttpProbe("127.0.0.1", port),
            **more,
        )


@pytest.fixture
def alive():
    return _alive


@pytest.fixture
def until():
    return _until


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture
async def spawner(house):
    made = Spawner(
        root=house.root,
        env=house.env("zygote"),
        log=house.folders.supervisor_log,
        modules=(),
        how="fork",
    )
    yield made
    async with asyncio.timeout(20):
        await made.close()


@pytest.fixture
async def keep(spawner):
    """Run a keeper for a plan; what it became is in its `seen`."""
    tasks = []

    def run(plan: Plan, pace: Pace | None = None, seen: list | None = None) -> Keeper:
        keeper = Keeper(
            plan,
            spawner=spawner,
            clock=SystemClock(),
            rng=random.Random(1),
            pace=pace or Pace(),
            changed=(seen if seen is not None else []).append,
        )
        tasks.append((keeper, asyncio.create_task(keeper.run())))
        return keeper

    yield run
    for keeper, _ in tasks:
        keeper.kill()
    async with asyncio.timeout(20):
        for _, task in tasks:
            await task


@pytest.fixture
def processes():
    """Start processes that do not outlive the test."""
    started = []

    def start(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.kill()
        process.wait()
        process.stdout.close()
