"""The supervisor: all processes of a system together, from their start to the last one's drain."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from plait.clock import Clock
from plait.local.keeper import Keeper
from plait.local.lifecycle import Process, State
from plait.local.mistake import USAGE, Mistake
from plait.local.project import nearest

DRAIN = (1.0, 2.3, 2.75, 2.95)
"""Seconds after the wish to stop until which gateway, services, console and databases may drain.

A stage that takes longer goes on while the next one is asked to drain too; at the end all that is
left is killed, so that Ctrl-C gives the prompt back within 3 s.
"""


class Supervisor:
    """Runs stages of processes: started together, drained stage by stage, the first one first."""

    def __init__(
        self, stages: Sequence[Sequence[Keeper]], *, clock: Clock, about: Mapping[str, Any]
    ) -> None:
        self._stages = stages
        self._clock = clock
        self._about = about
        self._asked = asyncio.Event()
        self._killed = False
        self._watchers: set[asyncio.Event] = set()

    @property
    def keepers(self) -> list[Keeper]:
        return [keeper for stage in self._stages for keeper in stage]

    @property
    def processes(self) -> list[Process]:
        return [keeper.process for keeper in self.keepers]

    async def run(self) -> None:
        """Keep all processes alive until `stop`, then drain them; returns when none is left."""
        tasks = [
            [asyncio.create_task(keeper.run(), name=keeper.process.name) for keeper in stage]
            for stage in self._stages
        ]
        running = [task for stage in tasks for task in stage]
        asked = asyncio.create_task(self._asked.wait(), name="stop asked")
        try:
            await asyncio.wait([asked, *running], return_when=asyncio.FIRST_COMPLETED)
            await self._drain(tasks)
        finally:
            asked.cancel()
            for task in running:
                task.cancel()
        for task in running:
            task.result()  # a bug in a keeper is not to be lost

    def stop(self) -> None:
        """Ask for the end: once drains, twice kills."""
        if self._asked.is_set():
            self._killed = True
            for keeper in self.keepers:
                keeper.kill()
        self._asked.set()

    def changed(self) -> None:
        """Tell whoever watches that a process is not what it was."""
        for watcher in self._watchers:
            watcher.set()

    def status(self) -> dict[str, Any]:
        """Return what `plait ps` shows, ready for JSON."""
        now = self._clock.monotonic()
        return {
            **self._about,
            "stopping": self._asked.is_set(),
            "processes": [described(process, now) for process in self.processes],
        }

    async def answer(self, request: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        """Answer a request of the control socket.

        `{"do": "status"}` is answered once; `{"do": "watch"}` with a status at each change;
        `{"do": "restart", "name": ...}` once; `{"do": "down"}` like watch, until the end.

        Raises:
            Mistake: there is no such request or no such process.
        """
        match request:
            case {"do": "status"}:
                yield self.status()
            case {"do": "restart", "name": str(name)}:
                self._keeper(name).restart()
                yield self.status()
            case {"do": "watch" | "down"}:
                if request["do"] == "down" and not self._asked.is_set():
                    self.stop()
                async with aclosing(self._watch()) as statuses:
                    async for status in statuses:
                        yield status
            case _:
                raise Mistake(f"the supervisor does not know the request {request!r}", code=USAGE)

    async def _watch(self) -> AsyncGenerator[Mapping[str, Any], None]:
        news = asyncio.Event()
        self._watchers.add(news)
        try:
            while True:
                news.clear()
                yield self.status()
                await news.wait()
        finally:
            self._watchers.discard(news)

    def _keeper(self, name: str) -> Keeper:
        for keeper in self.keepers:
            if keeper.process.name == name:
                return keeper
        known = [process.name for process in self.processes]
        raise Mistake(
            f"there is no process {name!r}, there are: {', '.join(known)}{nearest(name, known)}",
            code=USAGE,
        )

    async def _drain(self, tasks: Sequence[Sequence["asyncio.Task[None]"]]) -> None:
        begun = self._clock.monotonic()
        draining: list[asyncio.Task[None]] = []
        for stage, keepers, until in zip(tasks, self._stages, DRAIN, strict=False):
            for keeper in keepers:
                if not self._killed:
                    keeper.stop()
            draining += stage
            left = max(0.0, begun + until - self._clock.monotonic())
            if draining:
                await asyncio.wait(draining, timeout=left)
        for keeper in self.keepers:
            keeper.kill()
        if draining:
            await asyncio.wait(draining)


def described(process: Process, now: float) -> dict[str, Any]:
    """Return a process as `plait ps --json` shows it."""
    return {
        "name": process.name,
        "state": process.state.value,
        "pid": process.pid,
        "address": process.address,
        "starts": process.starts,
        "restarts": process.restarts,
        "uptime": round(now - process.started, 3) if process.pid else 0.0,
        "note": process.note,
        "settled": process.settled,
        "ends": process.ends,
    }


def settled(status: Mapping[str, Any]) -> bool:
    """Whether each process of a status is ready or failed."""
    return all(process["settled"] for process in status["processes"])


def failed(status: Mapping[str, Any]) -> list[str]:
    """Return the names of the processes that failed."""
    return [p["name"] for p in status["processes"] if p["state"] == State.FAILED.value]
