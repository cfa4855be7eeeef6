"""A database of each kind with one table of things, made by a migration as a service's is."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plait.data.database import Database

FIRST = """
import sqlalchemy as sa
from alembic import op
from plait.data.claims import create_claims

revision = "first"
down_revision = None

def upgrade() -> None:
    op.create_table(
        "things",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("owner", sa.Text, sa.ForeignKey("things.name"), nullable=True),
        sa.PrimaryKeyConstraint("name", name="things_name"),
        sa.UniqueConstraint("number", "owner", name="things_number_owner"),
        sa.CheckConstraint("number >= 0", name="things_number_not_negative"),
    )
    create_claims(op.get_bind())
"""


class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, by: timedelta) -> None:
        self.time += by


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "thinghouse" / "migrations"
    folder.mkdir(parents=True)
    (folder / "v0001_first.py").write_text(FIRST)
    return folder


@pytest.fixture
def url(new_database) -> str:
    """A database of each kind that nobody has migrated."""
    return new_database(None)


@pytest.fixture
def migrated(new_database, directory: Path) -> str:
    return new_database(directory)


@pytest.fixture
async def open_database(
    migrated: str, directory: Path, clock: TestClock
) -> AsyncIterator[Callable[..., Database]]:
    """Open the database, as often as a test wants; each is closed after it.

    Turns are waited for long enough for any machine, unless a test is about that.
    """
    opened: list[Database] = []

    def open_it(**options: object) -> Database:
        options = {"busy_timeout": 60} | options
        opened.append(Database(migrated, migrations=directory, clock=clock, **options))
        return opened[-1]

    yield open_it
    for database in opened:
        await database.close()


@pytest.fixture
async def database(open_database: Callable[..., Database]) -> Database:
    return open_database()
