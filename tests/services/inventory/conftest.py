"""The inventory's store, over each kind of database, on a clock that tests own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from plait.data.database import Database
from plait.testing import FakeClock
from services.inventory.main import MIGRATIONS
from services.inventory.store import SqlStore


@pytest.fixture
def url(new_database: Callable[[Path], str]) -> str:
    return new_database(MIGRATIONS)


@pytest.fixture
async def open_database(url: str) -> AsyncIterator[Callable[..., Database]]:
    """Open the one database of the test, as often as it wants; each is closed after it."""
    opened: list[Database] = []

    def open_it(**options: object) -> Database:
        opened.append(Database(url, migrations=MIGRATIONS, **options))
        return opened[-1]

    yield open_it
    for database in opened:
        await database.close()


@pytest.fixture
def database(open_database: Callable[..., Database]) -> Database:
    return open_database()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(database: Database, clock: FakeClock) -> SqlStore:
    return SqlStore(database, clock=clock)
