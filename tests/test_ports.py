"""No two tests get the same port."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ports

ROOT = Path(__file__).parents[1]


def test_a_port_is_given_once():
    given = ports.free_ports(50)

    assert len(set(given)) == 50
    assert all(ports.LOWEST <= port <= ports.HIGHEST for port in given)


def test_a_port_of_another_process_is_not_given():
    (port,) = ports.free_ports(1)

    asked = subprocess.run(
        [sys.executable, "-c", f"from tests import ports; print(ports.reserve({port}))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout == "False\n"


def test_a_port_is_free_again_when_its_process_has_ended():
    asked = subprocess.run(
        [sys.executable, "-c", "from tests import ports; print(ports.free_port())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ports.reserve(int(asked.stdout))


def test_a_port_on_which_a_server_listens_is_not_given(monkeypatch):
    port, other = ports.free_ports(2)
    monkeypatch.setattr(ports, "reserve", lambda _: True)
    monkeypatch.setattr(ports.random.SystemRandom, "randint", lambda *_: next(drawn))
    drawn = iter([port, other])

    with socket.create_server(("127.0.0.1", port)):
        given = ports.free_port()

    assert given == other


def test_when_all_ports_are_taken_it_says_so(monkeypatch):
    monkeypatch.setattr(ports, "reserve", lambda _: False)

    with pytest.raises(RuntimeError, match="no free port between 12000 and 31999"):
        ports.free_port()
