"""From one schema to the next: revisions in a service's `migrations/`, run by Alembic.

A revision is a file with `revision`, `down_revision` and `upgrade()`, as Alembic has it; the chain
has no branches. Old and new releases run side by side while a new one is rolled out, so expand
first and contract a release later: add a column or a table (nullable, or with a default) in one
revision, fill it, and remove the old one only when no running release reads it. A database that is
ahead of this release is therefore not behind.

Alembic is imported when there is something to migrate, never at start-up.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from plait.data.sqlite_engine import sqlite_engine
from plait.data.url import DatabaseUrl, System, database_url
from plait.errors import Unavailable

LOCK_TIMEOUT = 60.0
"""Seconds that a migration waits for another one, or for a service that writes."""


class MigrationError(Exception):
    """The revisions of a folder make no chain, or one of them failed; the text says more."""


def head(directory: Path) -> str:
    """Return the newest revision in the folder.

    Raises:
        MigrationError: the folder has no revisions, or they branch or lead nowhere.
    """
    return chain(directory)[-1]


def current(url: str) -> str | None:
    """Return the revision of the database; None if there is no database or no schema yet. Blocks.

    Raises:
        DatabaseUrlError: the URL names no database that can be used here.
        MigrationError: what is there is no database; or, on PostgreSQL, there is none.
    """
    place = database_url(url)
    try:
        return _place_of(place).read(_current)
    except (DBAPIError, Unavailable) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise MigrationError(f"{place} cannot be read: {said}") from error


def behind(url: str, directory: Path) -> bool:
    """Return whether `migrate` would change the database. Blocks."""
    return needs(current(url), directory)


def needs(revision: str | None, directory: Path) -> bool:
    """Return whether a database of this revision lacks some of the folder's.

    One that the folder does not know was made by a newer release, and is not behind.
    """
    return lacks(revision, chain(directory))


def lacks(revision: str | None, revisions: Sequence[str]) -> bool:
    """Return the same for a chain that was read before."""
    return revision is None or (revision in revisions and revision != revisions[-1])


def migrate(url: str, directory: Path) -> list[str]:
    """Bring the database to the newest revision and return the revisions that this took. Blocks.

    Creates the database where there is none, but not on PostgreSQL, where its owner does. Whoever
    comes second waits and then has nothing to do. All revisions happen in one transaction, beside
    which nobody writes: if one fails, the schema stays what it was.

    Raises:
        DatabaseUrlError: the URL names no database that can be used here.
        MigrationError: a revision failed, or would leave a foreign key without its row.
    """
    place = database_url(url)
    if not needs(current(url), directory):
        return []

    def upgrade(connection: Connection) -> list[str]:
        steps = _steps(_current(connection), directory)
        if steps:
            _run(connection, directory)
        return steps

    try:
        return _place_of(place).change(upgrade)
    except Exception as error:  # a revision may raise anything
        raise MigrationError(f"{place} could not be migrated, and is as it was: {error}") from error


class _Place(Protocol):
    """A database that is to be migrated."""

    def read(self, work: Callable[[Connection], str | None]) -> str | None: ...

    def change(self, work: Callable[[Connection], list[str]]) -> list[str]: ...


def _place_of(url: DatabaseUrl) -> _Place:
    return _Sqlite(url) if url.system is System.SQLITE else _Postgres(url)


class _Sqlite:
    """A file: made where there is none, and changed by one at a time."""

    def __init__(self, url: DatabaseUrl) -> None:
        self._url = url

    def read(self, work: Callable[[Connection], str | None]) -> str | None:
        if not self._url.path.exists():
            return None
        with sqlite_engine(self._url, busy_timeout=LOCK_TIMEOUT).connect() as connection:
            return work(connection)

    def change(self, work: Callable[[Connection], list[str]]) -> list[str]:
        self._url.path.parent.mkdir(parents=True, exist_ok=True)
        engine = sqlite_engine(self._url, busy_timeout=LOCK_TIMEOUT, migrating=True)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            steps = work(connection)
            if steps:
                _check_foreign_keys(connection)
            connection.commit()
        return steps


class _Postgres:
    """A database on a server, which its owner has made."""

    def __init__(self, url: DatabaseUrl) -> None:
        self._url = url

    def read(self, work: Callable[[Connection], str | None]) -> str | None:
        from plait.data import postgres_migrations  # noqa: PLC0415 - its driver, where it is used

        return postgres_migrations.read(self._url, work)

    def change(self, work: Callable[[Connection], list[str]]) -> list[str]:
        from plait.data import postgres_migrations  # noqa: PLC0415 - as above

        return postgres_migrations.change(self._url, work, patience=LOCK_TIMEOUT)


def _steps(revision: str | None, directory: Path) -> list[str]:
    known = chain(directory)
    if revision is None:
        return known
    return known[known.index(revision) + 1 :] if revision in known else []


def _run(connection: Connection, directory: Path) -> None:
    from alembic.config import Config  # noqa: PLC0415 - a service at work never needs it
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext, MigrationStep  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory(str(directory), version_locations=[str(directory)])

    def steps(revision: tuple[str, ...], _: MigrationContext) -> list[MigrationStep]:
        waiting = script.iterate_revisions("heads", revision)
        return [
            MigrationStep.upgrade_from_script(script.revision_map, found)
            for found in reversed(list(waiting))
        ]

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise MigrationError(
            f"a row of {broken[0]} would be without the row of {broken[2]} that it refers to"
        )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def chain(directory: Path) -> list[str]:
    """Return the revisions from the first to the newest, read from the text of their files.

    Raises:
        MigrationError: the folder has no revisions, or they branch or lead nowhere.
    """
    files = sorted(path for path in directory.glob("*.py") if path.name != "__init__.py")
    parents = dict(_revision(path) for path in files)
    following: Mapping[str | None, str] = {down: name for name, down in parents.items()}
    found: list[str] = []
    while (step := following.get(found[-1] if found else None)) is not None:
        found.append(step)
    if not found or len(found) != len(files):
        raise MigrationError(
            f"expected the revisions in {directory} to be one chain, from down_revision = None to "
            f"the newest; found {len(files)} files and a chain of {len(found)}: {', '.join(found)}"
        )
    return found


def _revision(path: Path) -> tuple[str, str | None]:
    found: dict[str, object] = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            found |= dict.fromkeys(names, node.value.value)
    revision, down = found.get("revision"), found.get("down_revision")
    if not isinstance(revision, str) or not isinstance(down, str | None):
        raise MigrationError(
            f'expected `revision = "..."` and `down_revision = "..."` or None in {path}'
        )
    return revision, down
