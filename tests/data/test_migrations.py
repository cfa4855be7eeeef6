import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from plait.data.blocking import wait_for
from plait.data.migrations import MigrationError, behind, current, head, migrate, needs
from plait.data.url import System, database_url

ROOT = Path(__file__).parents[2]


def revision(directory, name, down, body="pass", file=None):
    (directory / f"{file or name}.py").write_text(
        "from alembic import op\n"
        f"revision = {name!r}\ndown_revision = {down!r}\n\n"
        f"def upgrade() -> None:\n    {body}\n"
    )


@pytest.fixture
def ask(url):
    """Run a statement on the database, and return its rows as tuples."""

    def ask(statement):
        database = database_url(url)

        async def run():
            engine = create_async_engine(database.url, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                result = await connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
            await engine.dispose()
            return rows

        if database.system is System.POSTGRESQL:
            return wait_for(run)
        with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return ask


@pytest.fixture
def tables(url):
    def tables():
        place = database_url(url)

        async def run():
            engine = create_async_engine(place.url)
            async with engine.connect() as connection:
                found = await connection.run_sync(lambda c: inspect(c).get_table_names())
            await engine.dispose()
            return found

        if place.system is System.POSTGRESQL:
            return set(wait_for(run))
        with closing(sqlite3.connect(place.path)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}

    return tables


def test_a_new_database_gets_every_revision_in_order(url, directory, tables):
    revision(directory, "third", "second", "op.execute('ALTER TABLE things ADD COLUMN b TEXT')")
    revision(directory, "second", "first", "op.execute('ALTER TABLE things ADD COLUMN a TEXT')")

    assert behind(url, directory)
    assert migrate(url, directory) == ["first", "second", "third"]

    assert current(url) == head(directory) == "third"
    assert not behind(url, directory)
    assert {"things", "claims", "alembic_version"} <= tables()


def test_migrating_again_does_nothing(url, directory):
    migrate(url, directory)

    assert migrate(url, directory) == []
    assert current(url) == "first"


def test_an_older_database_gets_what_it_lacks(url, directory):
    migrate(url, directory)
    revision(directory, "second", "first")

    assert behind(url, directory)
    assert migrate(url, directory) == ["second"]


def test_a_failing_revision_leaves_the_old_schema_and_all_of_its_data(url, directory, ask, tables):
    migrate(url, directory)
    ask("INSERT INTO things (name) VALUES ('kept')")
    revision(directory, "second", "first", "op.execute('CREATE TABLE new (a TEXT)')")
    revision(
        directory, "third", "second", "op.execute('DROP TABLE things'); raise ValueError('broken')"
    )

    with pytest.raises(MigrationError, match="is as it was: broken"):
        migrate(url, directory)

    assert current(url) == "first"
    assert "new" not in tables()
    assert ask("SELECT name FROM things") == [("kept",)]


def test_a_revision_that_would_orphan_a_row_is_refused(url, directory, ask):
    migrate(url, directory)
    ask("INSERT INTO things (name, owner) VALUES ('a', NULL), ('b', 'a')")
    revision(directory, "second", "first", "op.execute(\"DELETE FROM things WHERE name = 'a'\")")

    orphaned = "a row of things would be without the row of things|violates foreign key constraint"
    with pytest.raises(MigrationError, match=orphaned):
        migrate(url, directory)

    assert ask("SELECT count(*) FROM things") == [(2,)]


def test_replacing_a_table_keeps_the_rows_that_refer_to_it(url, directory, ask):
    migrate(url, directory)
    ask("INSERT INTO things (name, owner) VALUES ('a', NULL), ('b', 'a')")
    revision(
        directory,
        "second",
        "first",
        "import sqlalchemy as sa\n"
        "    with op.batch_alter_table('things') as table:\n"
        "        table.alter_column('number', type_=sa.Numeric)",
    )

    migrate(url, directory)

    assert ask("SELECT count(*) FROM things") == [(2,)]


def test_of_many_at_the_same_time_one_migrates_and_the_others_find_it_done(url, directory):
    program = (
        "import pathlib, sys; from plait.data.migrations import migrate;"
        "print(','.join(migrate(sys.argv[1], pathlib.Path(sys.argv[2]))))"
    )
    command = [sys.executable, "-c", program, url, str(directory)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)
    ]

    answers = [process.communicate(timeout=60)[0].strip() for process in running]

    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert sorted(answers) == ["", "", "", "first"]


def test_a_database_of_a_newer_release_is_left_alone(url, directory, ask):
    migrate(url, directory)
    ask("UPDATE alembic_version SET version_num = 'newer'")

    assert not behind(url, directory)
    assert migrate(url, directory) == []
    assert current(url) == "newer"


def test_an_empty_version_table_counts_as_no_schema(url, ask):
    ask("CREATE TABLE alembic_version (version_num TEXT)")

    assert current(url) is None


def test_starting_up_does_not_import_alembic(url, directory):
    migrate(url, directory)
    program = (
        "import pathlib, sys\n"
        "from plait.data.database import Database\n"
        "from plait.data.migrations import behind\n"
        "assert not behind(sys.argv[1], pathlib.Path(sys.argv[2]))\n"
        "assert 'alembic' not in sys.modules"
    )

    subprocess.run(
        [sys.executable, "-c", program, url, directory], check=True, timeout=60, cwd=ROOT
    )


@pytest.mark.parametrize(
    ("revision", "lacks"), [(None, True), ("first", True), ("second", False), ("newer", False)]
)
def test_what_a_revision_lacks(directory, revision, lacks):
    (directory / "b.py").write_text('revision = "second"\ndown_revision = "first"\n')

    assert needs(revision, directory) is lacks


def test_a_folder_without_revisions_is_refused(tmp_path):
    with pytest.raises(MigrationError, match="found 0 files"):
        head(tmp_path)


@pytest.mark.parametrize(
    ("name", "down"),
    [("second", None), ("second", "nowhere"), ("first", "first"), ("second", "second")],
)
def test_revisions_that_branch_or_lead_nowhere_are_refused(directory, name, down):
    revision(directory, name, down, file="other")

    with pytest.raises(MigrationError, match="to be one chain"):
        head(directory)


@pytest.mark.parametrize(
    "content",
    ["", "revision = 1\ndown_revision = None", "revision = 'a'\ndown_revision = 3"],
)
def test_a_file_that_is_no_revision_is_named(directory, content):
    (directory / "odd.py").write_text(content)

    with pytest.raises(MigrationError, match=r"odd\.py"):
        head(directory)


def test_the_folder_of_the_database_is_made(directory, tmp_path):
    migrate(f"sqlite:///{tmp_path}/new/folder/things.db", directory)

    assert (tmp_path / "new" / "folder" / "things.db").is_file()


def test_a_path_with_any_character_names_its_file(directory, tmp_path):
    migrate(f"sqlite:///{tmp_path}/a b%25#ü.db", directory)

    assert [path.name for path in tmp_path.glob("*.db")] == ["a b%#ü.db"]


def test_a_database_that_is_not_there_has_no_revision_and_is_not_made(tmp_path):
    assert current(f"sqlite:///{tmp_path}/things.db") is None
    assert not (tmp_path / "things.db").exists()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(directory, tmp_path):
    (tmp_path / "things.db").write_text("my letters " * 100)

    with pytest.raises(MigrationError, match=r"things\.db cannot be read: file is not a database"):
        migrate(f"sqlite:///{tmp_path}/things.db", directory)

    assert (tmp_path / "things.db").read_text() == "my letters " * 100
