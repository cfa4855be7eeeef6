"""Removes what has expired, a little at a time, as long as the process serves."""

import asyncio
from collections.abc import Awaitable, Callable

from plait.clock import Clock
from services.identity.store import Remains

PAUSE = 300.0
"""Seconds between two sweeps."""

BATCH = 500
"""Rows of each kind that one transaction removes: short enough that nobody waits for it."""


class Sweep:
    """Sweeps every five minutes.

    Args:
        remains: what is swept.
        clock: what says what has expired.
        sleep: what waits between two sweeps.
    """

    def __init__(
        self,
        remains: Remains,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._remains = remains
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await self._sleep(PAUSE)

    async def sweep(self) -> None:
        """Remove everything that has expired."""
        while await self._remains.sweep(self._clock.now(), BATCH) >= BATCH:
            pass  # there is more
