"""How plait opens a PostgreSQL database, and what PostgreSQL's errors mean.

PostgreSQL 15 or later. Connections go to the server itself or to a pooler in session mode: locks,
settings and prepared statements live as long as their connection or transaction does.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from plait.data.backend import (
    RETRY_AFTER,
    Conflict,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseUnavailable,
    busy,
    ended,
    unstorable,
)
from plait.data.url import DatabaseUrl

WRITERS_LOCK = "1886151017, 1"  # "plai"; in decimal, for hexadecimal is new in PostgreSQL 16
"""The advisory lock of all that write, as PostgreSQL's functions take it."""

CONNECT_TIMEOUT = 5.0
"""Seconds until a server that does not answer a new connection counts as away."""

_LATE = 5.0
_ASYNCPG: Any = asyncpg  # it says nothing of its types

FAILURES: tuple[type[Exception], ...] = (
    *(DBAPIError, OSError),
    *(_ASYNCPG.PostgresError, _ASYNCPG.InterfaceError),
)
"""What a database that is away, or a statement that fails, raises here."""


def _damaged() -> DatabaseCorrupt:
    return DatabaseCorrupt("the database is damaged")


# PostgreSQL's codes (its manual, appendix A), alone or by their class, the first two characters.
_MEANINGS: Mapping[str, Callable[[], Exception]] = {
    "22021": unstorable,
    "25P02": ended,
    "40001": busy,
    "40P01": busy,
    "55P03": busy,
    "57014": busy,
    "XX001": _damaged,
    "XX002": _damaged,
}
_READ_ONLY = "25006"
_UNAVAILABLE: Mapping[str, str] = {
    "08": "the connection to its server was lost",
    "25P03": "its server has ended a transaction that was left open",
    _READ_ONLY: "it is read-only",
    "28": "its server refuses the user or the password",
    "3D000": "its server has no database of this name",
    "42501": "its user may not do this",
    "53": "its server has run out of resources",
    "53100": "the disk of its server is full",
    "53300": "its server has no connection left",
    "57": "its server stops or starts",
    "58": "its server cannot use its files",
}
_AWAY = "its server cannot be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things may take, in seconds; None: as long as they want.

    Attributes:
        lock: the wait of a statement for each lock.
        statement: a statement, which the server then ends. A server that does not even do that
            within some seconds more counts as away.
        idle: a transaction without a statement.
    """

    lock: float | None = None
    statement: float | None = None
    idle: float | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The server's settings of these limits."""
        return {
            "lock_timeout": milliseconds(self.lock),
            "statement_timeout": milliseconds(self.statement),
            "idle_in_transaction_session_timeout": milliseconds(self.idle),
        }

    @property
    def answer(self) -> float | None:
        """Seconds that the driver waits for an answer."""
        return None if self.statement is None else self.statement + _LATE


class SchemaChanged(DatabaseBusy):
    """A migration has changed what a statement answers since it was prepared."""


def postgres_engine(
    url: DatabaseUrl, *, name: str, size: int, limits: Limits, isolation: str
) -> AsyncEngine:
    """Return an engine whose connections are set up as plait needs them.

    Args:
        url: where the database is.
        name: what the server calls the connections (`application_name`).
        size: how many connections there may be.
        limits: how long things may take.
        isolation: SQLAlchemy's name of the isolation; AUTOCOMMIT leaves it to the caller.
    """
    settings = {
        "application_name": name,
        "jit": "off",  # it compiles for longer than such statements run
        **limits.settings,
    }

    async def connect() -> Any:
        return await _ASYNCPG.connect(
            url.dsn,
            timeout=CONNECT_TIMEOUT,
            command_timeout=limits.answer,
            server_settings=settings,
        )

    engine = create_async_engine(
        url.url,
        async_creator=connect,
        isolation_level=isolation,
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_use_lifo=True,
    )
    event.listen(engine.sync_engine, "handle_error", _survive_cancellation)
    event.listen(engine.sync_engine.pool, "checkout", _refuse_closed)
    return engine


def milliseconds(seconds: float | None) -> str:
    """Return a duration as PostgreSQL's settings have it, in which 0 is for ever: None."""
    return "0" if seconds is None else str(max(1, round(seconds * 1000)))


def translated(error: Exception, *, database: str, reading: bool) -> Exception:
    """Return what a failure means to a caller; a mistake of ours stays what it is.

    Args:
        error: one of `FAILURES`.
        database: the name that the caller is told.
        reading: whether the transaction could not write anyhow.
    """
    found = cause_of(error)
    code = str(getattr(found, "sqlstate", None) or "")
    if code.startswith("23"):
        return Conflict(_constraint(code, found))
    if isinstance(found, _ASYNCPG.InvalidCachedStatementError):
        return SchemaChanged("the schema was changed meanwhile: try again", retry_after=RETRY_AFTER)
    if meaning := _MEANINGS.get(code):
        return meaning()
    why = _why_unavailable(code, found)
    if not why or (reading and code == _READ_ONLY):
        return error
    return DatabaseUnavailable(
        f"the database {database} cannot be used now, {why}: try again", retry_after=RETRY_AFTER
    )


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's own error, which SQLAlchemy wraps twice."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and with it the answer to what was sent."""
    found = cause_of(error)
    code = str(getattr(found, "sqlstate", None) or "")
    return isinstance(found, OSError) or _is_closed(found) or code[:2] == "08" or code[:3] == "57P"


def _why_unavailable(code: str, found: BaseException) -> str:
    if isinstance(found, OSError):
        return _AWAY
    if _is_closed(found):
        return _UNAVAILABLE["08"]
    return _UNAVAILABLE.get(code) or _UNAVAILABLE.get(code[:2], "")


def _is_closed(found: BaseException) -> bool:
    """Whether the driver refuses to use the connection; a value that it refuses is a ValueError."""
    return isinstance(found, _ASYNCPG.InterfaceError) and not isinstance(found, ValueError)


def _constraint(code: str, found: Any) -> str:
    """Name a constraint as `Conflict` has it: of a column that must not be null by the column."""
    if code == "23502":
        return f"{found.table_name}_{found.column_name}"
    return "" if code == "23503" else str(found.constraint_name or "")


def _survive_cancellation(context: ExceptionContext) -> None:
    """Keep the connection of a statement that was cancelled: the driver has told the server."""
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _refuse_closed(connection: Any, *_: Any) -> None:
    """Have the pool open another connection in place of one that the server has closed."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
