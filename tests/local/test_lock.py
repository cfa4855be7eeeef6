"""One supervisor a project, and one at a time."""

import asyncio
import os

import pytest

from plait.local import lock as module
from plait.local.lock import acquire, held, locked
from plait.local.mistake import Mistake


def test_only_one_holds_the_lock_and_its_pid_is_in_the_file(tmp_path):
    path = tmp_path / "supervisor.pid"

    lock = acquire(path)

    assert acquire(path) is None
    assert held(path)
    assert path.read_text() == str(os.getpid())
    lock.release()
    assert not held(path)


def test_a_file_that_a_killed_holder_left_is_no_lock(tmp_path):
    path = tmp_path / "supervisor.pid"
    path.write_text("99999999 and more")

    assert not held(path)
    lock = acquire(path)
    assert path.read_text() == str(os.getpid())
    lock.release()


def test_no_file_is_no_lock(tmp_path):
    assert not held(tmp_path / "supervisor.pid")


async def test_a_lock_is_held_by_one_after_the_other(tmp_path):
    path, held_by = tmp_path / "lock", []

    async def hold(name: str) -> None:
        async with locked(path):
            held_by.append(name)
            await asyncio.sleep(0)
            held_by.append(name)

    await asyncio.gather(*(hold(name) for name in "abc"))

    assert held_by[0::2] == held_by[1::2]
    assert sorted(held_by[0::2]) == ["a", "b", "c"]


async def test_a_lock_that_is_not_given_back_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    path = tmp_path / "lock"

    async with locked(path):
        with pytest.raises(Mistake, match=f"another command has held {path}"):
            async with locked(path):
                pytest.fail("two hold it")

    async with locked(path):
        assert path.exists()
