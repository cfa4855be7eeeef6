"""Fills new databases: one seed after the other, in the order of plait.toml.

A seed calls like anybody: so it waits until the services that stand before its own in the file are
ready, and the one that logs its administrator in.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from plait.local.birth import Start
from plait.local.keeper import Keeper
from plait.local.lifecycle import State, how_it_ended
from plait.local.logs import rotate
from plait.local.mistake import Mistake
from plait.local.plans import with_token
from plait.local.spawner import CannotStart, Spawner

Token = Callable[[], Awaitable[str]]
"""Returns what a seed calls with, empty for nothing; raises Mistake where nobody is logged in."""

_SEEDED = "seeded"


class Seeding:
    """Fills the databases that wait for it, once.

    Args:
        keepers: the services' in the order of plait.toml.
        first: the name of a service that must be ready before any seed; empty for none.
        token: asked just before each seed.
        spawner: starts the seeds.
    """

    def __init__(
        self, keepers: Sequence[Keeper], *, first: str, token: Token, spawner: Spawner
    ) -> None:
        self._keepers = keepers
        self._first = first
        self._token = token
        self._spawner = spawner
        self._news = asyncio.Event()

    def changed(self) -> None:
        """Take in that a process is not what it was."""
        self._news.set()

    async def run(self) -> None:
        """Fill what waits; returns when nothing does any more."""
        failed = ""
        for number, keeper in enumerate(self._keepers):
            if keeper.seed is None:
                continue
            await self._ready(number)
            if not keeper.unseeded:
                continue
            if failed:  # it may need what that one should have made
                note = f"not seeded, because {failed} was not: `plait seed`"
                keeper.seeded(note, done=False)
            elif not await self._fill(keeper, keeper.seed):
                failed = keeper.process.name

    async def _ready(self, number: int) -> None:
        """Wait for the service of that number, those before it and the first one."""
        needed = [
            keeper
            for place, keeper in enumerate(self._keepers)
            if place <= number or keeper.process.name == self._first
        ]
        while True:
            self._news.clear()
            late = [each for each in needed if each.process.state is not State.READY]
            if not late:
                return
            self._explain(late)
            await self._news.wait()

    def _explain(self, late: Sequence[Keeper]) -> None:
        """Say at every service that waits for its seed what it is waiting for."""
        failed = [each.process.name for each in late if each.process.state is State.FAILED]
        names = ", ".join(failed or (each.process.name for each in late))
        note = f"not seeded, because {names} failed" if failed else f"its seed waits for {names}"
        for keeper in self._keepers:
            if keeper.process.state is State.READY and keeper.unseeded:
                keeper.seeding(note, busy=not failed)

    async def _fill(self, keeper: Keeper, seed: Start) -> bool:
        keeper.seeding("seeding its new database", busy=True)
        try:
            code = await self._run(with_token(seed, await self._token()))
        except CannotStart as error:
            note = f"not seeded: {error}"
        except Mistake as error:
            note = f"not seeded: {error} (afterwards: `plait seed`)"
        else:
            note = f"its seed {how_it_ended(code)}: plait logs {seed.name}" if code else _SEEDED
        keeper.seeded(note, done=note == _SEEDED)
        return note == _SEEDED

    async def _run(self, seed: Start) -> int:
        rotate(Path(seed.log))
        child = await self._spawner.start(seed)
        try:
            return await asyncio.shield(child.exit)
        finally:
            self._spawner.signal(child, signal.SIGKILL)
