"""`plait ps`, `down` and `restart`, asked of a supervisor that is not there or is a fake."""

import asyncio
import json
import threading

import pytest

from plait.cli import running
from plait.local.control import listening
from plait.local.folders import Folders
from plait.local.mistake import NOT_RUNNING, Mistake

STATUS = {
    "project": "shop",
    "pid": 7,
    "hints": [],
    "processes": [
        {
            "name": "gateway",
            "state": "ready",
            "pid": 8,
            "address": "http://g",
            "starts": 1,
            "restarts": 0,
            "uptime": 1.0,
            "note": "",
            "ends": 0,
            "settled": True,
        }
    ],
}


@pytest.fixture
def supervisor(tmp_path):
    """Answers like a supervisor, in a loop and a thread of its own."""
    folders = Folders(root=tmp_path)
    folders.create()
    ready, stop = threading.Event(), []

    async def answer(request):
        if request["do"] == "restart":
            STATUS["processes"][0]["starts"] += 1
            yield {**STATUS, "processes": [{**STATUS["processes"][0], "starts": 0}]}
        else:
            yield STATUS

    async def serve():
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        async with listening(folders.run, answer):
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield folders
    loop, end = stop[0]
    loop.call_soon_threadsafe(end.set)
    thread.join()


def test_ps_is_a_table_or_json(supervisor, capsys):
    running.ps(supervisor.root, json=False)
    assert "gateway" in capsys.readouterr().out

    running.ps(supervisor.root, json=True)
    assert json.loads(capsys.readouterr().out)["processes"][0]["pid"] == 8


def test_down_returns_when_the_supervisor_is_gone(supervisor):
    running.down(supervisor.root)

    assert not supervisor.lock.exists()


def test_restart_returns_the_exit_code(supervisor):
    assert running.restart(supervisor.root, "gateway") == 0


@pytest.mark.parametrize(
    "command",
    [
        lambda root: running.ps(root, json=True),
        running.down,
        lambda root: running.restart(root, "gateway"),
    ],
)
def test_where_nothing_runs_every_command_says_how_to_start(tmp_path, command):
    with pytest.raises(Mistake, match="start it with `plait up`") as refused:
        command(tmp_path)

    assert refused.value.code == NOT_RUNNING
