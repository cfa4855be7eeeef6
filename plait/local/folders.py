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
        return self.run / "keys"

    @property
    def tokens(self) -> Path:
        return self.run / "tokens"

    @property
    def user_jwks(self) -> Path:
        return self.run / "users.jwks.json"

    @property
    def workload_jwks(self) -> Path:
        return self.run / "workloads.jwks.json"

    @property
    def login(self) -> Path:
        return self.run / "login.json"

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

    def create(self) -> None:
        """Make the folders; what holds secrets is closed to other users."""
        for folder in (self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.keys, self.tokens):
            folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            folder.chmod(_PRIVATE)


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, so that a reader sees the old or the new one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    fresh.replace(path)
