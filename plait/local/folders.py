"""Where a local run keeps its data, logs, keys and tokens: `.plait/` under the project's root."""

import os
from dataclasses import dataclass
from pathlib import Path

_PRIVATE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The paths below one `.plait/`; nothing is made until `create`."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / ".plait" / "data"

    @property
    def logs(self) -> Path:
        return self.root / ".plait" / "logs"

    @property
    def run(self) -> Path:
        return self.root / ".plait" / "run"

    @property
    def keys(self) -> Path:
        """What the keys and secrets of this project are, each in a file that only we read."""
        return self.root / ".plait" / "keys"

    @property
    def tokens(self) -> Path:
        return self.run / "tokens"

    @property
    def workload_jwks(self) -> Path:
        return self.run / "workloads.jwks.json"

    @property
    def login(self) -> Path:
        return self.run / "login.json"

    @property
    def login_lock(self) -> Path:
        return self.run / "login.lock"

    @property
    def mail(self) -> Path:
        return self.root / ".plait" / "mail"

    @property
    def lock(self) -> Path:
        return self.run / "supervisor.pid"

    @property
    def supervisor_log(self) -> Path:
        return self.logs / "supervisor.log"

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def database(self, service: str) -> Path:
        return self.data / f"{service}.db"

    def unseeded(self, service: str) -> Path:
        """The mark that a new database still waits for its seed."""
        return self.data / f"{service}.unseeded"

    def secret(self, name: str) -> Path:
        return self.keys / f"{name}.secret"

    def untold(self, name: str) -> Path:
        """The mark that nobody has been shown a new secret yet."""
        return self.keys / f"{name}.untold"

    def create(self) -> None:
        """Make the folders; what holds secrets is closed to other users."""
        for folder in (self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.keys, self.tokens, self.mail):
            folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            folder.chmod(_PRIVATE)


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, so that a reader sees the old or the new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    fresh.replace(path)
