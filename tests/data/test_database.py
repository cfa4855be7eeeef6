import asyncio
import sqlite3
from contextlib import aclosing

import pytest
from sqlalchemy import (
    BigInteger,
    Text,
    bindparam,
    column,
    insert,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from plait.data.backend import Conflict, DatabaseBusy, DatabaseUnavailable, UnstorableText
from plait.data.claims import Claim
from plait.data.database import Database, SchemaBehind
from plait.data.migrations import migrate
from plait.data.url import System, database_url
from plait.errors import Code

ADD = text("INSERT INTO things (name, number) VALUES (:name, :number)")
ALL = text("SELECT name FROM things ORDER BY name")
COUNT = text("SELECT count(*) AS n FROM things")
THINGS = table("things", column("name", Text), column("number", BigInteger))


async def names(database):
    async with database.snapshot() as tx:
        return [row.name for row in await tx.execute(ALL)]


def make_empty(url):
    """SQLite's file is not there yet; a database of PostgreSQL is."""
    place = database_url(url)
    if place.system is System.SQLITE:
        sqlite3.connect(place.path).close()


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


@pytest.mark.parametrize(
    ("statement", "many", "count"),
    [
        (insert(THINGS), [{"name": n} for n in "abc"], 3),
        (insert(THINGS).returning(THINGS.c.name), [{"name": n} for n in "abc"], 3),
        (
            update(THINGS).where(THINGS.c.name == bindparam("n")),
            [{"n": n, "number": 7} for n in "xyz"],
            2,
        ),
        (text("DELETE FROM things WHERE name = :n"), [{"n": n} for n in "xyz"], 2),
        (text("DELETE FROM things WHERE name = :n"), [{"n": "x"}], 1),
    ],
)
async def test_what_a_statement_changed_is_counted_over_all_parameters(
    database, statement, many, count
):
    async with database.transaction() as tx:
        await tx.execute(ADD, [{"name": n, "number": 1} for n in "xy"])
        done = await tx.execute(statement, many)

    assert done.count == count
    assert [row.name for row in done] == (["a", "b", "c"] if done.rows else [])


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


async def test_two_that_use_the_same_database_wait_for_one_another(open_database):
    first, second = open_database(), open_database()

    async def add_one(database):
        async with database.transaction() as tx:
            row = (await tx.execute(COUNT)).first()
            await tx.execute(ADD, {"name": f"n{row.n}", "number": row.n})

    await asyncio.gather(*(add_one(d) for d in (first, second) * 5))

    assert len(await names(first)) == 10


async def test_concurrent_writers_that_lock_what_they_decide_by_lose_nothing(open_database):
    first, second = open_database(), open_database()
    async with first.transaction() as tx:
        await tx.execute(ADD, {"name": "counter", "number": 0})

    async def add_one(database):
        async with database.transaction(concurrent=True) as tx:
            row = (await tx.execute(select(THINGS).with_for_update())).first()
            await asyncio.sleep(0)
            await tx.execute(update(THINGS).values(number=row.number + 1))

    await asyncio.gather(*(add_one(d) for d in (first, second) * 10))

    async with first.snapshot() as tx:
        assert (await tx.execute(select(THINGS.c.number))).first().number == 20


async def test_a_key_stands_for_what_is_no_row_yet(open_database):
    first, second = open_database(), open_database()

    async def add_unless_there(database):
        async with database.transaction(concurrent=True) as tx:
            await tx.lock("the first thing")
            if (await tx.execute(COUNT)).first().n == 0:
                await asyncio.sleep(0)
                await tx.execute(insert(THINGS).values(name=f"{id(asyncio.current_task())}"))

    await asyncio.gather(*(add_unless_there(d) for d in (first, second) * 5))

    assert len(await names(first)) == 1


async def test_a_transaction_that_is_not_concurrent_is_safe_from_those_that_are(open_database):
    first, second = open_database(), open_database()

    async def add_one(database, *, concurrent):
        async with database.transaction(concurrent=concurrent) as tx:
            row = (await tx.execute(COUNT)).first()
            await asyncio.sleep(0)
            name = f"c{id(asyncio.current_task())}" if concurrent else f"n{row.n}"
            await tx.execute(ADD, {"name": name, "number": row.n})

    await asyncio.gather(
        *(add_one(d, concurrent=c) for d in (first, second) for c in (True, False) * 5)
    )

    assert len(await names(first)) == 20


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
    with pytest.raises(Exception, match=r"read-?only"):
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


@pytest.mark.parametrize("statements", [[ADD], []])
async def test_a_transaction_is_over_once_a_statement_has_failed(database, statements):
    """PostgreSQL would refuse what follows, and roll back where it is told to commit."""

    async def go_on():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            with pytest.raises(Conflict):
                await tx.execute(ADD, {"name": "a", "number": 2})
            for statement in statements:
                await tx.execute(statement, {"name": "b", "number": 1})

    with pytest.raises(DatabaseUnavailable, match="has ended"):
        await go_on()

    assert await names(database) == []


@pytest.mark.parametrize("many", [False, True])
async def test_a_text_that_no_database_can_keep_is_refused(database, many):
    values = {"name": "a\0b", "number": 1}

    with pytest.raises(UnstorableText) as caught:
        async with database.transaction() as tx:
            await tx.execute(ADD, [{"name": "a", "number": 1}, values] if many else values)

    assert caught.value.code is Code.INVALID_ARGUMENT
    assert await names(database) == []


async def test_a_mistake_in_our_own_sql_is_no_error_for_a_caller(database):
    with pytest.raises(Exception, match=r"no such table|does not exist"):
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


async def test_a_database_without_a_schema_is_not_ready_and_says_what_to_run(url, directory):
    make_empty(url)
    database = Database(url, migrations=directory)

    with pytest.raises(SchemaBehind, match="no schema: run `plait migrate thinghouse`"):
        await database.ready()

    await database.close()


async def test_readiness_does_not_take_another_mistake_for_a_missing_schema(database):
    """A view in the place of the table of versions, which has other columns."""
    async with database.transaction() as tx:
        await tx.execute(text("ALTER TABLE alembic_version RENAME TO other"))
        await tx.execute(text("CREATE VIEW alembic_version AS SELECT 1 AS something"))

    with pytest.raises(DBAPIError):
        await database.ready()


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
