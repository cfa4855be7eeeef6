"""What is PostgreSQL's own: turns, locks, lost connections, cancelled calls; the rest is in
test_database.py, for each kind of database.
"""

import asyncio
import gc
import os
import signal
from contextlib import aclosing, asynccontextmanager

import pytest
from sqlalchemy import text

from plait.data import postgres as backend
from plait.data.backend import CommitInDoubt, Conflict, DatabaseBusy, DatabaseUnavailable
from plait.data.claims import CLAIM_LIFETIME, Claim
from plait.data.database import Database
from plait.data.postgres import PostgresBackend
from plait.data.postgres_engine import SchemaChanged
from plait.data.tracing import trace_engine
from plait.data.url import database_url
from plait.telemetry.recording import Recording

ADD = text("INSERT INTO things (name, number) VALUES (:name, :number)")
ALL = text("SELECT name FROM things ORDER BY name")
PID = text("SELECT pg_backend_pid() AS pid")
SLEEP = text("SELECT pg_sleep(3600)")


@pytest.fixture
def database_kind():
    return "postgresql"


@pytest.fixture
def ask(postgres, migrated):
    """Ask the server as its superuser, about the database of the test."""
    name = database_url(migrated).name

    def ask(statement):
        return [tuple(row) for row in postgres.execute(statement.replace("THIS", name), name)]

    return ask


@pytest.fixture
def until(ask):
    """Wait for an answer of the server, which tells no event."""

    async def until(statement, expected):
        async with asyncio.timeout(60):
            while ask(statement) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    return until


OTHERS = "pid <> pg_backend_pid() AND datname = 'THIS'"
CONNECTIONS = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS}"
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND wait_event_type = 'Lock'"
KILL = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {OTHERS}"
SLEEPING = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND wait_event = 'PgSleep'"


async def names(database):
    async with database.snapshot() as tx:
        return [row.name for row in await tx.execute(ALL)]


async def pid_of(database):
    async with database.snapshot() as tx:
        return (await tx.execute(PID)).first().pid


async def add(database, name, *, concurrent=False):
    async with database.transaction(concurrent=concurrent) as tx:
        await tx.execute(ADD, {"name": name, "number": 1})


# Turns and locks


async def test_concurrent_transactions_run_beside_each_other(database):
    async with database.transaction(concurrent=True) as first:
        await first.execute(ADD, {"name": "a", "number": 1})
        await add(database, "b", concurrent=True)
        assert await names(database) == ["b"]

    assert await names(database) == ["a", "b"]


@pytest.mark.parametrize(("holds", "comes"), [(False, True), (True, False)])
async def test_one_that_is_not_concurrent_runs_beside_no_other(open_database, holds, comes):
    database, replica = open_database(), open_database(busy_timeout=0.05)

    async with database.transaction(concurrent=holds) as first:
        await first.execute(ADD, {"name": "a", "number": 1})
        with pytest.raises(DatabaseBusy):
            await add(replica, "b", concurrent=comes)

    await add(replica, "b", concurrent=comes)
    assert await names(database) == ["a", "b"]


async def test_who_waits_for_the_turn_of_its_own_process_needs_no_connection(open_database, until):
    database = open_database()

    async with database.transaction() as tx:
        await tx.execute(PID)
        waiting = [asyncio.create_task(add(database, f"{n}")) for n in range(5)]
        await asyncio.sleep(0)
        await until(CONNECTIONS, [(1,)])

    await asyncio.gather(*waiting)
    assert await names(database) == [f"{n}" for n in range(5)]


@pytest.mark.parametrize(("writers", "opened"), [(1, 1), (2, 2)])
async def test_so_many_concurrent_transactions_are_open_at_once(open_database, writers, opened):
    database = open_database(busy_timeout=0.05, writers=writers)

    async with database.transaction(concurrent=True):
        if opened == 2:
            await add(database, "b", concurrent=True)
        else:
            with pytest.raises(DatabaseBusy):
                await add(database, "b", concurrent=True)


async def test_another_key_is_not_waited_for(open_database):
    database = open_database(busy_timeout=0.05)

    async with database.transaction(concurrent=True) as first:
        await first.lock("a")
        async with database.transaction(concurrent=True) as second:
            await second.lock("b")
        with pytest.raises(DatabaseBusy):
            async with database.transaction(concurrent=True) as third:
                await third.lock("a")


async def test_a_key_is_free_once_its_transaction_has_ended(open_database):
    database = open_database(busy_timeout=0.5)

    for _ in range(2):
        async with database.transaction(concurrent=True) as tx:
            await tx.lock("a")


