"""SQLite, the embedded database: one file, one writer at a time, readers beside it (WAL).

Each connection lives in a thread of its own, which a statement crosses to once: by SQLAlchemy's
asynchronous driver it takes five crossings, and a one-row SELECT in a transaction several times the
CPU (docs/decisions/0006 and bench/results/database.md say how many).
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Executable, Row, event
from sqlalchemy.exc import DBAPIError

from plait.data.backend import (
    DatabaseUnavailable,
    Parameters,
    Rows,
    closed,
    ended,
    unstorable,
)
from plait.data.sqlite_engine import sqlite_engine, translated
from plait.data.tracing import trace_engine
from plait.data.turns import Turns
from plait.data.url import DatabaseUrl
from plait.data.worker import Worker

T = TypeVar("T")


class SqliteBackend:
    """One SQLite file (`plait.data.backend.Backend`), used by one process.

    Args:
        url: where the file is; `plait.data.migrations.migrate` makes it.
        busy_timeout: seconds that a transaction waits for its turn before it is refused.
        readers: how many transactions may read at the same time.
    """

    def __init__(self, url: DatabaseUrl, *, busy_timeout: float, readers: int) -> None:
        self._url = url
        self._engine = sqlite_engine(url, busy_timeout=busy_timeout)
        trace_engine(self._engine, url.system.value, url.name)
        event.listen(self._engine, "before_cursor_execute", _check_texts)
        self._identity: tuple[int, int] | None = None
        self._writers = _Line(lambda: _Connection(self._open, reads=False), 1, busy_timeout)
        self._readers = _Line(lambda: _Connection(self._open, reads=True), readers, busy_timeout)

    @asynccontextmanager
    async def session(
        self,
        *,
        write: bool,
        concurrent: bool,  # noqa: ARG002 - one writes at a time, whatever they would allow
    ) -> AsyncGenerator["SqliteSession"]:
        """Open a transaction: one that writes waits for the one before it, others do not wait.

        Raises:
            DatabaseBusy: the turn did not come within the busy timeout.
            DatabaseUnavailable: the database was closed.
        """
        line = self._writers if write else self._readers
        connection = await line.take()
        session = SqliteSession(connection, "BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            yield session
        finally:
            session.leave()
            line.give_back(connection)

    async def check(self) -> None:
        """Raise DatabaseUnavailable if the file is gone, was replaced, or cannot be written."""
        path = self._url.path
        try:
            identity = _identity(os.stat(path))  # noqa: PTH116 - one call, no object
        except OSError as error:
            raise DatabaseUnavailable(
                f"the database {path} cannot be found: put it back, or migrate to make a new one"
            ) from error
        if self._identity not in (None, identity):
            raise DatabaseUnavailable(
                f"the database {path} was replaced while in use: restart this process"
            )
        for needed in (path, path.parent):
            if not os.access(needed, os.W_OK):
                raise DatabaseUnavailable(
                    f"the database {path} cannot be written: {needed} is read-only for this user"
                )

    async def close(self) -> None:
        """Roll back what is open, close every connection and end its thread."""
        for line in (self._writers, self._readers):
            await line.close()

    def _open(self) -> Connection:
        connection = self._engine.connect()
        self._identity = self._identity or _identity(self._url.path.stat())
        return connection


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _check_texts(*given: Any) -> None:
    """Refuse what PostgreSQL cannot keep: a store is written once for both."""
    parameters, many = given[3], given[5]
    for values in parameters if many else (parameters,):
        if any(isinstance(value, str) and "\0" in value for value in values):
            raise unstorable()


class _Line:
    """Those who wait for a connection of one kind, first come first served."""

    def __init__(self, connect: Callable[[], "_Connection"], size: int, timeout: float) -> None:
        self._connect = connect
        self._turns = Turns(size, timeout)
        self._free: list[_Connection] = []
        self._all: list[_Connection] = []

    async def take(self) -> "_Connection":
        await self._turns.take()
        if not self._free:
            self._free.append(self._connect())
            self._all.append(self._free[-1])
        return self._free.pop()  # the last one used: its cache is warm

    def give_back(self, connection: "_Connection") -> None:
        self._free.append(connection)
        self._turns.give_back()

    async def close(self) -> None:
        self._turns.close()
        while self._all:
            await self._all.pop().close()


class _Connection:
    """A connection of SQLAlchemy and the thread that it lives in; opened by its first use."""

    def __init__(self, connect: Callable[[], Connection], *, reads: bool) -> None:
        self._connect = connect
        self._reads = reads
        self._connection: Connection | None = None
        self._driver: sqlite3.Connection | None = None
        self._worker = Worker("sqlite")
        self._closed = False

    async def run(self, function: Callable[[Connection], T], *, whole: bool = False) -> T:
        """Run the function in the thread; cancelled, it is interrupted unless it must be whole."""
        if self._closed:
            raise closed()
        future = self._worker.run(lambda: function(self._opened()))
        try:
            return await future
        except asyncio.CancelledError:
            if self._driver is not None and not whole:
                self._driver.interrupt()
            raise
        except (DBAPIError, sqlite3.Error) as error:
            raise translated(error, reading=self._reads) from error

    def post(self, function: Callable[[Connection], None]) -> None:
        """Run the function in the thread if the connection is open; nobody waits for it."""

        def in_thread() -> None:
            if self._connection is not None:
                function(self._connection)

        if not self._closed:
            self._worker.post(in_thread)

    def drop(self) -> None:
        """Forget the connection, in its thread; the next use opens another."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        self._closed = True
        self._worker.post(self.drop)
        await self._worker.stop()

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._driver = driver_of(self._connection)
            self._driver.execute(f"PRAGMA query_only = {int(self._reads)}")
        return self._connection


