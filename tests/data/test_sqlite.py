import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from plait.data import sqlite
from plait.data.backend import DatabaseBusy, DatabaseCorrupt, DatabaseUnavailable
from plait.data.database import Database
from plait.data.sqlite import SqliteBackend
from plait.data.tracing import trace_engine
from plait.data.url import database_url
from plait.errors import Unavailable

ROOT = Path(__file__).parents[2]
ADD = text("INSERT INTO things (name, number) VALUES (:name, :number)")
ALL = text("SELECT name FROM things ORDER BY name")

WRITER = """
import asyncio, sys
from sqlalchemy import text
from plait.data.database import Database

ADD = text("INSERT INTO things (name, number) VALUES (:name, :number)")

async def main():
    database = Database(sys.argv[1])
    start = int(sys.argv[2])
    for number in range(start, start + 100_000):
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": f"first-{number}", "number": number})
            await tx.execute(ADD, {"name": f"second-{number}", "number": number})
        print(number, flush=True)

asyncio.run(main())
"""


def write_until_killed(url, start, lines):
    """Run a process that says each commit, kill it after so many, return the last one it said."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(start)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        said = [process.stdout.readline() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.readlines()
        process.wait(timeout=10)
    return int([line for line in said if line.endswith("\n")][-1])


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
def file(migrated):
    return database_url(migrated).path


async def names(database):
    async with database.snapshot() as tx:
        return [row.name for row in await tx.execute(ALL)]


async def test_a_killed_process_loses_nothing_acknowledged_and_leaves_nothing_half(
    migrated, open_database
):
    acknowledged, start = set(), 0
    for lines in (1, 13, 40):
        last = write_until_killed(migrated, start, lines)
        acknowledged |= set(range(start, last + 1))
        start = last + 1000

    async with open_database().snapshot() as tx:
        rows = (await tx.execute(text("SELECT name, number FROM things"))).rows

    kept = {row.number for row in rows}
    assert acknowledged <= kept
    assert {row.name for row in rows} == {
        f"{which}-{number}" for number in kept for which in ("first", "second")
    }
    assert len(kept - acknowledged) <= 3


async def test_a_commit_waits_for_the_disk(database):
    async with database.snapshot() as tx:
        full = (await tx.execute(text("PRAGMA synchronous"))).first()[0]
        journal = (await tx.execute(text("PRAGMA journal_mode"))).first()[0]

    assert (full, journal) == (2, "wal")


async def test_lower_case_knows_every_alphabet(database):
    async with database.snapshot() as tx:
        row = (await tx.execute(text("SELECT lower('ÄÉΩЖ') AS l, lower(7) AS n"))).first()

    assert (row.l, row.n) == ("äéωж", 7)


async def test_a_statement_is_a_span_of_the_one_who_asked(migrated, monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(
        sqlite, "trace_engine", lambda *about: trace_engine(*about, provider=provider)
    )
    backend = SqliteBackend(database_url(migrated), busy_timeout=1, readers=1)

    with provider.get_tracer("test").start_as_current_span("the caller") as caller:
        async with backend.session(write=False, concurrent=True) as session:
            await session.execute(text("SELECT name FROM things"))
    await backend.close()

    span = next(span for span in exporter.get_finished_spans() if span.name == "SELECT things")
    assert span.parent.span_id == caller.get_span_context().span_id
    assert span.attributes["db.system.name"] == "sqlite"
    assert span.attributes["db.namespace"] == database_url(migrated).name


@pytest.mark.parametrize("used", [True, False])
async def test_a_connection_in_doubt_is_replaced(database, used):
    """A rollback that fails leaves a connection that nobody may trust."""
    async with database.transaction() as tx:
        await tx.execute(text("SELECT 1"))
    connection = database._backend._writers._all[0]

    async def fail():
        async with database.transaction() as tx:
            await tx.execute(text("INSERT INTO things (name) VALUES ('a')"))
            connection._driver.close()
            if used:
                await tx.execute(text("SELECT 1"))
            raise ValueError("closed")

    with pytest.raises(Exception, match="closed"):
        await fail()

    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM things"))).first() == (0,)
    assert connection._driver is not None


async def test_a_lock_held_by_another_process_is_told_as_busy(open_database, file):
    database = open_database(busy_timeout=0.05)

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            async with database.transaction() as tx:
                await tx.execute(ADD, {"name": "a", "number": 1})
        other.execute("ROLLBACK")

    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})


async def test_readers_do_not_wait_for_another_process_that_writes(open_database, file):
    database = open_database(busy_timeout=0.05)

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert await names(database) == []


async def test_a_database_that_was_never_made_is_not_ready_nor_made(url, directory):
    database = Database(url, migrations=directory)

    with pytest.raises(DatabaseUnavailable, match="cannot be found"):
        await database.ready()
    with pytest.raises(DatabaseUnavailable):
        async with database.snapshot() as tx:
            await tx.execute(ALL)

    await database.close()
    assert not database_url(url).path.exists()


async def test_a_database_whose_file_goes_away_is_not_ready(database, file):
    await database.ready()
    elsewhere = file.rename(file.with_name("elsewhere.db"))

    with pytest.raises(Unavailable, match="cannot be found"):
        await database.ready()

    elsewhere.rename(file)
    await database.ready()


async def test_a_database_whose_file_is_replaced_is_not_ready(database, file, tmp_path):
    await database.ready()
    (tmp_path / "other.db").write_bytes(file.read_bytes())
    (tmp_path / "other.db").replace(file)

    with pytest.raises(Unavailable, match="was replaced"):
        await database.ready()


async def test_a_database_that_cannot_be_written_is_not_ready(database, monkeypatch, file):
    """Root may write anything, so the answer of the operating system is given here."""
    monkeypatch.setattr(os, "access", lambda path, _: path != file)

    with pytest.raises(Unavailable, match=r"\.db is read-only"):
        await database.ready()


async def test_a_file_that_is_no_database_is_told_as_damaged(url, directory):
    database_url(url).path.write_bytes(b"not a database at all" * 100)
    database = Database(url, migrations=directory)

    with pytest.raises(DatabaseCorrupt):
        await database.ready()

    await database.close()


async def test_a_full_disk_is_told_as_unavailable_and_nothing_is_half_kept(database):
    async with database.transaction() as tx:
        pages = (await tx.execute(text("PRAGMA page_count"))).first()[0]
        await tx.execute(text(f"PRAGMA max_page_count = {pages}"))

    async def overfill():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            await tx.execute(ADD, {"name": "b" * 100_000, "number": 1})

    with pytest.raises(DatabaseUnavailable):
        await overfill()

    assert await names(database) == []
