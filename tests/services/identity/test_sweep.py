"""The sweep: all that has expired, batch by batch, again and again."""

import asyncio

import pytest

from plait.testing import FakeClock
from services.identity.sweep import BATCH, PAUSE, Sweep
from tests.services.identity.people import NOW


class Remains:
    """A heap of so many rows."""

    def __init__(self, rows):
        self.rows = rows
        self.asked = []

    async def sweep(self, now, limit):
        self.asked.append((now, limit))
        removed = min(self.rows, limit)
        self.rows -= removed
        return removed


@pytest.mark.parametrize(
    ("rows", "times"), [(0, 1), (BATCH - 1, 1), (BATCH, 2), (BATCH + 1, 2), (3 * BATCH, 4)]
)
async def test_a_sweep_ends_when_a_batch_is_not_full(rows, times):
    remains = Remains(rows)

    await Sweep(remains, FakeClock(NOW)).sweep()

    assert remains.rows == 0
    assert remains.asked == [(NOW, BATCH)] * times


async def test_it_is_swept_every_five_minutes_until_the_process_ends():
    remains, pauses = Remains(0), []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Sweep(remains, FakeClock(NOW), sleep).run()

    assert pauses == [PAUSE] * 3 == [300.0] * 3
    assert len(remains.asked) == 3