class SqliteSession:
    """One transaction (`plait.data.backend.Session`); it begins with its first statement."""

    def __init__(self, connection: _Connection, begin: str) -> None:
        self._connection = connection
        self._begin = begin
        self._begun = False
        self._over = False
        self._committed = False

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run the statement in one crossing to the thread, with BEGIN if it is the first one."""

        def in_thread(connection: Connection) -> Rows:
            result = self._result(connection, statement, parameters)
            rows = cast("list[Row[Any]]", result.all()) if result.returns_rows else []
            return Rows(rows=rows, count=result.rowcount)

        return await self._run(in_thread)

    async def stream(self, statement: Executable, size: int) -> AsyncGenerator[Row[Any]]:
        """Yield the rows as SQLite finds them, `size` in a crossing."""
        result = await self._run(lambda c: self._result(c, statement, None))
        try:
            while batch := await self._run(lambda _: result.fetchmany(size)):
                for row in batch:
                    yield row
        finally:
            self._connection.post(lambda _: result.close())

    async def lock(self, key: str) -> None:
        """Do nothing: nobody else writes before this transaction has ended."""

    async def commit(self) -> None:
        """Commit; the caller who is cancelled meanwhile does not know whether it happened."""
        if self._over:
            raise ended()
        if self._begun:
            await self._connection.run(Connection.commit, whole=True)
        self._committed = True

    def leave(self) -> None:
        """Roll back what was not committed. Nobody needs to wait: the thread keeps the order."""
        if not self._committed:
            self._connection.post(self._roll_back)

    async def _run(self, function: Callable[[Connection], T]) -> T:
        if self._over:
            raise ended()
        try:
            return await self._connection.run(function)
        except BaseException:
            self._over = True
            raise

    def _result(
        self, connection: Connection, statement: Executable, parameters: Parameters
    ) -> CursorResult[Any]:
        if not self._begun:
            driver_of(connection).execute(self._begin)
            self._begun = True
        return connection.execute(statement, parameters)

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
            if not connection.invalidated:
                driver_of(connection).rollback()
                return
        except (DBAPIError, sqlite3.Error):
            pass  # as below
        self._connection.drop()  # a connection in doubt is worth nothing


def driver_of(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)
