"""PostgreSQL, the database of a service that has replicas.

A transaction that writes runs at READ COMMITTED under a lock of the whole database, so that a store
written for SQLite, where writers come one after another, means the same here. Those that are
`concurrent` share that lock: they run beside each other, never beside one that is not, and lock
themselves what must not change under them. docs/decisions/0008-postgresql.md says why.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any

from sqlalchemy import Executable, Insert, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plait.data.backend import (
    RETRY_AFTER,
    CommitInDoubt,
    DatabaseUnavailable,
    Parameters,
    Rows,
    closed,
    ended,
)
from plait.data.postgres_engine import (
    FAILURES,
    WRITERS_LOCK,
    Limits,
    SchemaChanged,
    is_lost,
    milliseconds,
    postgres_engine,
    translated,
)
from plait.data.tracing import trace_engine
from plait.data.turns import Turns
from plait.data.url import DatabaseUrl

STATEMENT_TIMEOUT = 60.0
"""Seconds after which the server ends a statement: longer than any call waits for one."""

IDLE_TIMEOUT = 30.0
"""Seconds without a statement after which the server ends a transaction that writes."""

SNAPSHOT_IDLE_TIMEOUT = 600.0
"""Seconds that a snapshot may wait for whoever reads its stream."""

_LEAVE_TIMEOUT = 5.0  # seconds that the server gets to roll back, before the connection is cut

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_ALONE = f"{_BEGIN}; SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
_TOGETHER = f"{_BEGIN}; SELECT pg_advisory_xact_lock_shared({WRITERS_LOCK})"
_READ = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    f" SET LOCAL idle_in_transaction_session_timeout = {milliseconds(SNAPSHOT_IDLE_TIMEOUT)}"
)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_STATE = text(
    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'"
    " AS refuses"
)


class PostgresBackend:
    """One database of a PostgreSQL server (`plait.data.backend.Backend`).

    Connections are made when they are needed and kept, at most `readers + writers + 1`.

    Args:
        url: where the database is; `plait.data.migrations.migrate` fills it.
        name: the service's, which the server shows beside its connections.
        busy_timeout: seconds that a transaction waits for its turn, and then for each lock.
        readers: how many transactions of this process may read at the same time.
        writers: how many of its concurrent transactions may write at the same time.
    """

    def __init__(
        self, url: DatabaseUrl, *, name: str, busy_timeout: float, readers: int, writers: int
    ) -> None:
        self._name = url.name
        self._engine = postgres_engine(
            url,
            name=name,
            size=readers + writers + 1,
            limits=Limits(lock=busy_timeout, statement=STATEMENT_TIMEOUT, idle=IDLE_TIMEOUT),
            isolation="AUTOCOMMIT",
        )
        trace_engine(self._engine, url.system.value, url.name)
        self._readers = Turns(readers, busy_timeout)
        self._alone = Turns(1, busy_timeout)  # who waits here needs no connection for it
        self._together = Turns(writers, busy_timeout)
        self._open: set[PostgresSession] = set()
        self._leaving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def session(self, *, write: bool, concurrent: bool) -> AsyncGenerator["PostgresSession"]:
        """Open a transaction; it takes its connection, and its place, with the first statement.

        Raises:
            DatabaseBusy: the turn did not come within the busy timeout.
            DatabaseUnavailable: the database was closed.
        """
        turns, begin = self._readers, _READ
        if write:
            turns, begin = (self._together, _TOGETHER) if concurrent else (self._alone, _ALONE)
        await turns.take()
        session = PostgresSession(self._engine, begin, database=self._name, reads=not write)
        self._open.add(session)
        try:
            yield session
        finally:
            self._leave(session, turns)

    async def check(self) -> None:
        """Raise DatabaseUnavailable if the server is away, or is one that nobody can write to."""
        async with self.session(write=False, concurrent=False) as session:
            row = (await session.execute(_STATE)).first()
        if row is None or row.refuses:
            raise DatabaseUnavailable(f"the database {self._name} is read-only: find its primary")

    async def close(self) -> None:
        """Roll back what is open and close every connection."""
        for turns in (self._readers, self._alone, self._together):
            turns.close()
        for session in list(self._open):
            await session.close()
        await asyncio.gather(*self._leaving)
        await self._engine.dispose()

    def _leave(self, session: "PostgresSession", turns: Turns) -> None:
        """Give the turn back once the connection is; nobody waits for it, cancelled or not."""

        async def leave() -> None:
            try:
                await session.leave()
            finally:
                turns.give_back()

        self._open.discard(session)
        if not session.holds:
            turns.give_back()
            return
        task = asyncio.create_task(leave(), name="leave a transaction")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


class PostgresSession:
    """One transaction (`plait.data.backend.Session`); it begins with its first statement."""

    def __init__(self, engine: AsyncEngine, begin: str, *, database: str, reads: bool) -> None:
        self._engine = engine
        self._begin = begin
        self._database = database
        self._reads = reads
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        self._committing: asyncio.Task[None] | None = None
        self._begun = False
        self._over = False
        self._closed = False

    @property
    def holds(self) -> bool:
        """Whether there is a connection to give back."""
        return self._connection is not None

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run the statement, for many parameters once for each: only so they are all counted.

        An INSERT that adds a row or fails needs no counting, and is sent as one batch.
        """
        if parameters is None or isinstance(parameters, Mapping):
            return await self._run(statement, parameters)
        if type(statement) is Insert and statement.select is None:
            done = await self._run(statement, parameters)
            return Rows(rows=done.rows, count=len(parameters))
        each = [await self._run(statement, values) for values in parameters]
        return Rows(
            rows=[row for done in each for row in done.rows], count=sum(done.count for done in each)
        )

    async def stream(self, statement: Executable, size: int) -> AsyncGenerator[Row[Any]]:
        """Yield the rows of a cursor on the server, `size` in a round trip."""
        async with self._working() as connection:
            result = await connection.stream(statement, execution_options={"yield_per": size})
        try:
            while True:
                async with self._working():
                    batch = await result.fetchmany(size)
                if not batch:
                    break
                for row in batch:
                    yield row
        finally:
            await result.close()

    async def lock(self, key: str) -> None:
        """Wait for the key, among all processes that use the database."""
        number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
        await self._run(_LOCK, {"key": number})

    async def commit(self) -> None:
        """Commit; the caller who is cancelled meanwhile does not know whether it happened."""
        self._check()
        if self._begun:
            self._over = True
            self._committing = asyncio.create_task(self._commit(), name="commit")
            await asyncio.shield(self._committing)

    async def leave(self) -> None:
        """Roll back what was not committed and give the connection back, whatever its state."""
        if self._committing is not None:
            await asyncio.wait({self._committing}, timeout=_LEAVE_TIMEOUT)
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(_LEAVE_TIMEOUT):
                await self._driver.execute("ROLLBACK")
        except FAILURES:
            self._driver.terminate()  # the pool makes another in its place
        await connection.close()

    async def close(self) -> None:
        """Roll back what is open; what follows is refused, because the process stops."""
        self._closed = True
        await self.leave()

    async def _run(self, statement: Executable, parameters: Parameters) -> Rows:
        fresh = not self._begun
        try:
            return await self._once(statement, parameters)
        except SchemaChanged:  # known to this connection now, and in its transaction nothing yet
            if not fresh:
                raise
            self._over = False
            async with self._working():
                await self._driver.execute(f"ROLLBACK; {self._begin}")
            return await self._once(statement, parameters)

    async def _once(self, statement: Executable, parameters: Parameters) -> Rows:
        async with self._working() as connection:
            result = await connection.execute(statement, parameters)
            rows: Sequence[Row[Any]] = result.all() if result.returns_rows else ()
            return Rows(rows=rows, count=result.rowcount)

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[AsyncConnection]:
        """Give the connection to a statement; if that does not end well, the transaction is over.

        PostgreSQL refuses whatever follows an error, and makes a rollback of its commit.
        """
        self._check()
        self._over = True
        try:
            if not self._begun:
                await self._start()
            assert self._connection is not None
            yield self._connection
        except FAILURES as error:
            raise self._translated(error) from error
        self._over = False

    async def _start(self) -> None:
        await self._connect()
        try:
            await self._driver.execute(self._begin)
        except FAILURES as error:
            if not is_lost(error):
                raise
            await self.leave()  # the server had closed it before: nothing has happened
            await self._connect()
            await self._driver.execute(self._begin)
        self._begun = True

    async def _connect(self) -> None:
        self._connection = await self._engine.connect()
        self._driver = (await self._connection.get_raw_connection()).driver_connection

    async def _commit(self) -> None:
        try:
            await self._driver.execute("COMMIT")
        except FAILURES as error:
            if is_lost(error):
                raise CommitInDoubt(
                    f"the connection to the database {self._database} was lost while the commit "
                    "ran: repeat the request with the same request_id",
                    retry_after=RETRY_AFTER,
                ) from error
            raise self._translated(error) from error
        connection, self._connection = self._connection, None
        assert connection is not None
        await connection.close()

    def _check(self) -> None:
        if self._closed:
            raise closed()
        if self._over:
            raise ended()

    def _translated(self, error: Exception) -> Exception:
        return translated(error, database=self._database, reading=self._reads)
