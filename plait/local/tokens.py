"""The workload tokens of a local run: a file for each process and callee, renewed in time."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from plait.clock import Clock
from plait.local.folders import Folders, write_private
from plait.local.keys import Keys
from plait.local.project import Project

LIFE = timedelta(hours=1)
RENEWED = LIFE * 2 / 3
_LOOK = 30.0  # seconds between two looks at the clock: a laptop that slept finds its tokens old


class WorkloadTokens:
    """Writes `.plait/run/tokens/<process>/<callee>`, each replaced at once or not at all."""

    def __init__(self, project: Project, folders: Folders, keys: Keys, clock: Clock) -> None:
        self._project = project
        self._folders = folders
        self._keys = keys
        self._clock = clock
        self._written: datetime | None = None

    def write_all(self) -> None:
        """Write a fresh token for each pair.

        Raises:
            OSError: the folder cannot be written.
        """
        for process, callee in self._pairs():
            folder = self._folders.tokens / process
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(folder / callee, self._keys.workload_token(process, callee, LIFE))
        self._written = self._clock.now()

    def write_if_old(self) -> bool:
        """Write them anew once two thirds of their life are over; return whether they were."""
        if self._written is not None and self._clock.now() - self._written < RENEWED:
            return False
        self.write_all()
        return True

    async def renew(self) -> None:
        """Keep the tokens fresh until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                self.write_if_old()
            except OSError as error:  # a full disk may have room again before they expire
                sys.stderr.write(f"plait: cannot renew the workload tokens: {error}\n")

    def _pairs(self) -> Iterator[tuple[str, str]]:
        services = [service.name for service in self._project.services]
        callers = [*services, *(["gateway"] if self._project.gateway else [])]
        for caller in callers:
            for callee in services:
                if caller != callee:
                    yield caller, callee
