"""Identity over each kind of database: its store, and the whole service."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from plait.data.database import Database
from plait.testing import FakeClock
from services.identity.main import MIGRATIONS
from services.identity.sql.store import sql_store
from services.identity.store import Store
from tests.services.identity.people import NOW
from tests.services.identity.shop import Shop, running


@pytest.fixture
def url(new_database: Callable[[Path | None], str]) -> str:
    return new_database(MIGRATIONS)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def database(url: str, clock: FakeClock) -> AsyncIterator[Database]:
    database = Database(url, migrations=MIGRATIONS, clock=clock)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return sql_store(database)


@pytest.fixture
async def shop(database: Database, clock: FakeClock) -> AsyncIterator[Shop]:
    async with running(database, clock) as shop:
        yield shop
