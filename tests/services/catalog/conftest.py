"""The catalog's store, over each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.data.database import Database
from services.catalog.store import SqlStore
from tests.services.catalog.goods import Ids

MIGRATIONS = Path(__file__).parents[3] / "services" / "catalog" / "migrations"


@pytest.fixture
def url(new_database) -> str:
    return new_database(MIGRATIONS)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, migrations=MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> SqlStore:
    return SqlStore(database, new_id=Ids())
