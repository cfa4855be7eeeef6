"""The process that has imported everything once and forks the others; it has no loop, no thread.

A fork shares the pages of what is imported already: a process costs its own data and starts at
once. That is safe only while nothing runs here but this loop, so the supervisor, which needs an
event loop, is another process and talks to this one in JSON lines over a socket.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from plait.local.birth import Start, call_it, open_log, run, settle

_LAST_GRACE = 3.0  # seconds that processes get to drain when the supervisor is gone
_CHUNK = 64 * 1024


class Zygote:
    """Forks, signals and reaps on command; ends when the other end of `control` is closed."""

    def __init__(self, control: socket.socket, *, fork: bool) -> None:
        self._control = control
        self._fork = fork
        self._children: set[int] = set()
        self._buffer = b""
        self._woken, self._waker = socket.socketpair()

    def serve(self) -> Start | None:
        """Do what is asked until the supervisor is gone: None.

        In a process that was just forked it returns as well: with what that process is to be.
        """
        self._wake_on_child()
        with selectors.PollSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(_CHUNK)
                        continue
                    for command in self._commands():
                        if (start := self._do(command)) is not None:
                            return start
                self._reap()
                if self._control.fileno() < 0:
                    self._end()
                    return None

    def _wake_on_child(self) -> None:
        self._woken.settimeout(0)
        self._waker.settimeout(0)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _only_wake)

    def _commands(self) -> Iterator[Mapping[str, Any]]:
        try:
            data = self._control.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self._control.close()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            yield json.loads(line)

    def _do(self, command: Mapping[str, Any]) -> Start | None:
        if command["do"] == "signal":
            self._signal(command["pid"], command["signal"])
            return None
        start = Start.from_json(command["start"])
        try:
            pid = self._forked(start) if self._fork else _spawned(start)
        except OSError as error:
            self._say({"event": "refused", "reason": f"cannot start a process: {error.strerror}"})
            return None
        if not pid:
            return start
        with contextlib.suppress(OSError):  # the child did it first, or has ended already
            os.setpgid(pid, pid)
        self._children.add(pid)
        self._say({"event": "started", "pid": pid})
        return None

    def _forked(self, start: Start) -> int:
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for end in (self._control, self._woken, self._waker):
                end.close()
            try:
                settle(start, parent)
            except OSError as error:
                sys.exit(f"cannot start {start.name}: {error}")
        return pid

    def _signal(self, pid: int, number: int) -> None:
        if pid not in self._children:  # reaped already: the number may be another's by now
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._children.discard(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # what it started and left behind
            code = os.waitstatus_to_exitcode(status)
            self._say({"event": "exited", "pid": pid, "code": code})

    def _say(self, event: Mapping[str, Any]) -> None:
        if self._control.fileno() < 0:
            return
        try:
            self._control.sendall(json.dumps(event).encode() + b"\n")
        except ConnectionError:
            self._control.close()

    def _end(self) -> None:
        """Let the children drain for a while, then kill what is left: nothing outlives us."""
        for pid in self._children:
            self._signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + _LAST_GRACE
        with selectors.PollSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            while self._children and (left := deadline - time.monotonic()) > 0:
                if selector.select(left):
                    self._woken.recv(_CHUNK)
                self._reap()
        for pid in self._children:
            self._signal(pid, signal.SIGKILL)


def _only_wake(_number: int, _frame: FrameType | None) -> None:
    """The byte that signal.set_wakeup_fd writes is all there is to do."""


def _spawned(start: Start) -> int:
    """Start a fresh interpreter, where a process that was forked may not go on (macOS)."""
    log = open_log(start.log)
    arguments: dict[str, Any] = {**start.to_json(), "env": {}}  # any user sees arguments
    try:
        return os.posix_spawn(
            sys.executable,
            [
                *(sys.executable, "-m", "plait.local.birth"),
                *(str(os.getpid()), json.dumps(arguments)),
            ],
            dict(start.env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,
            setsigdef=[signal.SIGCHLD],
        )
    finally:
        os.close(log)


def preload(modules: Sequence[str]) -> None:
    """Import what the processes will share; one that cannot be imported is left to them."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue  # an extra that is not installed
        except Exception:  # noqa: BLE001 - the process that needs it fails with its own words
            sys.stderr.write(f"cannot preload {name}:\n{traceback.format_exc()}")


def main() -> int:
    """Run as `python -m plait.local.zygote FD fork|spawn MODULE...`, which Spawner does."""
    descriptor, how, *modules = sys.argv[1:]
    call_it("zygote")
    gc.disable()  # a collection would touch, and so copy, every page that is to be shared
    preload(modules)
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=int(descriptor))
    start = Zygote(control, fork=how == "fork").serve()
    return 0 if start is None else run(start)


if __name__ == "__main__":
    sys.exit(main())
