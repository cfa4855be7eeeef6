"""The catalog's store, over each kind of database."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from shutil import copyfile

import pytest

from plait.data.database import Database
from plait.data.migrations import migrate
from services.catalog.store import SqlStore
from tests.services.catalog.goods import Ids

MIGRATIONS = Path(__file__).parents[3] / "services" / "catalog" / "migrations"


def new_sqlite(folder: Path, made: Path) -> str:
    """A copy of one that was migrated: to migrate again for each test would take long."""
    template = made / "catalog.db"
    if not template.exists():
        migrate(f"sqlite:///{template}", MIGRATIONS)
    copyfile(template, folder / "catalog.db")
    return f"sqlite:///{folder / 'catalog.db'}"


DATABASES: dict[str, Callable[[Path, Path], str]] = {"sqlite": new_sqlite}
"""How each kind of database is made: in a folder of the test, with one that all tests share."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("catalogs")


@pytest.fixture(params=list(DATABASES))
def url(request: pytest.FixtureRequest, tmp_path: Path, made: Path) -> str:
    return DATABASES[request.param](tmp_path, made)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, migrations=MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> SqlStore:
    return SqlStore(database, new_id=Ids())
