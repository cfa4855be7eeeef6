import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from plait.data import sqlite
from plait.data.sqlite import SqliteBackend
from plait.data.tracing import trace_engine
from plait.data.url import database_url

ROOT = Path(__file__).parents[2]

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
        async with backend.session(write=False) as session:
            await session.execute(text("SELECT name FROM things"))
    await backend.close()

    span = next(span for span in exporter.get_finished_spans() if span.name == "SELECT things")
    assert span.parent.span_id == caller.get_span_context().span_id
    assert span.attributes["db.system.name"] == "sqlite"
    assert span.attributes["db.namespace"] == "things"


async def test_a_connection_in_doubt_is_replaced(database, monkeypatch):
    """A rollback that fails leaves a connection that nobody may trust."""
    async with database.transaction() as tx:
        await tx.execute(text("SELECT 1"))
    connection = database._backend._writers._all[0]

    async def fail():
        async with database.transaction() as tx:
            await tx.execute(text("INSERT INTO things (name) VALUES ('a')"))
            connection._driver.close()
            await tx.execute(text("SELECT 1"))

    with pytest.raises(Exception, match="closed"):
        await fail()

    async with database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM things"))).first() == (0,)
