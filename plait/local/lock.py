"""Locks between processes that die with their holder: one supervisor a project, one at a time."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from plait.local.mistake import Mistake

_PATIENCE = 30.0  # seconds: longer than whoever holds a lock may take
_LOOK = 0.02  # seconds between two looks


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


@contextlib.asynccontextmanager
async def locked(path: Path) -> AsyncGenerator[None]:
    """Hold the lock of a file, which is made if it is missing, while the block lasts.

    Raises:
        Mistake: another process has held it for 30 s.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not _taken(descriptor):  # noqa: ASYNC110 - another process tells no event
                    await asyncio.sleep(_LOOK)
        except TimeoutError as error:
            raise Mistake(
                f"another command has held {path} for {_PATIENCE:g} s: end it, then try again"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
