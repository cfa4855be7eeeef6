"""Passwords as they are kept: argon2id, in threads, a few at a time.

The parameters are OWASP's first choice (Password Storage Cheat Sheet): 19 MiB of memory, two
passes, one lane; some 22 ms of one core. Each hash holds its memory while it runs, so no more run
at once than there are cores, and only so many wait: beyond that a caller is told to come back.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from plait.errors import ResourceExhausted
from services.identity.passwords import normalised

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
MOST_WAITING = 64  # some 1.4 s of work for one core
_RETRY_AFTER = 1.0

T = TypeVar("T")


class TooBusy(ResourceExhausted):
    """More passwords wait to be looked at than can be in a call's time."""


class Hasher:
    """Hashes and compares passwords.

    Args:
        threads: how many at the same time; by default as many as there are cores.
        waiting: how many more may be on their way before callers are refused.
        hasher: how a password is hashed.
    """

    def __init__(
        self,
        *,
        threads: int = 0,
        waiting: int = MOST_WAITING,
        hasher: PasswordHasher | None = None,
    ) -> None:
        threads = threads or os.cpu_count() or 1
        self._hasher = hasher or PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._most = threads + waiting
        self._inside = 0
        self._decoy = ""

    @contextmanager
    def place(self) -> Generator[None]:
        """Hold one of the places for passwords that are looked at, or that wait for it.

        Raises:
            TooBusy: there is none.
        """
        if self._inside >= self._most:
            raise TooBusy("too many log in at the same time: try again", retry_after=_RETRY_AFTER)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def hash(self, password: str) -> str:
        """Return the hash of a password, with its parameters in it (PHC string format)."""
        return await self._run(lambda: self._hasher.hash(normalised(password)))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; without a hash it takes as long, and is not."""
        return await self._run(lambda: self._matches(kept or self._of_nobody(), password))

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the threads; what waits is not begun any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, normalised(password))
        except VerifyMismatchError:
            return False

    def _of_nobody(self) -> str:
        """Return the hash of a password that nobody has, made once."""
        if not self._decoy:
            self._decoy = self._hasher.hash(secrets.token_urlsafe())
        return self._decoy

    async def _run(self, work: Callable[[], T]) -> T:
        # The threads are the bound: one that a cancelled caller no longer waits for still counts.
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
