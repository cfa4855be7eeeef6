"""Identity as a process of its own, for tests of how it starts, dies, ends and what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Self

from aiosmtpd.controller import Controller

from plait.data.migrations import migrate
from plait.testing import TestKeys
from services.identity.main import MIGRATIONS
from tests.ports import free_port
from tests.services.identity.people import SECRET

ROOT = Path(__file__).parents[3]


@dataclass
class Process:
    """A running identity: its address, and what it has said so far."""

    running: "subprocess.Popen[str]"
    address: str = ""
    said: list[str] = field(default_factory=list)

    def ended(self, number: int) -> str:
        """Send a signal; returns everything that was said to stderr."""
        self.running.send_signal(number)
        self.running.wait(20)
        self._reader.join(10)
        return "".join(self.said)

    def listen(self) -> bool:
        """Read what it says until it listens; returns whether it does."""
        stderr = self.running.stderr
        assert stderr is not None
        for line in stderr:
            self.said.append(line)
            if found := re.search(r"listening on ([0-9.]+:\d+)", line):
                self.address = found[1]
                self._reader = Thread(target=lambda: self.said.extend(stderr), daemon=True)
                self._reader.start()
                return True
        return False


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'identity.db'}"


def migrated(folder: Path) -> None:
    migrate(database(folder), MIGRATIONS)


def start(
    folder: Path, keys: TestKeys | None = None, **environment: str
) -> "subprocess.Popen[str]":
    """Start the process; a variable that is empty is left out."""
    names = {"PATH", "PYTHONPATH", "COVERAGE_PROCESS_START", "LANG"}
    inherited = {name: value for name, value in os.environ.items() if name in names}
    usual = {
        "DATABASE_URL": database(folder),
        "IDENTITY_SECRET": SECRET,
        "PORT": "0",
        "PLAIT_DRAIN_DELAY": "0",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "OTEL_SDK_DISABLED": "true",
    }
    if keys:
        usual |= {
            "PLAIT_USER_JWKS": str(keys.user_jwks),
            "PLAIT_WORKLOAD_JWKS": str(keys.workload_jwks),
        }
    told = {name: value for name, value in (usual | environment).items() if value}
    return subprocess.Popen(
        [sys.executable, "-m", "services.identity.main"],
        env=inherited | told,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@contextmanager
def running(folder: Path, keys: TestKeys | None = None, **environment: str) -> Iterator[Process]:
    """An identity that listens; killed where a test has not ended it."""
    process = Process(start(folder, keys, **environment))
    try:
        if not process.listen():
            raise AssertionError(f"identity did not listen: {''.join(process.said)}")
        yield process
    finally:
        process.running.kill()
        process.running.wait(10)
        if process.running.stderr:
            process.running.stderr.close()


class Inbox:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._server = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.texts.append(envelope.content.decode())
        return "250 OK"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
