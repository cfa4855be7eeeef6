"""`plait login` and `plait logout` as a person types them."""

import asyncio
import io
import os
import pty
import subprocess
import sys
import threading

import pytest

from plait.cli.login import fresh_token, log_in, log_out
from plait.clock import SystemClock
from plait.local.config import load
from plait.local.folders import Folders, write_private
from plait.local.login import KeptLogin
from plait.local.mistake import REFUSED, USAGE, Mistake
from plait.local.project import Project
from tests.people import ADMIN, PASSWORD, People, running


@pytest.fixture
def people():
    return People()


@pytest.fixture
def root(people, tmp_path, monkeypatch):
    """A project whose identity service runs in another thread, as commands have a loop each."""
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    ready, stop = threading.Event(), []

    async def serve():
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        async with running(people, tmp_path):
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    Folders(root=tmp_path).create()
    yield tmp_path
    loop, end = stop[0]
    loop.call_soon_threadsafe(end.set)
    thread.join()


def kept(root):
    return KeptLogin(Folders(root=root), SystemClock()).read()


def login(root, email: str = ADMIN, **options: bool) -> None:
    chosen = {"admin": False, "password_stdin": True, "print_token": False, **options}
    log_in(root, email, **chosen)


@pytest.fixture
def types(monkeypatch):
    """Put a text on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_password_may_come_through_a_pipe(root, types, capsys):
    types(f"{PASSWORD}\nand more")

    login(root)

    said = capsys.readouterr().out
    assert said.startswith("logged in as users/admin; `plait call` uses and renews the session")
    assert kept(root).access_token not in said


def test_the_token_can_be_printed_and_nothing_else_is(root, types, capsys):
    types(PASSWORD)

    login(root, print_token=True)

    assert capsys.readouterr().out == f"{kept(root).access_token}\n"


def test_the_first_admin_logs_in_with_the_secret_that_was_made(root, capsys):
    write_private(Folders(root=root).secret("ADMIN_PASSWORD"), PASSWORD)

    login(root, "", admin=True, password_stdin=False)

    assert "logged in as users/admin" in capsys.readouterr().out


def test_a_wrong_password_changes_nothing(root, types):
    types(PASSWORD)
    login(root)
    before = kept(root)
    types("another")

    with pytest.raises(Mistake, match="the address or the password is wrong") as refused:
        login(root)

    assert refused.value.code == REFUSED
    assert kept(root) == before


@pytest.mark.parametrize(
    ("email", "admin"), [("", False), (ADMIN, True)], ids=["nobody", "somebody and the admin"]
)
def test_it_must_be_said_who_logs_in(root, email, admin):
    with pytest.raises(Mistake, match="say who logs in") as refused:
        login(root, email, admin=admin)

    assert refused.value.code == USAGE


@pytest.mark.parametrize("typed", ["", "\n"])
def test_an_empty_password_is_none(root, types, typed):
    types(typed)

    with pytest.raises(Mistake, match="the password is empty") as refused:
        login(root)

    assert refused.value.code == USAGE


def test_without_a_terminal_the_password_is_wanted_through_a_pipe(root, types):
    types(PASSWORD)

    with pytest.raises(Mistake, match=r"no terminal to ask .* --password-stdin") as refused:
        login(root, password_stdin=False)

    assert refused.value.code == USAGE


def test_on_a_terminal_the_password_is_asked_for_without_an_echo(root):
    person, terminal = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "plait.cli.main", "login", ADMIN],
        cwd=root,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"Password of admin@shop.example: " not in shown:
        shown += os.read(person, 1024)

    os.write(person, f"{PASSWORD}\n".encode())

    while b"ends it" not in shown:
        shown += os.read(person, 1024)
    assert command.wait(20) == 0
    os.close(person)
    assert PASSWORD.encode() not in shown
    assert b"logged in as users/admin" in shown


def test_a_log_out_ends_the_session_and_forgets_it(root, types, people, capsys):
    types(PASSWORD)
    login(root)
    assert len(people.current) == 1

    assert log_out(root) == 0

    assert people.current == {}
    assert kept(root) is None
    assert capsys.readouterr().out.endswith("users/admin is logged out\n")


def test_a_log_out_that_the_service_does_not_hear_of_says_so(root, types, people, capsys):
    types(PASSWORD)
    login(root)
    people.broken = True

    assert log_out(root) == 1

    assert kept(root) is None
    assert (
        "users/admin is logged out here, but the session was not ended: identity/LogOut failed"
        in (capsys.readouterr().err)
    )


def test_nobody_can_log_out_twice(root, types):
    types(PASSWORD)
    login(root)
    log_out(root)

    with pytest.raises(Mistake, match="nobody is logged in here") as refused:
        log_out(root)

    assert refused.value.code == REFUSED


def test_calls_use_the_last_log_in(root, types):
    types(PASSWORD)
    login(root)

    assert asyncio.run(fresh_token(load(root, {}))) == kept(root).access_token


def test_a_project_without_log_in_has_no_token(tmp_path):
    assert asyncio.run(fresh_token(Project(root=tmp_path, name="p"))) == ""
