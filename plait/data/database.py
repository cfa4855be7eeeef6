"""A service's own database: transactions that write, snapshots that read, and its readiness."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, Row, text
from sqlalchemy.exc import DBAPIError

from plait.clock import Clock, SystemClock
from plait.data import claims, migrations
from plait.data.backend import Backend, Parameters, Rows, Session
from plait.data.claims import Claim
from plait.data.sqlite import SqliteBackend
from plait.data.url import DatabaseUrl, DatabaseUrlError, System, database_url
from plait.errors import Unavailable

BUSY_TIMEOUT = 5.0
"""Seconds that a transaction waits for its turn before it is refused."""

_VERSION = text("SELECT version_num FROM alembic_version")


class SchemaBehind(Unavailable):
    """The database was not migrated to what this process needs."""


class Snapshot:
    """One consistent view of the database: what others commit meanwhile is not seen."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run a statement of SQLAlchemy Core and return all that it answers.

        Raises:
            Conflict: it would break a constraint; nothing of the statement has happened, and in a
                transaction on SQLite the others may go on.
            DatabaseBusy, DatabaseUnavailable: not now.
        """
        return await self._session.execute(statement, parameters)

    def stream(self, statement: Executable, *, size: int = 256) -> AsyncGenerator[Row[Any]]:
        """Yield the rows of a statement while they are found, holding `size` of them at most.

        Close it (`contextlib.aclosing`) where it may be left early.
        """
        return self._session.stream(statement, size)


class Transaction(Snapshot):
    """Changes that happen all together or not at all."""

    def __init__(self, session: Session, clock: Clock) -> None:
        super().__init__(session)
        self._clock = clock
        self._claimed: set[Claim] = set()

    async def claim(self, claim: Claim) -> bytes | None:
        """Claim a request id; return None the first time, later the first answer.

        Raises:
            RequestIdReused: the id belongs to another request of the same caller and method.
        """
        first = await claims.take(self, claim, self._clock)
        if first is None:
            self._claimed.add(claim)
        return first

    async def answer(self, claim: Claim, content: bytes) -> None:
        """Keep the answer of a claim that this transaction made."""
        self._claimed.remove(claim)
        await claims.answer(self, claim, content)

    async def commit(self) -> None:
        if self._claimed:
            raise RuntimeError(
                f"a claim was made and never answered: {sorted(c.method for c in self._claimed)}; "
                "call tx.answer before the transaction ends"
            )
        await self._session.commit()


class Database:
    """The one database of a service; nothing is opened before it is used.

    Args:
        url: `sqlite:///file.db` or `postgresql://...`, with or without a driver's name.
        migrations: the folder of the service's migrations, which `ready` compares with.
        clock: what decides when a claim expires.
        busy_timeout: seconds that a transaction waits for its turn.
        readers: how many snapshots may be open at the same time.

    Raises:
        DatabaseUrlError: the URL names no database that can be used here.
    """

    def __init__(
        self,
        url: str,
        *,
        migrations: Path | None = None,
        clock: Clock | None = None,
        busy_timeout: float = BUSY_TIMEOUT,
        readers: int = 4,
    ) -> None:
        open_backend = _backends(database_url(url))
        self._backend = open_backend(busy_timeout, readers)
        self._clock = clock or SystemClock()
        self._migrations = migrations
        self._revisions: Sequence[str] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Change things: committed at the end of the block, rolled back if an exception leaves it.

        A caller that is cancelled while the commit runs does not know whether it happened.

        Raises:
            DatabaseBusy, DatabaseUnavailable: not now; nothing has happened.
        """
        async with self._backend.session(write=True) as session:
            tx = Transaction(session, self._clock)
            yield tx
            await tx.commit()

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """Read things, all as they were at the first statement; writers are not held up.

        Raises:
            DatabaseBusy, DatabaseUnavailable: not now.
        """
        async with self._backend.session(write=False) as session:
            yield Snapshot(session)

    async def ready(self) -> bool:
        """Return True, or say why the database cannot be used now.

        Raises:
            Unavailable: it is away, was replaced, cannot be written, or waits for a migration.
        """
        self._backend.check()
        try:
            async with self.snapshot() as tx:
                row = (await tx.execute(_VERSION)).first()
        except DBAPIError as error:
            raise self._behind("no schema") from error
        if self._migrations is None:
            return True
        found = None if row is None else str(row.version_num)
        if self._revisions is None:  # once: a release's files do not change while it runs
            self._revisions = migrations.chain(self._migrations)
        if migrations.lacks(found, self._revisions):
            raise self._behind(f"the schema {found!r}")
        return True

    async def close(self) -> None:
        """Roll back what is open and give every connection back."""
        await self._backend.close()

    def _behind(self, found: str) -> SchemaBehind:
        service = self._migrations.absolute().parent.name if self._migrations else "SERVICE"
        return SchemaBehind(f"the database has {found}: run `plait migrate {service}` first")


def _backends(url: DatabaseUrl) -> Callable[[float, int], Backend]:
    """The one place that knows the kinds of database."""
    if url.system is System.SQLITE:
        return lambda busy_timeout, readers: SqliteBackend(
            url, busy_timeout=busy_timeout, readers=readers
        )
    raise DatabaseUrlError(
        f"expected an SQLite database, for example sqlite:///catalog.db; found {url}: this version "
        "of plait cannot use PostgreSQL yet"
    )
