"""One supervisor a project: a lock that dies with its holder, and the pid in it."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to supervise a project, held until `release` or the end of the process."""

    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def acquire(path: Path) -> Lock | None:
    """Take the lock and write our pid into its file; None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return Lock(descriptor)


def held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    if not path.exists():
        return False
    lock = acquire_silently(path)
    if lock is None:
        return True
    lock.release()
    return False


def acquire_silently(path: Path) -> Lock | None:
    """Take the lock without saying so in its file; None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(descriptor)
