"""How sweeps follow each other."""

import asyncio

import pytest

from services.inventory.sweeper import BATCH, Sweeper


class Shelf:
    """So many expired holds; keeps what it was asked for, and when nothing was left to do."""

    def __init__(self, expired):
        self.expired = expired
        self.asked = []
        self.pauses = []
        self.rested = asyncio.Event()

    async def sweep(self, limit):
        self.asked.append(limit)
        swept = min(limit, self.expired)
        self.expired -= swept
        return swept

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        if len(self.pauses) == 2:
            self.rested.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("expired", "sweeps"),
    [(0, 1), (1, 1), (BATCH - 1, 1), (BATCH, 2), (BATCH + 1, 2), (3 * BATCH, 4)],
)
async def test_a_full_batch_is_followed_by_the_next_at_once_and_any_other_by_a_pause(
    expired, sweeps
):
    shelf = Shelf(expired)
    running = asyncio.ensure_future(Sweeper(shelf.sweep, interval=2.5, sleep=shelf.sleep).run())

    async with asyncio.timeout(10):
        await shelf.rested.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert shelf.expired == 0
    assert shelf.pauses == [2.5, 2.5]
    assert shelf.asked == [BATCH] * (sweeps + 1)


async def test_a_sweep_that_fails_is_told_to_who_runs_it():
    async def fails(limit):
        raise LookupError("no database")

    with pytest.raises(LookupError):
        await Sweeper(fails, interval=1.0).run()
