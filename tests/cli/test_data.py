"""`plait migrate` and `plait seed`."""

import asyncio
import json
import os
import sqlite3
import threading
from datetime import timedelta

import pytest

from plait.cli.data import migrate, seed
from plait.clock import SystemClock
from plait.local.control import listening
from plait.local.folders import Folders
from plait.local.login import KeptLogin
from plait.local.mistake import NOT_RUNNING, REFUSED, USAGE, Mistake
from plait.local.postgres_databases import provide
from plait.local.postgres_plans import place_of
from plait.local.sessions import Session
from tests.databases import PASSWORD

FILE = """
[project]
name = "test"
[[services]]
name = "things"
module = "things"
port = 1
migrations = "migrations"
seed = "seeding"
[[services]]
name = "bare"
module = "bare"
port = 2
"""
SECOND = """
[[services]]
name = "more"
module = "more"
port = 3
seed = "never"
"""
LOGIN = """
[login]
method = "things/LogIn"
refresh = "things/RefreshSession"
logout = "things/LogOut"
"""
REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
"""
SEED = """
import json, os, sys

def main():
    with open("seeded", "w") as file:
        told = [os.environ.get(name) for name in ("PLAIT_TOKEN", "PLAIT_TARGET_THINGS")]
        json.dump([sys.argv, *told], file)
    return int(os.path.exists("broken"))
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "plait.toml").write_text(FILE)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_things.py").write_text(REVISION)
    (tmp_path / "seeding.py").write_text(SEED)
    Folders(root=tmp_path).create()
    return tmp_path


@pytest.fixture
def running():
    """The names of the processes that the supervisor says it runs."""
    return []


@pytest.fixture
def supervisor(root, running):
    """Says that it runs."""
    folders = Folders(root=root)
    ready, stop = threading.Event(), []

    async def answer(_):
        yield {"processes": [{"name": name} for name in running]}

    async def serve():
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        async with listening(folders.run, answer):
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield
    stop[0][0].call_soon_threadsafe(stop[0][1].set)
    thread.join()


def tables(path) -> set[str]:
    database = sqlite3.connect(path)
    found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    return found


def test_the_local_database_is_migrated_once(root, capsys):
    migrate(root, "things")
    migrate(root, "things")

    assert "things" in tables(Folders(root=root).database("things"))
    assert capsys.readouterr().out.splitlines() == [
        "migrated things: 0001",
        "things is at its newest revision",
    ]


def test_a_database_of_the_environment_goes_first(root, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{root}/other.db")

    migrate(root, "things")

    assert "things" in tables(root / "other.db")
    assert not Folders(root=root).database("things").exists()


def test_the_kind_of_database_is_the_environments(root, monkeypatch, capsys, postgres):
    folders = Folders(root=root)
    monkeypatch.setenv("PLAIT_DATABASE", "postgres")
    monkeypatch.setenv("PLAIT_PORT_POSTGRES", str(postgres.port))
    folders.secret("postgres").write_text(PASSWORD)
    provide(place_of(folders, os.environ).admin_url, "things", "secret")
    folders.secret("postgres-things").write_text("secret")

    migrate(root, "things")

    assert postgres.execute("SELECT count(*) FROM things", "things")[0][0] == 0
    assert not folders.database("things").exists()
    assert folders.unseeded("things.postgres").exists()
    postgres.drop("things")
    postgres.execute("DROP ROLE things")


def test_a_service_without_migrations_is_refused(root):
    with pytest.raises(Mistake, match="bare has no migrations") as refused:
        migrate(root, "bare")

    assert refused.value.code == USAGE


def test_an_unknown_service_is_refused(root):
    with pytest.raises(Mistake, match=r"did you mean 'things'\?"):
        migrate(root, "thing")


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize(("products", "arguments"), [(None, []), (7, ["--products", "7"])])
def test_a_seed_runs_with_what_was_asked_for(root, products, arguments):
    assert seed(root, products) == 0

    argv, token, target = json.loads((root / "seeded").read_text())
    assert argv == ["seeding", *arguments]
    assert token is None
    assert target == "127.0.0.1:1"


def logged_in(root) -> None:
    expires = SystemClock().now() + timedelta(minutes=15)
    session = Session(user="users/u1", access_token="a1", expires=expires, refresh_token="r1")
    asyncio.run(KeptLogin(Folders(root=root), SystemClock()).keep(session))


@pytest.mark.usefixtures("supervisor")
def test_a_seed_calls_as_who_is_logged_in(root):
    (root / "plait.toml").write_text(FILE + LOGIN)
    logged_in(root)

    assert seed(root, None) == 0

    assert json.loads((root / "seeded").read_text())[1] == "a1"


@pytest.mark.usefixtures("supervisor")
def test_a_seed_without_a_log_in_says_how_to_log_in(root):
    (root / "plait.toml").write_text(FILE + LOGIN)

    with pytest.raises(Mistake, match="nobody is logged in: `plait login --admin`") as refused:
        seed(root, None)

    assert refused.value.code == REFUSED
    assert not (root / "seeded").exists()


@pytest.mark.usefixtures("supervisor")
def test_a_database_that_a_command_has_filled_does_not_wait_for_it(root):
    mark = Folders(root=root).unseeded("things")
    mark.touch()

    assert seed(root, None) == 0

    assert not mark.exists()


@pytest.mark.usefixtures("supervisor")
def test_the_mark_is_that_of_the_database_that_runs(root, running):
    running.append("postgres")
    folders = Folders(root=root)
    marks = [folders.unseeded(name) for name in ("things", "things.postgres")]
    for mark in marks:
        mark.touch()

    assert seed(root, None) == 0

    assert [mark.exists() for mark in marks] == [True, False]


@pytest.mark.usefixtures("supervisor")
def test_a_seed_that_fails_fails_and_none_follows(root):
    (root / "plait.toml").write_text(FILE + SECOND)
    (root / "broken").touch()
    mark = Folders(root=root).unseeded("things")
    mark.touch()

    assert seed(root, None) == 1

    assert mark.exists()
    assert json.loads((root / "seeded").read_text())[0] == ["seeding"]


@pytest.mark.usefixtures("supervisor")
def test_a_project_without_a_seed_is_refused(root):
    (root / "plait.toml").write_text(FILE.replace('seed = "seeding"', ""))

    with pytest.raises(Mistake, match=r"no service in plait\.toml has a seed"):
        seed(root, None)


def test_a_system_that_does_not_run_is_not_seeded(root):
    with pytest.raises(Mistake) as refused:
        seed(root, None)

    assert refused.value.code == NOT_RUNNING
