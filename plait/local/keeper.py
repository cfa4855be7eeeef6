"""Keeps one process alive: migrates, starts, watches and starts again, until it is told to stop."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plait.clock import Clock
from plait.local.backoff import BackOff
from plait.local.birth import Start
from plait.local.lifecycle import Process, State, how_it_ended
from plait.local.logs import rotate
from plait.local.probe import Probe
from plait.local.spawner import CannotStart, Child, Spawner


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one process is run.

    `migrate` runs before each start of it. `seed` fills its database, if the file `unseeded` is
    there, which a migration makes that has made the database. `stop` asks it to drain and end.
    """

    address: str
    start: Start
    probe: Probe
    migrate: Start | None = None
    seed: Start | None = None
    unseeded: Path | None = None
    stop: signal.Signals = signal.SIGTERM

    @property
    def name(self) -> str:
        return self.start.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a process is probed, by what is known of it, in seconds.

    A process that somebody wants restarted is killed after `grace` seconds; one that is not healthy
    for the first time within `start_limit` seconds is killed, and has crashed.
    """

    starting: float = 0.05
    unready: float = 0.25
    ready: float = 1.0
    grace: float = 2.75
    start_limit: float = 30.0
    back_off: BackOff = field(default_factory=BackOff)


_WAITS = "its new database waits for its seed"


class Keeper:
    """One process, whichever of its lives it is in; `changed` is told each new state."""

    def __init__(  # noqa: PLR0913 - what it needs from outside
        self,
        plan: Plan,
        *,
        spawner: Spawner,
        clock: Clock,
        rng: random.Random,
        pace: Pace,
        changed: Callable[[Process], None],
    ) -> None:
        self.process = Process(name=plan.name, address=plan.address)
        self._plan = plan
        self._spawner = spawner
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self._changed = changed
        self._child: Child | None = None
        self._due = plan.seed is not None
        self._wake = asyncio.Event()
        self._stop = False
        self._kill = False
        self._hung = ""
        self._renew = False

    @property
    def seed(self) -> Start | None:
        """How its database is filled, if it can be."""
        return self._plan.seed

    @property
    def unseeded(self) -> bool:
        """Whether its database waits to be filled."""
        return self._due and self._plan.unseeded is not None and self._plan.unseeded.exists()

    def seeding(self, note: str, *, busy: bool) -> None:
        """Take in how far its seed is; `busy` if it is to be waited for."""
        self._become(self.process.noted(note, busy=busy))

    def seeded(self, note: str, *, done: bool) -> None:
        """Take in that its seed has ended, which is not tried again; `done` if it went well."""
        self._due = False
        if done and self._plan.unseeded is not None:
            self._plan.unseeded.unlink(missing_ok=True)  # `plait seed` does it too
        self._become(self.process.noted(note, busy=False))

    async def run(self) -> None:
        """Keep the process alive until `stop`."""
        try:
            while not self._stop:
                how = await self._life()
                if self._stop:
                    break
                if not self._renew:
                    self._become(self.process.ended(how, self._now(), self._pace.back_off))
                    await self._pause()
                if self._renew:
                    self._renew = False
                    self._become(self.process.renewed())
        finally:
            await self._plan.probe.close()
            self._become(self.process.stopped())

    def stop(self) -> None:
        """Ask the process to drain and end, and do not start it again."""
        self._stop = True
        self._ask_to_end()

    def restart(self) -> None:
        """Ask the process to drain and end, and start it at once; without a process, start one."""
        self._renew = True
        self._ask_to_end()
        if (child := self._child) is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._pace.grace, self._spawner.signal, child, signal.SIGKILL)

    def kill(self) -> None:
        """End the process now, and do not start it again."""
        self._stop = self._kill = True
        self._wake.set()
        if self._child is not None:
            self._spawner.signal(self._child, signal.SIGKILL)

    def _ask_to_end(self) -> None:
        self._wake.set()
        if self._child is not None:
            self._become(self.process.stopping())
            self._spawner.signal(self._child, self._plan.stop)

    async def _life(self) -> str:
        """Run the process from its migration to its end; return how it ended."""
        try:
            if self._plan.migrate is not None:
                self._become(self.process.migrating())
                if code := await self._once(self._plan.migrate):
                    return f"its migration {how_it_ended(code)}"
            if self._stop or self._renew:
                return "was not started"
            return await self._whole_life(await self._bear(self._plan.start))
        except CannotStart as error:
            return str(error)

    async def _whole_life(self, child: Child) -> str:
        self._hung = ""
        self._become(self.process.born(child.pid, self._now()))
        if self._stop or self._renew:  # asked while it was being born
            self._become(self.process.stopping())
        watching = asyncio.create_task(self._watch(), name=f"watch {self._plan.name}")
        try:
            either: tuple[asyncio.Future[Any], ...] = (child.exit, watching)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # it ends only by a bug, which is not to be lost
            return self._hung or how_it_ended(child.exit.result())
        finally:
            self._child = None
            watching.cancel()
            await asyncio.wait({watching})

    async def _once(self, start: Start) -> int:
        try:
            return await asyncio.shield((await self._bear(start)).exit)
        finally:
            self._child = None

    async def _bear(self, start: Start) -> Child:
        rotate(Path(start.log))
        self._child = child = await self._spawner.start(start)
        if self._kill:  # asked while it was being born, as below
            self._spawner.signal(child, signal.SIGKILL)
        elif self._stop or self._renew:
            self._spawner.signal(child, self._plan.stop)
        return child

    async def _watch(self) -> None:
        while True:
            problem = await self._plan.probe()
            answered = self.process.answered(problem, self._now())  # as it is now, not as it was
            if answered.state is State.READY is not self.process.state and self.unseeded:
                answered = answered.noted(_WAITS, busy=True)
            self._become(answered)
            if answered.hangs(self._pace.start_limit, self._now()):
                self._give_up(problem)
            await asyncio.sleep(self._until_next_probe())

    def _give_up(self, problem: str) -> None:
        """End a start that leads nowhere: nobody is told when it will, and somebody may wait."""
        self._hung = f"was not ready after {self._pace.start_limit:g} s and was killed: {problem}"
        if self._child is not None:
            self._spawner.signal(self._child, signal.SIGKILL)

    def _until_next_probe(self) -> float:
        if self.process.state is State.READY:
            return self._pace.ready
        starting = self.process.state is State.STARTING
        return self._pace.starting if starting else self._pace.unready

    async def _pause(self) -> None:
        self._wake.clear()
        if self._stop or self._renew:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.process.pause(self._pace.back_off, self._rng)):
                await self._wake.wait()

    def _become(self, process: Process) -> None:
        if process != self.process:
            self.process = process
            self._changed(process)

    def _now(self) -> float:
        return self._clock.monotonic()