async def test_one_of_two_that_wait_for_each_other_is_told_to_try_again(open_database, ask):
    ask("ALTER DATABASE THIS SET deadlock_timeout = '10ms'")
    database = open_database()
    met = asyncio.Barrier(2)

    async def lock(first, second):
        async with database.transaction(concurrent=True) as tx:
            await tx.lock(first)
            await met.wait()
            await tx.lock(second)

    done = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)

    assert [each for each in done if each is None] == [None]
    assert [type(each) for each in done if each is not None] == [DatabaseBusy]


async def test_a_row_that_is_locked_for_too_long_is_told_as_busy(open_database):
    database, replica = open_database(), open_database(busy_timeout=0.05)
    await add(database, "a")
    change = text("UPDATE things SET number = 2")

    async with database.transaction(concurrent=True) as tx:
        await tx.execute(change)
        with pytest.raises(DatabaseBusy):
            async with replica.transaction(concurrent=True) as other:
                await other.execute(change)


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(database):
    async def take_long():
        async with database.transaction() as tx:
            await tx.execute(text("SET LOCAL statement_timeout = 20"))
            await tx.execute(SLEEP)

    with pytest.raises(DatabaseBusy):
        await take_long()

    assert await names(database) == []


async def test_a_transaction_that_is_left_open_is_ended_by_the_server(database, until):
    async def dawdle():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            await tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 20"))
            await until(CONNECTIONS, [(0,)])
            await tx.execute(ALL)

    with pytest.raises(DatabaseUnavailable):
        await dawdle()

    assert await names(database) == []


async def test_a_snapshot_may_wait_longer_for_whoever_reads_it(database):
    show = text("SELECT current_setting('idle_in_transaction_session_timeout') AS limit_")

    async with database.snapshot() as tx:
        reading = (await tx.execute(show)).first().limit_
    async with database.transaction() as tx:
        writing = (await tx.execute(show)).first().limit_

    assert (reading, writing) == ("10min", "30s")


async def test_a_new_claim_does_not_wait_for_expired_ones_that_others_take_or_remove(
    open_database, clock
):
    database, replica = open_database(), open_database(busy_timeout=0.05)

    @asynccontextmanager
    async def claimed(where, request_id):
        async with where.transaction(concurrent=True) as tx:
            made = Claim(caller="users/u", method="M", request_id=request_id, fingerprint=b"f")
            assert await tx.claim(made) is None
            await tx.answer(made, b"")
            yield

    for number in range(15):
        async with claimed(database, f"old{number}"):
            pass
    clock.move(CLAIM_LIFETIME)

    async with claimed(database, "old14"), claimed(replica, "new"):
        pass


# Cancelled calls


@pytest.mark.parametrize("kind", ["transaction", "snapshot"])
async def test_a_cancelled_statement_ends_on_the_server_and_its_connection_is_kept(
    open_database, until, kind
):
    database = open_database(readers=1)
    async with getattr(database, kind)() as tx:
        pid = (await tx.execute(PID)).first().pid

    async def sleep():
        async with getattr(database, kind)() as tx:
            await tx.execute(SLEEP)

    for _ in range(3):
        task = asyncio.create_task(sleep())
        await until(SLEEPING, [(1,)])
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await until(SLEEPING, [(0,)])

    async with getattr(database, kind)() as tx:
        assert (await tx.execute(PID)).first().pid == pid
    await until(CONNECTIONS, [(1,)])


async def test_many_that_are_cancelled_at_any_moment_leak_no_connection(open_database, until):
    database = open_database(readers=2, writers=2)

    async def work(number):
        async with database.transaction(concurrent=True) as tx:
            await tx.execute(ADD, {"name": f"{number}", "number": number})
            async with database.snapshot() as snapshot:
                await snapshot.execute(ALL)

    for number in range(60):
        task = asyncio.create_task(work(number))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    for turn in range(2):  # every turn has been given back
        await asyncio.gather(*(add(database, f"{turn}{n}", concurrent=True) for n in "ab"))
        await asyncio.gather(names(database), names(database))
    await database.close()
    gc.collect()  # says so if a connection was lost on the way
    await until(CONNECTIONS, [(0,)])


async def test_one_that_is_cancelled_while_it_waits_for_its_turn_cannot_go_on(open_database, until):
    """What follows would run without a transaction."""
    database, replica = open_database(), open_database()

    async def go_on():
        async with replica.transaction() as tx:
            task = asyncio.create_task(tx.execute(ADD, {"name": "a", "number": 1}))
            await until(WAITING, [(1,)])
            task.cancel()
            await asyncio.wait([task])
            await tx.execute(ADD, {"name": "b", "number": 1})

    async with database.transaction() as first:
        await first.execute(PID)
        with pytest.raises(DatabaseUnavailable, match="has ended"):
            await go_on()

    assert await names(database) == []


