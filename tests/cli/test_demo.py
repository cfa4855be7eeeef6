"""`plait demo`: the walk that plait.toml names, through what runs here."""

import sys

import pytest

from plait.cli.demo import run
from plait.local.mistake import USAGE, Mistake
from plait.local.sessions import Session
from plait.testing import FakeClock


def test_a_demo_wants_a_system_that_has_one(tmp_path):
    (tmp_path / "plait.toml").write_text('[project]\nname = "p"')

    with pytest.raises(Mistake, match="a demo needs") as refused:
        run(tmp_path)

    assert refused.value.code == USAGE


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A project with a demo of one line, and a supervisor that says where things are."""
    (tmp_path / "plait.toml").write_text(
        '[project]\nname = "p"\ndemo = "small_demo"\n[gateway]\nmodule = "g"\nport = 1\n'
        '[[services]]\nname = "a"\nmodule = "a"\nport = 2\n'
    )
    addresses = [{"name": "gateway", "address": "http://127.0.0.1:1"}, {"name": "a", "address": ""}]

    async def status(*_):
        return {"processes": addresses}

    monkeypatch.setattr("plait.cli.demo.ask_once", status)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("small_demo", None)


def test_what_the_demo_finds_wrong_ends_it_with_one(small, capsys):
    (small / "small_demo.py").write_text(
        "from plait.cli.walk import Request\n"
        "def walk(walk):\n"
        "    walk.step('Ask', Request(verb='GET', path='/x', rpc='a.A/B'))\n"
    )

    assert run(small) == 1

    assert "the demo found something wrong: GET /x: no answer" in capsys.readouterr().err


def test_a_demo_that_finds_nothing_wrong_ends_well(small, capsys):
    (small / "small_demo.py").write_text("def walk(walk):\n    pass\n")

    assert run(small) == 0

    assert "Everything was as it should be." in capsys.readouterr().out


LOGIN = """
[login]
method = "a/LogIn"
refresh = "a/RefreshSession"
logout = "a/LogOut"
admin = { email = "admin@x", secret = "PASSWORD" }
"""


def test_a_demo_has_the_token_of_the_administrator(small, capsys, monkeypatch):
    file = small / "plait.toml"
    file.write_text(file.read_text() + 'secrets = [{ name = "PASSWORD" }]\n' + LOGIN)
    (small / "small_demo.py").write_text("def walk(walk):\n    print(walk.variables)\n")

    async def log_in_as_admin(_) -> Session:
        return Session(
            user="users/admin", access_token="t1", expires=FakeClock().now(), refresh_token="r"
        )

    monkeypatch.setattr("plait.local.sessions.Sessions.log_in_as_admin", log_in_as_admin)

    assert run(small) == 0

    said = capsys.readouterr().out
    assert "TOKEN=$(plait login --admin --print-token)\n" in said
    assert "{'TOKEN': 't1'}" in said
