"""One database and one role for each service, on the server of a local run.

A service's role owns its database and may connect to no other. Passwords are random, each in a file
that only this user reads.
"""

import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from plait.data.blocking import wait_for
from plait.local import migrate
from plait.local.environment import HOST
from plait.local.folders import Folders, write_private
from plait.local.postgres import ADMIN

PATIENCE = 60.0
"""Seconds that a service waits for the server to let it in, after which it is started again."""

_ASYNCPG: Any = asyncpg  # it says nothing of its types
_PAUSE = 0.05  # seconds between two tries
_BYTES = 32
_MAINTENANCE = "postgres"  # the database that a server has from the beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the server of a local run is, and what the passwords of its roles are."""

    folders: Folders
    port: int

    @property
    def folder(self) -> Path:
        """The folder of the server's data."""
        return self.folders.root / ".plait" / "postgres"

    @property
    def secret(self) -> Path:
        """The file of the superuser's password."""
        return self.folders.secret("postgres")

    @property
    def admin_url(self) -> str:
        return self._url(ADMIN, self.secret, _MAINTENANCE)

    def url(self, service: str) -> str:
        """Return the URL of a service's own database; makes its password if there is none."""
        return self._url(service, self.folders.secret(f"postgres-{service}"), service)

    def unseeded(self, service: str) -> Path:
        """The mark that a new database still waits for its seed."""
        return self.folders.unseeded(f"{service}.postgres")

    def _url(self, user: str, secret: Path, database: str) -> str:
        return f"postgresql://{user}:{password(secret)}@{HOST}:{self.port}/{database}"


def password(secret: Path) -> str:
    """Return the password in a file, which is made if it is not there."""
    if not secret.is_file():
        write_private(secret, secrets.token_urlsafe(_BYTES))
    return secret.read_text(encoding="ascii").strip()


def provide(admin_url: str, name: str, secret: str) -> None:
    """Make the role and the database of a service, or bring them to what they should be. Blocks.

    Args:
        admin_url: how the superuser connects.
        name: the service's: lower-case letters, digits and hyphens.
        secret: the password that the role gets, of letters that need no quotes.

    Raises:
        asyncpg.PostgresError: the server does not let the superuser in, or refuses.
        OSError: there is no server.
    """

    async def run() -> None:
        connection = await _ASYNCPG.connect(admin_url)
        try:
            await _provide(connection, name, secret)
        finally:
            await connection.close()

    wait_for(run)


async def _provide(connection: Any, name: str, secret: str) -> None:
    # Passwords do not get into the log with a statement that fails.
    await connection.execute("SET log_min_error_statement = panic")
    await connection.execute("SELECT pg_advisory_lock(0x706c6169)")  # until the connection ends
    known = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", name)
    what = f'{"ALTER" if known else "CREATE"} ROLE "{name}"'
    await connection.execute(
        f"{what} LOGIN PASSWORD '{secret}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
    )
    made = await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name)
    if not made:
        await connection.execute(
            f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE template0 ALLOW_CONNECTIONS false'
        )
    for database in (name, _MAINTENANCE, "template1"):
        await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def provide_patiently(place: Place, name: str, *, patience: float = PATIENCE) -> None:
    """Do so as soon as the server lets somebody in. Blocks.

    Raises:
        SystemExit: it did not in time, or its password is another; with a sentence.
    """
    until = time.monotonic() + patience
    while True:
        try:
            provide(place.admin_url, name, password(place.folders.secret(f"postgres-{name}")))
        except (OSError, _ASYNCPG.CannotConnectNowError) as error:
            if time.monotonic() >= until:
                raise SystemExit(
                    f"PostgreSQL does not answer at {HOST}:{place.port}: `plait logs postgres` "
                    "shows why"
                ) from error
            time.sleep(_PAUSE)
        except _ASYNCPG.InvalidPasswordError as error:
            raise SystemExit(
                f"the password in {place.secret} is not that of the server whose data are in "
                f"{place.folder}: put the right one back, or remove that folder, and all its data, "
                "to start over"
            ) from error
        else:
            return


def main(arguments: Sequence[str] | None = None) -> None:
    """Provide a service with its database and migrate it: `ROOT PORT SERVICE DIRECTORY [UNSEEDED]`.

    Raises:
        SystemExit: something is not as it should be; with a sentence.
    """
    root, port, name, *rest = sys.argv[1:] if arguments is None else arguments
    provide_patiently(Place(folders=Folders(root=Path(root)), port=int(port)), name)
    migrate.main(rest)


if __name__ == "__main__":
    main()