async def test_a_commit_is_not_interrupted(database, ask, until):
    ask(SLEEPER)
    ask(SLOW_COMMIT)
    task = asyncio.create_task(add(database, "a"))
    await until(SLEEPING, [(1,)])

    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await until(SLEEPING, [(0,)])

    await until("SELECT name FROM things", [("a",)])
    assert await names(database) == ["a"]


SLEEPER = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'
"""
SLOW_COMMIT = """
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow()
"""


async def test_a_server_that_does_not_answer_costs_its_connection_only(
    open_database, monkeypatch, until
):
    monkeypatch.setattr(backend, "_LEAVE_TIMEOUT", 0.05)
    database = open_database()
    async with database.transaction() as tx:
        pid = (await tx.execute(PID)).first().pid

    async def sleep():
        async with database.transaction() as tx:
            await tx.execute(SLEEP)

    task = asyncio.create_task(sleep())
    await until(SLEEPING, [(1,)])
    os.kill(pid, signal.SIGSTOP)
    try:
        task.cancel()
        await asyncio.wait([task])
        async with database.snapshot() as tx:
            assert (await tx.execute(PID)).first().pid != pid
    finally:
        os.kill(pid, signal.SIGCONT)

    await add(database, "a")
    assert await names(database) == ["a"]


# Lost connections


async def test_connections_that_the_server_has_closed_are_replaced(database, ask):
    pid = await pid_of(database)
    ask(KILL)
    await asyncio.sleep(0)  # the loop hears of it

    assert await pid_of(database) != pid


async def test_a_connection_that_was_closed_unnoticed_is_replaced_when_it_is_used(
    open_database, ask
):
    """Nothing runs between the end of the connection and the statement."""
    database = open_database()

    async def use(kind):
        async with getattr(database, kind)() as tx:
            first = (await tx.execute(PID)).first().pid
        async with getattr(database, kind)() as tx:
            ask(KILL)
            return first, (await tx.execute(PID)).first().pid

    for kind in ("snapshot", "transaction"):
        before, after = await use(kind)
        assert before != after


async def test_a_transaction_whose_connection_is_lost_is_unavailable_and_undone(database, ask):
    async def lose():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            ask(KILL)
            await tx.execute(ADD, {"name": "b", "number": 1})

    with pytest.raises(DatabaseUnavailable) as caught:
        await lose()

    assert caught.value.retry_after
    assert await names(database) == []


async def test_a_commit_whose_connection_was_lost_before_is_in_doubt(database, ask):
    async def lose():
        async with database.transaction() as tx:
            await tx.execute(ADD, {"name": "a", "number": 1})
            ask(KILL)

    with pytest.raises(CommitInDoubt, match="same request_id") as caught:
        await lose()

    assert caught.value.reason == "COMMIT_IN_DOUBT"
    assert await names(database) == []


async def test_a_commit_that_breaks_a_constraint_says_so(database, ask):
    ask("ALTER TABLE things ADD CONSTRAINT things_number UNIQUE (number) DEFERRABLE")

    async def collide():
        async with database.transaction() as tx:
            await tx.execute(text("SET CONSTRAINTS ALL DEFERRED"))
            await tx.execute(ADD, [{"name": n, "number": 1} for n in "ab"])

    with pytest.raises(Conflict) as caught:
        await collide()

    assert caught.value.constraint == "things_number"
    assert await names(database) == []


# Streams


async def test_a_stream_is_computed_as_it_is_read(database):
    endless = text("SELECT generate_series(1, 9223372036854775807) AS n")

    async with database.snapshot() as tx, aclosing(tx.stream(endless, size=3)) as rows:
        seen = [(await anext(rows)).n for _ in range(10)]

    assert seen == list(range(1, 11))


async def test_a_stream_that_fails_says_what_it_means(database, ask):
    async with database.snapshot() as tx:
        rows = tx.stream(text("SELECT n FROM generate_series(1, 1000) AS n"), size=10)
        await anext(rows)
        ask(KILL)
        with pytest.raises(DatabaseUnavailable):
            async for _ in rows:
                pass

    assert await names(database) == []


# Migrations meanwhile


CHANGE = "ALTER TABLE things ALTER COLUMN number TYPE TEXT USING 'n' || number"
PREPARED = text("SELECT number FROM things")


@pytest.fixture
async def prepared(open_database, ask):
    """A database with one connection, which has prepared a statement."""
    ask("ALTER TABLE things DROP CONSTRAINT things_number_not_negative")
    database = open_database(readers=1)
    await add(database, "a")
    async with database.snapshot() as tx:
        await tx.execute(PREPARED)
    return database


async def test_a_prepared_statement_outlives_a_migration(prepared, ask):
    ask(CHANGE)

    async with prepared.snapshot() as tx:
        assert (await tx.execute(PREPARED)).first().number == "n1"


async def test_a_migration_in_the_middle_of_a_transaction_is_told_as_busy(prepared, ask):
    async with prepared.transaction() as tx:
        await tx.execute(PREPARED)

    async def meet():
        async with prepared.transaction() as tx:
            await tx.execute(PID)
            ask(CHANGE)
            await tx.execute(PREPARED)

    with pytest.raises(SchemaChanged) as caught:
        await meet()

    assert isinstance(caught.value, DatabaseBusy)
    async with prepared.transaction() as tx:
        assert (await tx.execute(PREPARED)).first().number == "n1"


# The server's view, and closing


async def test_the_server_is_told_the_name_of_the_service(database, ask):
    async with database.snapshot() as tx:
        await tx.execute(PID)
        assert ask(f"SELECT application_name FROM pg_stat_activity WHERE {OTHERS}") == [
            ("thinghouse",)
        ]


async def test_closing_gives_every_connection_back(open_database, until):
    database = open_database()

    async def leave_open():
        async with database.transaction() as tx:
            await tx.execute(SLEEP)

    task = asyncio.create_task(leave_open())
    await asyncio.gather(*(names(database) for _ in range(3)))
    await until(SLEEPING, [(1,)])
    await database.close()

    with pytest.raises(DatabaseUnavailable):
        await task
    await until(f"{CONNECTIONS} AND wait_event <> 'PgSleep'", [(0,)])


async def test_a_statement_is_a_span_of_the_one_who_asked(migrated, monkeypatch):
    recording = Recording()
    monkeypatch.setattr(
        backend, "trace_engine", lambda *about: trace_engine(*about, recording.tracers)
    )
    database = Database(migrated)
    await names(database)  # the first connection asks the server what it is

    with recording.tracers.get_tracer("test").start_as_current_span("the caller"):
        async with database.transaction(concurrent=True) as tx:
            await tx.lock("a")
            await tx.execute(ALL)
    await database.close()

    lock, statement, caller = recording.spans()
    assert lock.attributes["db.query.text"] == "SELECT pg_advisory_xact_lock($1)"
    assert statement.name == "SELECT things"
    assert statement.parent == lock.parent == caller.context
    assert statement.attributes["db.system.name"] == "postgresql"
    assert statement.attributes["db.namespace"] == database_url(migrated).name


# Readiness, and a server that is not as it should be


async def test_a_database_that_is_read_only_is_not_ready(database, ask):
    ask("ALTER DATABASE THIS SET default_transaction_read_only = on")

    with pytest.raises(DatabaseUnavailable, match="is read-only"):
        await database.ready()
    with pytest.raises(DatabaseUnavailable, match="it is read-only"):
        await add(database, "a")

    assert await names(database) == []


async def test_a_database_whose_user_may_not_read_it_is_not_ready(postgres, migrated, directory):
    postgres.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    name = database_url(migrated).name
    database = Database(postgres.url(name, "stranger", "stranger"), migrations=directory)

    with pytest.raises(DatabaseUnavailable, match="its user may not do this"):
        await database.ready()

    await database.close()
    postgres.execute("DROP ROLE stranger")


async def told(url):
    """What a caller is told who uses the database at this address."""
    database = Database(url)
    with pytest.raises(DatabaseUnavailable) as caught:
        await names(database)
    with pytest.raises(DatabaseUnavailable):
        await database.ready()
    await database.close()
    assert "secret" not in repr(caught.value)
    return caught.value.message


async def test_whoever_cannot_connect_is_told_why_and_no_password(postgres, migrated, tmp_path):
    name = database_url(migrated).name
    limited = postgres.url(name, "limited", "secret")
    postgres.execute("CREATE ROLE limited LOGIN PASSWORD 'secret' CONNECTION LIMIT 0")

    assert "cannot be reached" in await told(f"postgresql://u:secret@/shop?host={tmp_path}")
    assert "cannot be reached" in await told("postgresql://u:secret@127.0.0.1:1/shop")
    assert "refuses the user" in await told(postgres.url(name, "plait", "a secret"))
    assert "refuses the user" in await told(postgres.url(name, "nobody here", "secret"))
    assert "no database of this name" in await told(postgres.url("nowhere"))
    assert "no connection left" in await told(limited)

    postgres.execute("DROP ROLE limited")


async def test_a_backend_without_a_use_is_closed_without_a_connection(migrated, until):
    pool = PostgresBackend(database_url(migrated), name="n", busy_timeout=1, readers=1, writers=1)
    async with pool.session(write=True, concurrent=False):
        pass

    await until(CONNECTIONS, [(0,)])
    await pool.close()
