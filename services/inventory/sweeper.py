"""Frees what expired holds keep, batch by batch, for as long as the service runs."""

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]

BATCH = 100
"""Expired holds that are freed in one transaction."""


class Sweeper:
    """Sweeps once an interval; while a batch is full there may be more, and it goes on at once.

    Several replicas may sweep the same database: each takes what the others have not locked.

    Args:
        sweep: frees at most so many expired holds and returns how many there were.
        interval: seconds between two sweeps.
        sleep: what waits between them.
    """

    def __init__(
        self,
        sweep: Callable[[int], Awaitable[int]],
        *,
        interval: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._sweep = sweep
        self._interval = interval
        self._sleep = sleep

    async def run(self) -> None:
        """Sweep until it is cancelled."""
        while True:
            while await self._sweep(BATCH) == BATCH:
                pass
            await self._sleep(self._interval)
