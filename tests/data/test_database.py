import asyncio
import os
import sqlite3
from contextlib import aclosing, closing

import pytest
from sqlalchemy import text

from plait.data.backend import Conflict, DatabaseBusy, DatabaseCorrupt, DatabaseUnavailable
from plait.data.claims import Claim
from plait.data.database import Database, SchemaBehind
from plait.data.migrations import migrate
from plait.data.url import DatabaseUrlError
from plait.errors import Code, Unavailable

ADD = text("INSERT INTO things (name, number) VALUES (:name, :number)")
ALL = text("SELECT name FROM things ORDER BY name")
COUNT = text("SELECT count(*) AS n FROM things")


async def names(database):
    async with database.snapshot() as tx:
        return [row.name for row in await tx.execute(ALL)]


async def test_a_transaction_is_kept_when_its_block_ends(database):
    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})

    assert await names(database) == ["a"]


async def test_a_transaction_is_undone_when_an_exception_leaves_its_block(database):
    async def fail():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await names(database) == []


async def test_a_statement_runs_once_for_each_of_many_parameters(database):
    async with database.transaction() as tx:
        done = await tx.execute(ADD, [{"name": n, "number": 1} for n in "abc"])

    assert done.count == 3
    assert await names(database) == ["a", "b", "c"]


async def test_rows_are_all_there_and_the_first_one_at_hand(database):
    async with database.transaction() as tx:
        empty = await tx.execute(ALL)
        await tx.execute(ADD, [{"name": n, "number": 1} for n in "ab"])
        full = await tx.execute(ALL)

    assert empty.first() is None
    assert full.first() == ("a",)
    assert [row.name for row in full] == ["a", "b"]


async def test_an_empty_transaction_is_nothing(database):
    async with database.transaction():
        pass

    assert await names(database) == []


async def test_writers_wait_for_one_another(database):
    """Each reads, gives way, and writes what it read plus one: no increment is lost."""

    async def add_one():
        async with database.transaction() as tx:
            row = (await tx.execute(COUNT)).first()
            await asyncio.sleep(0)
            await tx.execute(ADD, {"name": f"n{row.n}", "number": row.n})

    await asyncio.gather(*(add_one() for _ in range(20)))

    assert len(await names(database)) == 20


async def test_two_databases_on_one_file_wait_for_one_another(open_database):
    first, second = open_database(), open_database()

    async def add_one(database):
        async with database.transaction() as tx:
            row = (await tx.execute(COUNT)).first()
            await tx.execute(ADD, {"name": f"n{row.n}", "number": row.n})

    await asyncio.gather(*(add_one(d) for d in (first, second) * 5))

    assert len(await names(first)) == 10


async def test_a_snapshot_does_not_see_what_others_commit_meanwhile(database):
    async with database.snapshot() as before:
        assert (await before.execute(COUNT)).first().n == 0
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})

        assert (await before.execute(COUNT)).first().n == 0

    assert await names(database) == ["a"]


async def test_nobody_sees_what_is_not_committed(database):
    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})

        assert await names(database) == []


async def test_a_snapshot_cannot_write(database):
    with pytest.raises(Exception, match="readonly"):
        async with database.snapshot() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})

    assert await names(database) == []


async def test_a_stream_yields_every_row_once_over_many_batches(database):
    async with database.transaction() as tx:
        await tx.execute(ADD, [{"name": f"{n:04}", "number": n} for n in range(1000)])

    async with database.snapshot() as tx:
        seen = [row.name async for row in tx.stream(ALL, size=7)]

    assert seen == [f"{n:04}" for n in range(1000)]


async def test_a_stream_that_is_abandoned_holds_nothing(open_database):
    database = open_database(readers=1)
    async with database.transaction() as tx:
        await tx.execute(ADD, [{"name": f"{n:04}", "number": n} for n in range(100)])

    async with database.snapshot() as tx, aclosing(tx.stream(ALL, size=2)) as rows:
        assert (await anext(rows)).name == "0000"

    assert len(await names(database)) == 100


async def test_writing_while_a_stream_is_read_is_not_held_up(database):
    async with database.transaction() as tx:
        await tx.execute(ADD, [{"name": f"{n:04}", "number": n} for n in range(100)])

    seen = 0
    async with database.snapshot() as snapshot:
        async for _ in snapshot.stream(ALL, size=10):
            seen += 1
            if seen == 50:
                async with database.transaction() as tx:
                    await tx.execute(ADD, {"name": "later", "number": 1})

    assert seen == 100
    assert len(await names(database)) == 101


