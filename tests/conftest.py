"""What every test may rely on."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plait.data.url import database_url
from plait.local.mistake import Mistake
from plait.local.postgres import binaries
from plait.telemetry.logs import QUIET
from tests.databases import PostgresServer, Shelf

KINDS = ["sqlite", "postgresql"]


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """A test that starts a process' logging, or a server that does, leaves no trace of it."""
    root = logging.getLogger()
    level = root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started by the first test that wants one; skips where there is none."""
    try:
        binaries()
    except Mistake as missing:
        pytest.skip(str(missing))
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shelf_of_databases(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that `new_database` makes: whoever asks for it runs once for each.

    A file of tests for one kind alone has a fixture of this name which returns that kind.
    """
    return request.param


@pytest.fixture
def new_database(
    database_kind: str, shelf_of_databases: Shelf, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[Path | None], str]]:
    """Make databases for a test, which runs once for each kind that a service can use.

    `new_database(folder_of_migrations)` returns the URL of a new database: empty, migrated by the
    folder's revisions, the test's own, and gone after it. Each further call makes one more. What
    was migrated once is copied: on PostgreSQL that takes 20 ms. `new_database(None)` returns the
    URL of one that nobody has migrated: on SQLite its file is not there. The fixture of a store is

        @pytest.fixture
        async def database(new_database):
            database = Database(new_database(MIGRATIONS), migrations=MIGRATIONS)
            yield database
            await database.close()

    Tests against PostgreSQL are skipped, with the reason, where the wheel is not installed.
    """
    if database_kind == "sqlite":
        yield lambda migrations: shelf_of_databases.sqlite(migrations, tmp_path)
        return
    server = request.getfixturevalue("postgres")
    made: list[str] = []

    def new(migrations: Path | None) -> str:
        made.append(shelf_of_databases.postgresql(migrations, server))
        return made[-1]

    yield new
    for url in made:
        server.drop(database_url(url).name)
