"""How a migration gets a PostgreSQL database for itself, and what it expects of it."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, text

from plait.data.backend import DatabaseUnavailable
from plait.data.blocking import wait_for
from plait.data.postgres_engine import (
    FAILURES,
    WRITERS_LOCK,
    Limits,
    milliseconds,
    postgres_engine,
    translated,
)
from plait.data.url import DatabaseUrl

T = TypeVar("T")

OLDEST = 15
"""The oldest PostgreSQL that plait knows."""

TABLE_LOCK_TIMEOUT = 5.0
"""Seconds that a change of a table waits for those who read it; whoever comes later waits too."""

_EXPECTED = text(
    "SELECT current_setting('server_version_num')::int / 10000 AS version,"
    " current_setting('server_encoding') AS encoding,"
    " 'B' < 'a' AS sorts, lower('Ä') = 'ä' AS lowers"
)


class Unsuitable(Exception):
    """The database is not as plait needs it; the text says how to make one."""


def read(url: DatabaseUrl, work: Callable[[Connection], T]) -> T:
    """Run the work in a transaction and return what it returns. Blocks.

    Raises:
        DatabaseUnavailable: the database is away, or lets nobody in.
    """
    return _run(url, work)


def change(url: DatabaseUrl, work: Callable[[Connection], T], *, patience: float) -> T:
    """Run the work in a transaction beside which nobody writes; it is kept whole or not at all.

    Args:
        url: where the database is.
        work: gets a connection, whose statements may take as long as they want. Blocks.
        patience: seconds to wait for others: migrations, and transactions that write.

    Raises:
        DatabaseUnavailable: the database is away, or lets nobody in.
        Unsuitable: it is too old, or does not sort or spell as SQLite does.
    """

    def alone(connection: Connection) -> T:
        _check(connection, url)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds(patience)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds(TABLE_LOCK_TIMEOUT)}")
        return work(connection)

    return _run(url, alone)


def _run(url: DatabaseUrl, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        engine = postgres_engine(
            url, name=f"{url.name} migration", size=1, limits=Limits(), isolation="READ COMMITTED"
        )
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    try:
        return wait_for(run)
    except FAILURES as error:
        meant = translated(error, database=url.name, reading=False)
        if isinstance(meant, DatabaseUnavailable):
            raise meant from error
        raise


def _check(connection: Connection, url: DatabaseUrl) -> None:
    found = connection.execute(_EXPECTED).one()
    if found.version < OLDEST:
        raise Unsuitable(f"expected PostgreSQL {OLDEST} or later, found {found.version}")
    if found.encoding != "UTF8" or not found.sorts or not found.lowers:
        raise Unsuitable(
            "expected a database that keeps UTF-8, sorts by code point and knows the lower case of "
            "every alphabet, as SQLite does; found another. Make one: "
            f"CREATE DATABASE \"{url.name}\" TEMPLATE template0 ENCODING 'UTF8' "
            "LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        )
