"""What a process does beside its calls, for as long as it serves: sweeps, polls, deliveries."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from plait.clock import Clock

Chore = Callable[[], Awaitable[None]]
"""Works until it is cancelled; one that returns is done for good."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds: `asyncio.sleep`, or what a test puts in its place."""

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between the failure of a chore and its next start."""

PATIENCE = 2.0
"""Seconds that a cancelled chore gets to leave what it does."""

_MOST_DOUBLINGS = 30  # beyond that the longest pause holds anyway, and floats are finite
_log = logging.getLogger(__name__)


class Background:
    """Keeps chores at work: one that fails is started again after a pause, the others go on.

    A failure is logged with its trace. The pauses grow from 1 to 30 s, with jitter, so that
    processes which failed together do not come back together; a chore that worked for 30 s before
    it failed begins anew with the shortest.

    Args:
        chores: what to do; each is named in the log by its qualified name.
        clock: what tells how long a chore has worked.
        rng: where the jitter comes from.
        sleep: what waits between two starts.
    """

    def __init__(
        self,
        chores: Sequence[Chore],
        *,
        clock: Clock,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._chores = tuple(chores)
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - no secret depends on it
        self._sleep = sleep
        self._tasks: dict[asyncio.Task[None], str] = {}

    def start(self) -> None:
        """Begin with every chore, each in a task of its own."""
        for chore in self._chores:
            name = getattr(chore, "__qualname__", repr(chore))
            self._tasks[asyncio.ensure_future(self._keep(chore, name))] = name

    def cancel(self) -> None:
        """Tell every chore to end."""
        for task in self._tasks:
            task.cancel()

    async def ended(self, patience: float = PATIENCE) -> None:
        """Wait until every chore has ended, `patience` seconds at most; who is left is logged."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=patience)
            for name in sorted(self._tasks[task] for task in left):
                _log.warning("%s did not end in %g s, and is left behind", name, patience)

    async def _keep(self, chore: Chore, name: str) -> None:
        failures = 0
        while True:
            begun = self._clock.monotonic()
            try:
                return await chore()
            except Exception:  # noqa: BLE001 - whatever it is, the chore must go on
                worked = self._clock.monotonic() - begun
                failures = 1 if worked >= LONGEST_PAUSE else failures + 1
                pause = pause_after(failures, self._rng)
                _log.exception("%s failed; it is started again in %.1f s", name, pause)
            await self._sleep(pause)


def pause_after(failures: int, rng: random.Random) -> float:
    """Return the seconds to wait after so many failures in a row: 1 to 2, 1 to 4, ... 1 to 30."""
    longest = min(2.0 ** min(failures, _MOST_DOUBLINGS), LONGEST_PAUSE)
    return SHORTEST_PAUSE + (longest - SHORTEST_PAUSE) * rng.random()
