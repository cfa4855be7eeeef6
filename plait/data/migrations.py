"""From one schema to the next: revisions in a service's `migrations/`, run by Alembic.

A revision is a file with `revision`, `down_revision` and `upgrade()`, as Alembic has it; the chain
has no branches. Old and new releases run side by side while a new one is rolled out, so expand
first and contract a release later: add a column or a table (nullable, or with a default) in one
revision, fill it, and remove the old one only when no running release reads it. A database that is
ahead of this release is therefore not behind.

Alembic is imported when there is something to migrate, never at start-up.
"""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from plait.data.sqlite_engine import sqlite_engine
from plait.data.url import DatabaseUrl, DatabaseUrlError, System, database_url

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
        MigrationError: what is there is no database.
    """
    place = _sqlite(url)
    if not place.path.exists():
        return None
    try:
        with sqlite_engine(place, busy_timeout=LOCK_TIMEOUT).connect() as connection:
            return _current(connection)
    except DBAPIError as error:
        raise MigrationError(f"{place} cannot be read: {error.orig}") from error


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

    Creates the database where there is none. Whoever comes second waits and then has nothing to do.
    All revisions happen in one transaction: if one fails, the schema stays what it was.

    Raises:
        DatabaseUrlError: the URL names no database that can be used here.
        MigrationError: a revision failed, or would leave a foreign key without its row.
    """
    place = _sqlite(url)
    if not needs(current(url), directory):
        return []
    place.path.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlite_engine(place, busy_timeout=LOCK_TIMEOUT, migrating=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            steps = _steps(_current(connection), directory)
            if steps:
                _run(connection, directory)
                _check_foreign_keys(connection)
            connection.commit()
    except Exception as error:  # a revision may raise anything
        raise MigrationError(f"{place} could not be migrated, and is as it was: {error}") from error
    return steps


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


def _sqlite(url: str) -> DatabaseUrl:
    place = database_url(url)
    if place.system is not System.SQLITE:
        raise DatabaseUrlError(f"this version of plait cannot migrate {place} yet; use SQLite")
    return place


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