async def test_a_broken_unique_constraint_is_named_by_its_columns(database):
    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})

    with pytest.raises(Conflict) as caught:
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 2})

    assert caught.value.constraint == "things_name"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO things (name, number, owner) VALUES ('b', 1, 'a')", "things_number_owner"),
        ("INSERT INTO things (name, number) VALUES ('b', -1)", "things_number_not_negative"),
        ("INSERT INTO things (name) VALUES (NULL)", "things_name"),
        ("INSERT INTO things (name, owner) VALUES ('b', 'nobody')", ""),
    ],
)
async def test_each_kind_of_constraint_can_be_told(database, statement, constraint):
    async with database.transaction() as tx:
        await tx.execute(text("INSERT INTO things VALUES ('a', 0, NULL), ('c', 1, 'a')"))

    with pytest.raises(Conflict) as caught:
        async with database.transaction() as tx:
            await tx.execute(text(statement))

    assert caught.value.constraint == constraint


async def test_a_mistake_in_our_own_sql_is_no_error_for_a_caller(database):
    with pytest.raises(Exception, match="no such table"):
        async with database.snapshot() as tx:
            await tx.execute(text("SELECT * FROM nowhere"))


async def test_a_cancelled_transaction_is_undone_and_gives_the_database_back(database):
    inside = asyncio.Event()

    async def write():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert await names(database) == []
    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "b", "number": 1})
    assert await names(database) == ["b"]


ENDLESS = text(
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000)"
    " SELECT count(*) FROM c"
)


@pytest.mark.parametrize("kind", ["transaction", "snapshot"])
async def test_cancelling_interrupts_a_statement_that_runs_long(open_database, kind):
    database = open_database(readers=1)

    async def count_for_ever():
        async with getattr(database, kind)() as tx:
            await tx.execute(COUNT)
            await tx.execute(ENDLESS)

    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(count_for_ever(), 0.05)

        async with getattr(database, kind)() as tx:
            assert (await tx.execute(COUNT)).first().n == 0


ENDLESS_INSERT = text(
    "INSERT INTO things (name, number) " + str(ENDLESS).replace("SELECT count(*)", "SELECT n, n")
)


async def go_on_after_an_interruption(database, statements):
    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(tx.execute(ENDLESS_INSERT), 0.05)
        for statement in statements:
            await tx.execute(statement, {"name": "b", "number": 1})


async def test_what_follows_an_interrupted_statement_is_refused_not_half_kept(database):
    with pytest.raises(DatabaseUnavailable, match="has ended"):
        await go_on_after_an_interruption(database, [ADD])

    assert await names(database) == []


async def test_a_commit_after_an_interrupted_statement_is_refused(database):
    with pytest.raises(DatabaseUnavailable, match="has ended"):
        await go_on_after_an_interruption(database, [])

    assert await names(database) == []


async def test_a_writer_whose_turn_does_not_come_is_told_to_try_again(open_database):
    database = open_database(busy_timeout=0.05)

    async with database.transaction() as tx:
        await tx.execute(COUNT)
        with pytest.raises(DatabaseBusy) as caught:
            async with database.transaction():
                pass

    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after


async def test_a_reader_whose_turn_does_not_come_is_told_to_try_again(open_database):
    database = open_database(busy_timeout=0.05, readers=1)

    async with database.snapshot():
        with pytest.raises(DatabaseBusy):
            async with database.snapshot():
                pass


