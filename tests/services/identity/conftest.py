"""Identity over each kind of database: its store, and the whole service."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from shutil import copyfile

import pytest

from plait.data.database import Database
from plait.data.migrations import migrate
from plait.testing import FakeClock
from services.identity.sql.store import sql_store
from services.identity.store import Store
from tests.services.identity.people import NOW
from tests.services.identity.shop import Shop, running

MIGRATIONS = Path(__file__).parents[3] / "services" / "identity" / "migrations"


def new_sqlite(folder: Path, made: Path) -> str:
    """A copy of one that was migrated: to migrate again for each test would take long."""
    template = made / "identity.db"
    if not template.exists():
        migrate(f"sqlite:///{template}", MIGRATIONS)
    copyfile(template, folder / "identity.db")
    return f"sqlite:///{folder / 'identity.db'}"


DATABASES: dict[str, Callable[[Path, Path], str]] = {"sqlite": new_sqlite}
"""How each kind of database is made: in a folder of the test, with one that all tests share."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identities")


@pytest.fixture(params=list(DATABASES))
def url(request: pytest.FixtureRequest, tmp_path: Path, made: Path) -> str:
    return DATABASES[request.param](tmp_path, made)


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
