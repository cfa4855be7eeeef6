"""Database URLs as people write them, checked and made one form before anything is opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_EXPECTED = "sqlite:///catalog.db, sqlite:////var/lib/catalog.db or postgresql://user@host/catalog"


class DatabaseUrlError(ValueError):
    """A database URL that cannot be used; the text says why and never shows the password."""


class System(Enum):
    """The kinds of database, by their names in OpenTelemetry's conventions (db.system.name)."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


_DRIVERS = {
    "sqlite": System.SQLITE,
    "sqlite+aiosqlite": System.SQLITE,
    "sqlite+pysqlite": System.SQLITE,
    "postgres": System.POSTGRESQL,
    "postgresql": System.POSTGRESQL,
    "postgresql+asyncpg": System.POSTGRESQL,
}

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OPTIONS: Mapping[str, tuple[str, ...]] = {  # of libpq, with their values where they are few
    "host": (),  # a folder: its socket
    "sslmode": _SSL_MODES,
    "sslrootcert": (),
    "sslcert": (),
    "sslkey": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """Where a database is: `url` for PostgreSQL, `path` for SQLite's file."""

    system: System
    url: URL

    @property
    def dsn(self) -> str:
        """The address of a PostgreSQL database as its own tools write it, with the password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def path(self) -> Path:
        """The file of an SQLite database, absolute."""
        return Path(self.url.database or "").absolute()

    @property
    def name(self) -> str:
        """What to call the database in traces: its file's stem, or its name on the server."""
        return self.path.stem if self.system is System.SQLITE else self.url.database or ""

    def __str__(self) -> str:
        return self.url.set(drivername=self.system.value).render_as_string(hide_password=True)


def database_url(text: str) -> DatabaseUrl:
    """Read a URL of SQLAlchemy's form, with or without the name of an asynchronous driver.

    Raises:
        DatabaseUrlError: it is no URL, names another kind of database, or SQLite in memory, or has
            an option that is not known here.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise DatabaseUrlError(f"expected a database URL like {_EXPECTED}; found no URL") from error
    system = _DRIVERS.get(url.drivername)
    if system is None:
        raise DatabaseUrlError(
            f"expected a database URL like {_EXPECTED}; found the driver {url.drivername!r}"
        )
    if system is System.SQLITE:
        return DatabaseUrl(system=system, url=_sqlite(url))
    return DatabaseUrl(system=system, url=_postgresql(url))


def _postgresql(url: URL) -> URL:
    if not url.database:
        raise DatabaseUrlError(
            f"expected a database URL like {_EXPECTED}; found no database's name"
        )
    for name, value in url.query.items():
        allowed = _OPTIONS.get(name)
        if allowed is None:
            raise DatabaseUrlError(
                f"expected in a PostgreSQL URL the options {', '.join(_OPTIONS)} at most; found "
                f"{name!r}"
            )
        if not isinstance(value, str):
            raise DatabaseUrlError(f"expected the option {name} once; found it {len(value)} times")
        if allowed and value not in allowed:
            raise DatabaseUrlError(
                f"expected for the option {name} one of {', '.join(allowed)}; found {value!r}"
            )
    return url.set(drivername="postgresql+asyncpg")


def _sqlite(url: URL) -> URL:
    if url.host:
        raise DatabaseUrlError(
            "expected sqlite:///file.db or sqlite:////folder/file.db; found the host "
            f"{url.host!r}: a slash is missing"
        )
    if not url.database or ":memory:" in url.database or url.query.get("mode") == "memory":
        raise DatabaseUrlError(
            "expected an SQLite database in a file, for example sqlite:///catalog.db; found one in "
            "memory, which each connection would have for itself and a restart would lose"
        )
    if url.query or url.database.startswith("file:"):
        raise DatabaseUrlError(
            "expected an SQLite URL without options, for example sqlite:///catalog.db; plait opens "
            "every database in the same way"
        )
    return url.set(drivername="sqlite")
