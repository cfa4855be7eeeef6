"""Brings one service's database to its newest revision, in a process that ends with it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from plait.data.migrations import MigrationError, current, migrate
from plait.data.url import DatabaseUrlError


def bring_up(url: str, directory: Path, unseeded: Path | None = None) -> list[str]:
    """Migrate and return the revisions that this took.

    Where there was no database, the file `unseeded` is made first: it says that the seed is due,
    whatever happens next.

    Raises:
        SystemExit: the URL or the revisions cannot be used; with a sentence.
    """
    try:
        if unseeded is not None and current(url) is None:
            unseeded.touch()
        return migrate(url, directory)
    except (DatabaseUrlError, MigrationError) as error:
        raise SystemExit(f"cannot migrate: {error}") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate DATABASE_URL by the revisions of a folder: `DIRECTORY [UNSEEDED]`."""
    directory, *unseeded = sys.argv[1:] if arguments is None else arguments
    steps = bring_up(
        os.environ["DATABASE_URL"], Path(directory), Path(unseeded[0]) if unseeded else None
    )
    if steps:
        sys.stderr.write(f"migrated to {steps[-1]} ({len(steps)} revisions)\n")
