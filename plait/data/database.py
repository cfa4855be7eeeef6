"""A service's own database: transactions that write, snapshots that read, and its readiness."""

from collections.abc import AsyncGenerator, Sequence
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
from plait.data.url import DatabaseUrl, System, database_url
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

        A statement that fails ends the transaction: whoever catches the error leaves the block.

        Raises:
            Conflict: it would break a constraint.
            UnstorableText: a parameter holds the character U+0000.
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

    async def lock(self, key: str) -> None:
        """Wait until no other transaction holds this key, and hold it until the end of this one.

        For what a concurrent transaction decides by and no row stands for; whatever is a row is
        locked by `.with_for_update()`. Several locks are taken in one order everywhere, or two
        transactions wait for each other until the server ends one of them (DatabaseBusy).
        """
        await self._session.lock(key)

    async def commit(self) -> None:
        if self._claimed:
            raise RuntimeError(
                f"a claim was made and never answered: {sorted(c.method for c in self._claimed)}; "
                "call tx.answer before the transaction ends"
            )
        await self._session.commit()


class Database:
    """The one database of a service; nothing is opened before it is used.

    `system` is the kind of it, for a store that must write a statement for each.

    Args:
        url: `sqlite:///file.db` or `postgresql://...`, with or without a driver's name.
        migrations: the folder `SERVICE/migrations`, which `ready` compares with.
        clock: what decides when a claim expires.
        busy_timeout: seconds that a transaction waits for its turn, and for each lock.
        readers: how many snapshots may be open at the same time.
        writers: how many concurrent transactions may be open at the same time, on PostgreSQL.

    Raises:
        DatabaseUrlError: the URL names no database that can be used here.
    """

    def __init__(  # noqa: PLR0913 - what `main.py` may choose
        self,
        url: str,
        *,
        migrations: Path | None = None,
        clock: Clock | None = None,
        busy_timeout: float = BUSY_TIMEOUT,
        readers: int = 4,
        writers: int = 4,
    ) -> None:
        place = database_url(url)
        self.system = place.system
        self._service = migrations.absolute().parent.name if migrations else place.name
        self._backend = _backend(
            place, self._service, busy_timeout=busy_timeout, readers=readers, writers=writers
        )
        self._clock = clock or SystemClock()
        self._migrations = migrations
        self._revisions: Sequence[str] | None = None

    @asynccontextmanager
    async def transaction(self, *, concurrent: bool = False) -> AsyncGenerator[Transaction]:
        """Change things: committed at the end of the block, rolled back if an exception leaves it.

        Nobody else changes anything meanwhile, in this process or another: what was read stays
        true. A caller that is cancelled while the commit runs does not know whether it happened.

        Args:
            concurrent: others of this kind may go on meanwhile, on PostgreSQL. The block then sees
                what they have committed with each statement, and locks what must not change
                (`.with_for_update()`, `tx.lock`), before it decides.

        Raises:
            CommitInDoubt: nobody knows whether it happened.
            DatabaseBusy, DatabaseUnavailable: not now; nothing has happened.
        """
        async with self._backend.session(write=True, concurrent=concurrent) as session:
            tx = Transaction(session, self._clock)
            yield tx
            await tx.commit()

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Snapshot]:
        """Read things, all as they were at the first statement; writers are not held up.

        Raises:
            DatabaseBusy, DatabaseUnavailable: not now.
        """
        async with self._backend.session(write=False, concurrent=True) as session:
            yield Snapshot(session)

    async def ready(self) -> bool:
        """Return True, or say why the database cannot be used now.

        Raises:
            Unavailable: it is away, was replaced, cannot be written, or waits for a migration.
        """
        await self._backend.check()
        try:
            async with self.snapshot() as tx:
                row = (await tx.execute(_VERSION)).first()
        except DBAPIError as error:
            if not _is_missing(error):
                raise
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
        return SchemaBehind(f"the database has {found}: run `plait migrate {self._service}` first")


def _is_missing(error: DBAPIError) -> bool:
    """Whether a table is not there."""
    return "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "42P01"


def _backend(
    url: DatabaseUrl, name: str, *, busy_timeout: float, readers: int, writers: int
) -> Backend:
    """The one place that knows the kinds of database."""
    if url.system is System.SQLITE:
        return SqliteBackend(url, busy_timeout=busy_timeout, readers=readers)
    from plait.data.postgres import PostgresBackend  # noqa: PLC0415 - its driver, where it is used

    return PostgresBackend(
        url, name=name, busy_timeout=busy_timeout, readers=readers, writers=writers
    )
