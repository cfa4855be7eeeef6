"""A service's schema, from a pod's command line: migrate it, or wait until somebody has.

    python -m plait.data.schema migrate services/catalog/migrations
    python -m plait.data.schema wait services/catalog/migrations

The database is the one of DATABASE_URL. `wait` is what a pod does before its service starts: it
compares the schema with the newest revision in the folder, as the service's readiness does, and
needs no right but to read. Both end with 0 when the schema is there, and with 1 and a sentence
when it cannot be, or was not within ten minutes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from plait.clock import Clock, SystemClock
from plait.data.database import Database, SchemaBehind
from plait.data.migrations import MigrationError, head, migrate
from plait.data.url import DatabaseUrlError, System, database_url
from plait.errors import Error
from plait.settings import ServiceSettings, settings_from_environment

PATIENCE = 600.0
"""Seconds after which nobody waits any longer: who has started this starts it again, or looks."""

PAUSE = 1.0  # seconds between two looks

Pause = Callable[[float], Awaitable[None]]
Say = Callable[[str], None]
_ACTIONS = ("migrate", "wait")


class SchemaMissing(Exception):
    """The schema was not there in time; the text says what was there instead."""


async def wait(  # noqa: PLR0913 - time and voice come from outside
    url: str,
    directory: Path,
    *,
    migrated: bool = True,
    say: Say,
    clock: Clock,
    pause: Pause = asyncio.sleep,
) -> None:
    """Return once the database answers, and has the newest revision in the folder if `migrated`.

    Raises:
        SchemaMissing: it did not within `PATIENCE`.
        DatabaseUrlError, MigrationError: the URL or the folder cannot be used.
    """
    newest = head(directory)
    until, said = clock.monotonic() + PATIENCE, ""
    database = Database(url, migrations=directory)
    try:
        while why := await _lacks(database, migrated=migrated):
            if clock.monotonic() >= until:
                raise SchemaMissing(f"waited {PATIENCE:.0f} s for the revision {newest}: {why}")
            if why != said:
                said = why
                say(f"waiting for the revision {newest}: {why}")
            await pause(PAUSE)
    finally:
        await database.close()


async def _lacks(database: Database, *, migrated: bool) -> str:
    """Return why there is nothing to begin with; the empty string if there is."""
    try:
        await database.ready()
    except SchemaBehind as behind:
        return behind.message if migrated else ""
    except Error as error:
        return error.message
    return ""


async def bring_up(url: str, directory: Path, *, say: Say, clock: Clock) -> None:
    """Migrate the database; a server that does not answer yet is waited for.

    Raises:
        SchemaMissing: it did not answer within `PATIENCE`.
        DatabaseUrlError, MigrationError: see `plait.data.migrations.migrate`.
    """
    if database_url(url).system is System.POSTGRESQL:
        await wait(url, directory, migrated=False, say=say, clock=clock)
    steps = await asyncio.to_thread(migrate, url, directory)
    say(f"migrated: {', '.join(steps)}" if steps else f"it has the revision {head(directory)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what this module says.

    Raises:
        SystemExit: the end was not a good one; with a sentence.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 2 or given[0] not in _ACTIONS:
        raise SystemExit(f"expected {' or '.join(_ACTIONS)} and a folder of migrations")
    settings = settings_from_environment(ServiceSettings, [])
    act = wait if given[0] == "wait" else bring_up
    try:
        asyncio.run(act(settings.database_url, Path(given[1]), say=_say, clock=SystemClock()))
    except DatabaseUrlError as error:
        raise SystemExit(f"DATABASE_URL: {error}") from error
    except (MigrationError, SchemaMissing) as error:
        raise SystemExit(str(error)) from error


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
