"""What one read and one durable commit cost on SQLite, in time and in CPU.

Two questions, each answered side by side in one run, round after round, so that a busy machine
harms both alike: a transaction that reads one row, by `plait.data` and by SQLAlchemy's asynchronous
engine on aiosqlite; and one that writes one row in WAL, with `synchronous` FULL and NORMAL.
"""

import asyncio
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import Connection, column, event, select, table
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from plait.data.database import Database

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "database.md"
ROUNDS, READS, WRITES = 7, 2000, 1000
PACKAGES = ("aiosqlite", "sqlalchemy", "uvloop")
ROW = (
    select(column("name"), column("text"))
    .select_from(table("things"))
    .where(column("name") == "things/7")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of one transaction, as the clock saw them and as the processor did."""

    wall: float
    cpu: float


def main() -> None:
    """Measure, and write bench/results/database.md."""
    # Beside the code: a folder for temporary files may be memory, to which a sync means nothing.
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=ROOT) as folder:
        path = Path(folder) / "things.db"
        _fill(path)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            reads = runner.run(_reads(path))
        writes = _writes(path)
    RESULT.write_text(report(reads, writes), encoding="utf-8")
    print(f"wrote {RESULT.relative_to(ROOT)}")


def report(reads: dict[str, list[Cost]], writes: dict[str, list[Cost]]) -> str:
    """Return the result as a page of Markdown."""
    lines = [
        "# What do a read and a durable commit cost on SQLite?",
        "",
        "`python -m bench.run database`; microseconds of one transaction, the median of the rounds",
        "(least to most).",
        "",
        "| | wall | CPU |",
        "|---|---|---|",
        *(_line(what, costs) for what, costs in {**reads, **writes}.items()),
        "",
        f"{ROUNDS} rounds of {READS} reads and {WRITES} writes, {datetime.now(UTC):%Y-%m-%d}.",
        f"{_machine()}.",
        "",
    ]
    return "\n".join(lines)


def _line(what: str, costs: Sequence[Cost]) -> str:
    shown = []
    for values in ([cost.wall for cost in costs], [cost.cpu for cost in costs]):
        middle, least, most = statistics.median(values), min(values), max(values)
        shown.append(f"{middle:.0f} us ({least:.0f} to {most:.0f})")
    return f"| {what} | {' | '.join(shown)} |"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()} "
        f"{platform.release().split('-')[0]}, {platform.python_implementation()} "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}; {packages}"
    )


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
        rows = [(f"things/{number}", "x" * 100) for number in range(1000)]
        connection.executemany("INSERT INTO things VALUES (?, ?)", rows)


async def _reads(path: Path) -> dict[str, list[Cost]]:
    ours, theirs = Database(f"sqlite:///{path}"), _peer(path)

    async def by_plait() -> None:
        async with ours.snapshot() as tx:
            assert (await tx.execute(ROW)).first() is not None

    async def by_aiosqlite() -> None:
        async with theirs.begin() as connection:
            assert (await connection.execute(ROW)).first() is not None

    kinds = {
        "one row read, `plait.data`": by_plait,
        "one row read, SQLAlchemy on aiosqlite": by_aiosqlite,
    }
    found: dict[str, list[Cost]] = {what: [] for what in kinds}
    for _ in range(ROUNDS):
        for what, read in kinds.items():
            await read()  # opens the connection
            found[what].append(await _cost(read, READS))
    await ours.close()
    await theirs.dispose()
    return found


def _peer(path: Path) -> AsyncEngine:
    """Return the asynchronous engine, with real transactions: the driver begins none to read."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def leave_it_to_us(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


async def _cost(act: Callable[[], Awaitable[None]], count: int) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        await act()
    return _per_one(wall, cpu, count)


def _writes(path: Path) -> dict[str, list[Cost]]:
    kinds = {
        "one row written, `synchronous = FULL`": "FULL",
        "one row written, `synchronous = NORMAL`": "NORMAL",
    }
    found: dict[str, list[Cost]] = {what: [] for what in kinds}
    for round_ in range(ROUNDS):
        for what, how in kinds.items():
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA synchronous = {how}")
                found[what].append(_written(connection, f"{round_} {how}"))
    return found


def _written(connection: sqlite3.Connection, text: str) -> Cost:
    """Write rows, each in a transaction; a text that is there already would not be written."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(WRITES):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE things SET text = ? WHERE name = ?", (f"{text:100}", f"things/{number}")
        )
        connection.execute("COMMIT")
    return _per_one(wall, cpu, WRITES)


def _per_one(wall: float, cpu: float, count: int) -> Cost:
    return Cost(
        wall=(time.perf_counter() - wall) / count * 1e6,
        cpu=(time.process_time() - cpu) / count * 1e6,
    )


if __name__ == "__main__":
    main()
