"""How plait opens an SQLite file, and what SQLite's errors mean.

`synchronous` is FULL: a commit that was answered survives the loss of power, not only the death of
the process. It costs one fsync a transaction (measured: 0.31 ms against 0.02 ms), which the promise
"nothing acknowledged is lost" is worth (docs/decisions/0007).
"""

import sqlite3
import time
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from plait.data.backend import (
    RETRY_AFTER,
    Conflict,
    DatabaseCorrupt,
    DatabaseUnavailable,
    busy,
)
from plait.data.url import DatabaseUrl

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_AWAY = {
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PAUSE = 0.01


def sqlite_engine(url: DatabaseUrl, *, busy_timeout: float, migrating: bool = False) -> Engine:
    """Return an engine whose connections are set up as plait needs them.

    Transactions are begun by the caller (`BEGIN IMMEDIATE`), never by the driver.

    Args:
        url: where the file is. It is created only when migrating.
        busy_timeout: seconds to wait for another process that holds the lock.
        migrating: the schema is about to change: foreign keys are not enforced, because SQLite
            changes a table by replacing it.
    """
    mode = "rwc" if migrating else "rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(url.path))}?mode={mode}",
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _use_write_ahead_log(connection, busy_timeout)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA foreign_keys = {'OFF' if migrating else 'ON'}")
            # SQLite's own lower() knows ASCII only; PostgreSQL's knows every alphabet.
            connection.create_function("lower", 1, _lower, deterministic=True)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _use_write_ahead_log(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL, for `patience` seconds in spite of others: SQLite does not wait here."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def translated(error: DBAPIError | sqlite3.Error, *, reading: bool) -> Exception:
    """Return what a driver's error means to a caller; a mistake of ours stays what it is."""
    found = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(found, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Conflict(_constraint(str(found)))
    if code in _BUSY:
        return busy()
    if code in _AWAY and not (reading and code == sqlite3.SQLITE_READONLY):
        return DatabaseUnavailable(
            "the database cannot be used now: try again", retry_after=RETRY_AFTER
        )
    if code in _CORRUPT:
        return DatabaseCorrupt("the database is damaged")
    return error


def _constraint(message: str) -> str:
    """Read `UNIQUE constraint failed: users.first, users.last` as `users_first_last`."""
    _, _, named = message.partition("constraint failed: ")
    columns = [name.strip().partition(".") for name in named.split(",")]
    return "_".join([columns[0][0], *(column for _, _, column in columns if column)])
