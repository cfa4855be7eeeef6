"""What a process does between its birth and the `main()` of its module."""

import ctypes
import gc
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_LINUX = sys.platform.startswith("linux")
_WATCH_PARENT = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A process to be: `module.main()` with these arguments and this whole environment.

    What it prints is appended to the file `log`.
    """

    name: str
    module: str
    log: str
    env: Mapping[str, str]
    arguments: Sequence[str] = field(default_factory=tuple[str, ...])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Start":
        return cls(**values)


def settle(start: Start, parent: int) -> None:
    """Make a process that was just forked one of its own: signals, output, environment.

    `parent` is the process that forked it, with which it dies.
    """
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _print_to(start.log)
    os.environ.clear()
    os.environ.update(start.env)
    call_it(start.name)
    live_with(parent)
    gc.enable()


def call_it(name: str) -> None:
    """Show this process as `plait:name` in lists of processes, where the kernel can."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, f"plait:{name}"[:15].encode(), 0, 0, 0)


def live_with(parent: int) -> None:
    """Make this process die when its parent does, whatever kills that."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_die_after, args=(parent,), daemon=True, name="parent").start()
    if os.getppid() != parent:  # it died before the link was made
        os.kill(os.getpid(), signal.SIGKILL)


def run(start: Start) -> int:
    """Import the module, call its `main()`, and return the exit code."""
    sys.argv = [start.module, *start.arguments]
    code = importlib.import_module(start.module).main()
    return code if isinstance(code, int) else 0


def _die_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_PARENT)
    os.kill(os.getpid(), signal.SIGKILL)


def _print_to(path: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = open_log(path)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nothing)
    os.close(log)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)


def open_log(path: str) -> int:
    """Open a log to append to; private, because what a service prints is its own."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def main() -> int:
    """Run as `python -m plait.local.birth PARENT JSON`: where a fork is not safe (macOS)."""
    import json  # noqa: PLC0415 - only a process that was not forked needs it

    start = Start.from_json(json.loads(sys.argv[2]))
    call_it(start.name)
    live_with(int(sys.argv[1]))
    return run(start)


if __name__ == "__main__":
    sys.exit(main())
