"""One supervisor a project."""

import os

from plait.local.lock import acquire, held


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
