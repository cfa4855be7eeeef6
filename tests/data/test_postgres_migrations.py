"""What a migration expects of PostgreSQL, and for what it waits."""

import threading

import pytest

from plait.data import migrations, postgres_migrations
from plait.data.blocking import wait_for
from plait.data.database import Database
from plait.data.migrations import MigrationError, current, migrate
from plait.data.url import database_url
from tests.data.test_migrations import revision
from tests.databases import PASSWORD


@pytest.fixture
def database_kind():
    return "postgresql"


@pytest.fixture
def make(postgres):
    """Make a database in a way of one's own; returns its URL."""
    made = []

    def make(options):
        name = f"made{len(made)}"
        postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        made.append(name)
        return postgres.url(name)

    yield make
    for name in made:
        postgres.drop(name)


@pytest.mark.parametrize(
    "options",
    [
        "ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
        "ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
    ],
)
def test_a_database_that_spells_otherwise_than_sqlite_is_refused(make, directory, options):
    url = make(options)

    with pytest.raises(MigrationError, match="CREATE DATABASE") as caught:
        migrate(url, directory)

    assert "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'" in str(caught.value)
    assert current(url) is None


def test_the_database_that_the_refusal_recommends_is_taken(make, directory):
    url = make("ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")

    assert migrate(url, directory) == ["first"]


@pytest.mark.parametrize("newer", [0, 1])
def test_a_server_that_is_too_old_is_refused(url, directory, monkeypatch, postgres, newer):
    here = int(postgres.execute("SHOW server_version_num")[0][0]) // 10000
    monkeypatch.setattr(postgres_migrations, "OLDEST", here + newer)

    if not newer:
        assert migrate(url, directory) == ["first"]
        return
    with pytest.raises(MigrationError, match=f"expected PostgreSQL {here + 1} or later"):
        migrate(url, directory)


def test_a_database_that_is_not_there_is_told_without_its_password(postgres, directory):
    with pytest.raises(MigrationError, match="no database of this name") as caught:
        migrate(postgres.url("nowhere"), directory)

    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_away_is_told(directory):
    with pytest.raises(MigrationError, match="its server cannot be reached"):
        migrate("postgresql://u:secret@127.0.0.1:1/shop", directory)


async def test_a_migration_waits_for_those_who_write(migrated, directory, monkeypatch):
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", 0.05)
    revision(directory, "second", "first", "op.execute('CREATE TABLE new (a TEXT)')")
    database = Database(migrated)

    async with database.transaction(concurrent=True) as tx:
        await tx.lock("a")
        with pytest.raises(MigrationError, match="lock timeout"):
            migrate(migrated, directory)
    await database.close()

    assert migrate(migrated, directory) == ["second"]


async def test_a_migration_does_not_wait_for_long_for_those_who_read(
    migrated, directory, monkeypatch
):
    """Whoever comes later waits behind it."""
    monkeypatch.setattr(postgres_migrations, "TABLE_LOCK_TIMEOUT", 0.05)
    revision(directory, "second", "first", "op.execute('ALTER TABLE things ADD COLUMN a TEXT')")
    database = Database(migrated)

    async with database.snapshot() as tx:
        await tx.execute(postgres_migrations.text("SELECT * FROM things"))
        with pytest.raises(MigrationError, match="lock timeout"):
            migrate(migrated, directory)
    await database.close()

    assert migrate(migrated, directory) == ["second"]


def test_of_many_threads_one_migrates(url, directory):
    """Each has a connection of its own, as each replica's job has."""
    done = []
    threads = [threading.Thread(target=lambda: done.append(migrate(url, directory))) for _ in "abc"]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(done) == [[], [], ["first"]]


def test_a_revision_may_take_longer_than_a_call(url, directory, postgres):
    revision(
        directory,
        "second",
        "first",
        "op.execute(\"INSERT INTO things (name) SELECT current_setting('statement_timeout')\")",
    )

    migrate(url, directory)

    found = postgres.execute("SELECT name FROM things", database_url(url).name)
    assert [row[0] for row in found] == ["0"]


def test_what_runs_is_shown_by_its_name(url):
    async def nothing():
        return None

    wait_for(nothing)
    name = postgres_migrations.read(
        database_url(url),
        lambda c: c.exec_driver_sql("SELECT current_setting('application_name')").scalar(),
    )

    assert name == f"{database_url(url).name} migration"