async def test_a_lock_held_by_another_process_is_told_as_busy(open_database, tmp_path):
    database = open_database(busy_timeout=0.05)

    with closing(sqlite3.connect(tmp_path / "things.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            async with database.transaction() as tx:
                await tx.execute(ADD, {"name": "a", "number": 1})
        other.execute("ROLLBACK")

    async with database.transaction() as tx:
        await tx.execute(ADD, {"name": "a", "number": 1})


async def test_readers_do_not_wait_for_another_process_that_writes(open_database, tmp_path):
    database = open_database(busy_timeout=0.05)

    with closing(sqlite3.connect(tmp_path / "things.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert await names(database) == []


async def test_a_claim_must_be_answered_before_the_transaction_ends(database):
    claim = Claim(caller="users/u", method="M", request_id="r", fingerprint=b"f")

    with pytest.raises(RuntimeError, match="never answered: \\['M'\\]"):
        async with database.transaction() as tx:
            await tx.claim(claim)

    async with database.transaction() as tx:
        assert await tx.claim(claim) is None
        await tx.answer(claim, b"")


async def test_a_migrated_database_is_ready(database):
    assert await database.ready()


async def test_a_database_without_a_folder_of_migrations_is_ready_if_it_answers(migrated):
    database = Database(migrated)

    assert await database.ready()
    await database.close()


async def test_a_database_that_was_never_made_is_not_ready_nor_made(url, directory, tmp_path):
    database = Database(url, migrations=directory)

    with pytest.raises(DatabaseUnavailable, match="cannot be found"):
        await database.ready()
    with pytest.raises(DatabaseUnavailable):
        async with database.snapshot() as tx:
            await tx.execute(ALL)

    await database.close()
    assert not (tmp_path / "things.db").exists()


async def test_a_database_without_a_schema_is_not_ready_and_says_what_to_run(
    url, directory, tmp_path
):
    sqlite3.connect(tmp_path / "things.db").close()
    database = Database(url, migrations=directory)

    with pytest.raises(SchemaBehind, match="no schema: run `plait migrate thinghouse`"):
        await database.ready()

    await database.close()


async def test_a_database_behind_its_migrations_is_not_ready_until_it_is_migrated(
    database, directory, migrated
):
    (directory / "v0002_second.py").write_text(
        'revision = "second"\ndown_revision = "first"\n\ndef upgrade() -> None:\n    pass\n'
    )

    with pytest.raises(SchemaBehind, match="'first'"):
        await database.ready()
    migrate(migrated, directory)

    assert await database.ready()


async def test_the_files_of_migrations_are_read_once_however_often_a_probe_asks(
    database, directory
):
    first = await database.ready()
    for file in directory.glob("*.py"):
        file.unlink()

    again = await database.ready()

    assert (first, again) == (True, True)


async def test_a_database_ahead_of_its_migrations_is_ready(database):
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = 'of a newer release'"))

    assert await database.ready()


async def test_a_database_whose_file_goes_away_is_not_ready(database, tmp_path):
    assert await database.ready()
    (tmp_path / "things.db").rename(tmp_path / "elsewhere.db")

    with pytest.raises(Unavailable, match="cannot be found"):
        await database.ready()

    (tmp_path / "elsewhere.db").rename(tmp_path / "things.db")
    assert await database.ready()


async def test_a_database_whose_file_is_replaced_is_not_ready(database, tmp_path):
    assert await database.ready()
    (tmp_path / "other.db").write_bytes((tmp_path / "things.db").read_bytes())
    (tmp_path / "other.db").replace(tmp_path / "things.db")

    with pytest.raises(Unavailable, match="was replaced"):
        await database.ready()


async def test_a_database_that_cannot_be_written_is_not_ready(database, monkeypatch, tmp_path):
    """Root may write anything, so the answer of the operating system is given here."""
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path / "things.db")

    with pytest.raises(Unavailable, match=r"things\.db is read-only"):
        await database.ready()


async def test_a_file_that_is_no_database_is_told_as_damaged(url, directory, tmp_path):
    (tmp_path / "things.db").write_bytes(b"not a database at all" * 100)
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


async def test_a_closed_database_is_unavailable(database):
    await names(database)
    await database.close()

    with pytest.raises(DatabaseUnavailable, match="closed"):
        await names(database)


async def test_closing_undoes_what_is_open(open_database):
    database = open_database()

    async def close_inside():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            await database.close()
            await tx.execute(ADD, {"name": "b", "number": 1})

    with pytest.raises(DatabaseUnavailable, match="closed"):
        await close_inside()

    assert await names(open_database()) == []


async def test_those_who_wait_for_their_turn_are_told_when_the_database_closes(open_database):
    database = open_database(readers=1)

    async with database.snapshot():
        waiting = asyncio.create_task(names(database))
        await asyncio.sleep(0)
        await database.close()

    with pytest.raises(DatabaseUnavailable, match="closed"):
        await waiting


async def test_a_database_can_be_closed_without_having_been_used(open_database):
    database = open_database()

    await database.close()
    await database.close()


def test_postgresql_is_refused_until_it_can_be_used():
    with pytest.raises(DatabaseUrlError, match="cannot use PostgreSQL yet"):
        Database("postgresql://catalog:secret@db/shop")
