"""Databases of each kind for tests: fresh, migrated and empty, at the price of a copy."""

import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from plait.data.blocking import wait_for
from plait.data.migrations import migrate
from plait.data.url import database_url
from plait.local.postgres import ADMIN, Cluster
from tests.ports import free_port

ROOT = Path(__file__).parent.parent
PASSWORD = "secret-of-the-tests"
SETTINGS = {  # nothing of it has to outlive the machine
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_checkpoints": "off",
    "max_connections": "200",
    "max_wal_senders": "0",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
    "wal_level": "minimal",
}


class PostgresServer:
    """One server for all tests of a process, on a port of its own and in a temporary folder.

    Raises:
        Mistake: there is no PostgreSQL here.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="plait-"))
        self.folder.chmod(0o755)  # the server may be another user
        cluster = Cluster.at(self.folder / "cluster")
        cluster.create(PASSWORD, ["--no-sync", "--set", "scram_iterations=1"])
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="ascii")
        self.port = free_port()
        settings = [f"{name}={value}" for name, value in (SETTINGS | {"port": self.port}).items()]
        self.log = (self.folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plait.local.postgres", cluster.folder, secret, *settings],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
        )
        self._wait()

    def url(self, database: str, user: str = ADMIN, password: str = PASSWORD) -> str:
        return f"postgresql://{quote(user)}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the superuser, and return its rows."""

        async def run() -> list[Any]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return wait_for(run)

    def new(self, template: str = "template0") -> str:
        """Make a database and return its name."""
        name = f"t{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def close(self) -> None:
        self.process.send_signal(2)
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder)

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
            except (OSError, asyncpg.CannotConnectNowError):
                if self.process.poll() is not None or time.monotonic() > until:
                    self.log.seek(0)
                    raise RuntimeError(f"PostgreSQL did not start: {self.log.read()}") from None
                time.sleep(0.01)
            else:
                return


class Shelf:
    """What was migrated once, to copy for each test: by the folder of migrations and its text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, str] = {}

    def sqlite(self, migrations: Path | None, place: Path) -> str:
        """Return the URL of a new database in the folder `place`."""
        url = f"sqlite:///{place / secrets.token_hex(6)}.db"
        if migrations is not None:
            template = self._once("sqlite", migrations, self._new_file)
            shutil.copyfile(database_url(template).path, database_url(url).path)
        return url

    def postgresql(self, migrations: Path | None, server: PostgresServer) -> str:
        """Return the URL of a new database on the server."""
        if migrations is None:
            return server.url(server.new())
        template = self._once("postgresql", migrations, lambda: server.url(server.new()))
        return server.url(server.new(database_url(template).name))

    def _once(self, kind: str, migrations: Path, new: Callable[[], str]) -> str:
        text = b"".join(path.read_bytes() for path in sorted(migrations.glob("*.py")))
        key = f"{kind} {sha256(text).hexdigest()}"
        if key not in self._made:
            self._made[key] = new()
            migrate(self._made[key], migrations)
        return self._made[key]

    def _new_file(self) -> str:
        return f"sqlite:///{self._folder / secrets.token_hex(6)}.db"
