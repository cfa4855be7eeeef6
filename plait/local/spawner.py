"""The supervisor's end of the zygote: starts processes, signals them, tells when they end."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.local.birth import Start, open_log

_HOW = "fork" if sys.platform.startswith("linux") else "spawn"

_LAST_WORDS = 5.0  # seconds


class CannotStart(Exception):
    """The machine refused a new process, or the zygote was killed (the next start makes a new)."""


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A running process; `exit` gets its exit code, negative for a signal."""

    pid: int
    exit: asyncio.Future[int]


class Spawner:
    """Starts processes from one zygote, and that one when it is first needed or was lost.

    Args:
        root: the folder that the processes work in.
        env: the environment of the zygote; a process has its own.
        log: the file that gets what the zygote itself has to say.
        modules: what the processes share.
        how: `fork`, or `spawn` where forked processes may not go on (macOS).
    """

    def __init__(
        self,
        *,
        root: Path,
        env: Mapping[str, str],
        log: Path,
        modules: Sequence[str],
        how: str = _HOW,
    ) -> None:
        self._root = root
        self._env = env
        self._log = log
        self._modules = modules if how == "fork" else ()
        self._how = how
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._births: deque[asyncio.Future[Child]] = deque()
        self._children: dict[int, Child] = {}
        self._connecting = asyncio.Lock()

    def launch(self) -> None:
        """Start the zygote now: it imports while the caller does something else."""
        if self._zygote is not None:
            return
        ours, theirs = socket.socketpair()
        log = open_log(str(self._log))
        self._zygote = subprocess.Popen(  # noqa: S603 - our own module
            [
                *(sys.executable, "-m", "plait.local.zygote"),
                *(str(theirs.fileno()), self._how, *self._modules),
            ],
            cwd=self._root,
            env=dict(self._env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C is for the supervisor, which drains in order
        )
        os.close(log)
        theirs.close()
        self._control = ours

    async def start(self, start: Start) -> Child:
        """Start a process.

        Raises:
            CannotStart: there is no new process.
        """
        writer = await self._connected()
        birth: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._births.append(birth)
        self._ask(writer, {"do": "start", "start": start.to_json()})
        return await birth

    def signal(self, child: Child, number: int) -> None:
        """Send a signal, SIGKILL to all of the process's group; nothing if it has ended."""
        if self._writer is not None and not child.exit.done():
            self._ask(self._writer, {"do": "signal", "pid": child.pid, "signal": number})

    async def close(self) -> None:
        """Kill what still runs, end the zygote and wait for it."""
        for child in list(self._children.values()):
            self.signal(child, signal.SIGKILL)
        if self._writer is not None:
            self._writer.write_eof()
        elif self._control is not None:  # launched and never used
            self._control.close()
            self._gone()
        if self._reading is not None:
            await self._reading

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            self.launch()
            if self._writer is None:
                assert self._control is not None
                reader, self._writer = await asyncio.open_connection(sock=self._control)
                self._reading = asyncio.create_task(self._read(reader), name="zygote")
            return self._writer

    def _ask(self, writer: asyncio.StreamWriter, command: Mapping[str, Any]) -> None:
        writer.write(json.dumps(command).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except ConnectionError:
            pass  # the same as its end
        finally:
            self._gone()

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "refused":
            birth = self._births.popleft()
            if not birth.cancelled():
                birth.set_exception(CannotStart(event["reason"]))
            return
        pid = int(event["pid"])
        if event["event"] == "started":
            child = Child(pid, asyncio.get_running_loop().create_future())
            self._children[pid] = child
            birth = self._births.popleft()
            if not birth.cancelled():
                birth.set_result(child)
            else:  # nobody waits for it any more
                self.signal(child, signal.SIGKILL)
        else:
            self._children.pop(pid).exit.set_result(int(event["code"]))

    def _gone(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._zygote is not None:
            _bury(self._zygote)
        self._zygote = self._control = self._writer = None
        for birth in self._births:
            if not birth.done():
                birth.set_exception(CannotStart("the process that starts the others was killed"))
        self._births.clear()
        for child in self._children.values():
            child.exit.set_result(-signal.SIGKILL)
        self._children.clear()


def _bury(zygote: "subprocess.Popen[bytes]") -> None:
    try:
        zygote.wait(_LAST_WORDS)  # it has closed its end: this takes milliseconds
    except subprocess.TimeoutExpired:
        zygote.kill()
        zygote.wait()
