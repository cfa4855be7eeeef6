"""Waits for the HTTP server's own threads, which end a little after it has stopped.

A thread of granian's that asks for the interpreter's lock while the interpreter is finalizing is
ended by force, which Rust answers by aborting the process (measured: 3 of 100 stops on a busy
machine ended with SIGABRT).
"""

import os
import sys
import threading
import time
from pathlib import Path

_LINUX = sys.platform == "linux"
_TASKS = Path("/proc/self/task")
_LOOK = 0.001  # seconds between two looks
_BLIND = 0.1  # seconds to wait where nobody tells which threads there are


def wait_for_foreign_threads(patience: float = 1.0) -> bool:
    """Return when this process has no threads left but Python's own; the last act of a `main`.

    Gives up after `patience` seconds and returns False. Outside of Linux it only waits a moment.
    """
    if not _LINUX:
        time.sleep(min(patience, _BLIND))
        return True
    until = time.monotonic() + patience
    while _foreign():
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK)  # also lets go of the interpreter's lock, which they wait for
    return True


def _foreign() -> set[int]:
    own = {thread.native_id for thread in threading.enumerate()}
    own.add(os.getpid())  # the main thread, which in a forked process still has its parent's id
    return {int(task.name) for task in _TASKS.iterdir()} - own
