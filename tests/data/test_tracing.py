"""Promises of the spans of database statements."""

import asyncio
import sqlite3

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from plait.data.tracing import _described, trace_engine
from plait.data.url import database_url
from plait.data.worker import Worker
from plait.telemetry import providers
from plait.telemetry.recording import Recording

SECRET = "hunter2"
PRODUCTS = Table(
    "products",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("price", Integer),
)


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def parent(recording):
    """A span that is current, as inside of a call."""
    return lambda: recording.tracers.get_tracer("test").start_as_current_span("call")


@pytest.fixture
def database_kind():
    return "postgresql"


@pytest.fixture
async def engine(recording, new_database):
    engine = create_async_engine(database_url(new_database(None)).url)
    trace_engine(engine, "postgresql", "catalog", recording.tracers)
    async with engine.begin() as connection:
        await connection.run_sync(PRODUCTS.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def execute(engine, parent):
    """Run a statement inside of a span and commit it."""

    async def execute(statement, parameters=None):
        with parent():
            async with engine.begin() as connection:
                result = await connection.execute(statement, parameters)
                return result.all() if result.returns_rows else result.rowcount

    return execute


def statements(recording):
    return [span for span in recording.spans() if span.kind is SpanKind.CLIENT]


async def test_a_statement_is_a_client_span_inside_of_the_call(recording, execute, postgres):
    await execute(select(PRODUCTS).where(PRODUCTS.c.id == SECRET))

    statement, call = recording.spans()
    assert statement.name == "SELECT products"
    assert statement.kind is SpanKind.CLIENT
    assert statement.parent == call.context
    assert statement.status.status_code is StatusCode.UNSET
    assert statement.attributes == {
        "db.system.name": "postgresql",
        "db.namespace": "catalog",
        "server.address": "127.0.0.1",
        "server.port": postgres.port,
        "db.operation.name": "SELECT",
        "db.query.summary": "SELECT products",
        "db.query.text": (
            "SELECT products.id, products.price \nFROM products \nWHERE products.id = $1::VARCHAR"
        ),
    }


async def test_no_value_is_recorded(recording, execute):
    await execute(insert(PRODUCTS).values(id=SECRET, price=4111))
    await execute(text(f"UPDATE products SET price = 4111 WHERE id = '{SECRET}'"))
    await execute(text(f"SELECT 1 WHERE '{'x' * 3000}{SECRET}' = 'a'"))
    await execute(text("SELECT :secret"), {"secret": SECRET})

    assert len(statements(recording)) == 4
    for span in statements(recording):
        assert SECRET not in span.to_json()
        assert "4111" not in span.to_json()


async def test_the_result_is_what_it_would_be_without_spans(execute):
    assert await execute(insert(PRODUCTS).values(id="p1", price=7)) == 1
    assert await execute(update(PRODUCTS).values(price=8)) == 1
    assert await execute(select(PRODUCTS)) == [("p1", 8)]


async def test_outside_of_a_span_there_is_none(recording, engine):
    async with engine.connect() as connection:
        result = await connection.execute(select(PRODUCTS))

        assert result.all() == []
    assert recording.spans() == []


async def test_inside_of_a_span_that_is_not_recorded_there_is_none(recording, engine):
    unsampled = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test")

    with unsampled.start_as_current_span("call"):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    assert recording.spans() == []


async def test_many_rows_in_one_call_are_a_batch(recording, execute):
    await execute(text("INSERT INTO products VALUES (:id, :price)"), rows(3))

    [span] = statements(recording)
    assert span.name == "BATCH INSERT products"
    assert span.attributes["db.operation.name"] == "BATCH INSERT"
    assert span.attributes["db.operation.batch.size"] == 3
    assert await execute(text("SELECT count(*) FROM products")) == [(3,)]


async def test_one_row_is_no_batch(recording, execute):
    await execute(text("INSERT INTO products VALUES (:id, :price)"), rows(1))

    [span] = statements(recording)
    assert span.name == "INSERT products"
    assert "db.operation.batch.size" not in span.attributes


async def test_rows_that_come_back_in_batches_are_spans_of_their_own(recording, execute):
    found = await execute(insert(PRODUCTS).returning(PRODUCTS.c.id), rows(2500))

    assert len(found) == 2500
    assert len(statements(recording)) >= 1
    assert {span.name for span in statements(recording)} == {"INSERT products"}
    assert all(len(span.attributes["db.query.text"]) <= 2048 for span in statements(recording))


def rows(count):
    return [{"id": f"p{number}", "price": number} for number in range(count)]


async def test_a_refused_statement_is_an_error_without_its_text(recording, execute):
    await execute(insert(PRODUCTS).values(id=SECRET))

    with pytest.raises(IntegrityError):
        await execute(insert(PRODUCTS).values(id=SECRET))

    span = statements(recording)[-1]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "23505"
    assert span.attributes["db.response.status_code"] == "23505"
    assert not span.events
    assert SECRET not in span.to_json()


async def test_a_statement_that_is_no_sql_is_an_error_too(recording, execute):
    with pytest.raises(ProgrammingError):
        await execute(text("SELEKT 1"))

    [span] = statements(recording)
    assert span.attributes["error.type"] == "42601"


def test_an_error_without_a_code_is_named_by_its_class(recording, parent):
    engine = create_engine("sqlite://")
    trace_engine(engine, "sqlite", "catalog", recording.tracers)

    with pytest.raises(DBAPIError), parent(), engine.connect() as connection:
        connection.execute(text("SELECT :a"), {"a": object()})

    [span] = statements(recording)
    assert span.attributes["error.type"] == "sqlite3.ProgrammingError"
    assert "db.response.status_code" not in span.attributes
    engine.dispose()


async def test_a_statement_that_is_cancelled_ends_its_span(recording, engine, parent, until):
    async def slow():
        with parent():
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_sleep(3600)"))

    task = asyncio.create_task(slow())
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as other:
        await until(other, "SELECT 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    [span] = statements(recording)
    assert span.end_time
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"


@pytest.fixture
def until():
    """Ask the server until it answers with a row: it tells no event."""

    async def until(connection, question):
        async with asyncio.timeout(20):
            while not (await connection.execute(text(question))).all():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    return until


async def test_statements_of_many_calls_at_once_do_not_mix(recording, engine):
    tracer = recording.tracers.get_tracer("test")

    async def call(number):
        with tracer.start_as_current_span(f"call {number}"):
            async with engine.connect() as connection:
                for _ in range(3):
                    await connection.execute(select(PRODUCTS))

    await asyncio.gather(*(call(number) for number in range(5)))

    calls = [span for span in recording.spans() if span.kind is SpanKind.INTERNAL]
    children = [span.parent.span_id for span in statements(recording)]
    assert [children.count(call.context.span_id) for call in calls] == [3] * 5


async def test_a_synchronous_engine_in_a_worker_is_seen_from_the_call(recording, parent):
    engine = create_engine("sqlite://")
    trace_engine(engine, "sqlite", "catalog", recording.tracers)
    worker = Worker("test")

    def work():
        with engine.connect() as connection:
            return connection.execute(text("SELECT 7")).scalar()

    with parent():
        assert await worker.run(work) == 7

    await worker.stop()
    statement, call = recording.spans()
    assert statement.parent == call.context
    engine.dispose()


def test_other_listeners_still_hear_of_the_statement(recording, parent):
    engine = create_engine("sqlite://")
    trace_engine(engine, "sqlite", "catalog", recording.tracers)
    heard = []
    event.listen(engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
    event.listen(engine, "after_cursor_execute", lambda *given: heard.append(given[2]))

    with parent(), engine.connect() as connection:
        connection.execute(text("SELECT 7"))

    assert heard == ["SELECT 7", "SELECT 7"]
    engine.dispose()


def test_where_the_database_is_comes_from_the_url(recording, parent):
    # SQLite in the place of a server: what the span says of the place is the URL's alone.
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:"))
    engine.url = make_url("postgresql://u:secret@db.shop.svc:5433/catalog")
    trace_engine(engine, "postgresql", "catalog", recording.tracers)

    with parent(), engine.connect() as connection:
        connection.execute(text("SELECT 7"))

    [span] = statements(recording)
    assert span.attributes["server.address"] == "db.shop.svc"
    assert span.attributes["server.port"] == 5433
    assert "secret" not in span.to_json()
    engine.dispose()


async def test_without_a_provider_of_its_own_it_uses_that_of_the_process(
    monkeypatch, recording, parent
):
    monkeypatch.setattr(providers._Installed, "tracers", recording.tracers)
    engine = create_engine("sqlite://")
    trace_engine(engine, "sqlite", "catalog")

    with parent(), engine.connect() as connection:
        connection.execute(text("SELECT 7"))

    assert len(statements(recording)) == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "operation", "summary"),
    [
        ("SELECT a FROM products", "SELECT", "SELECT products"),
        ("select a from products p", "SELECT", "SELECT products"),
        ('SELECT a FROM "order" WHERE b', "SELECT", 'SELECT "order"'),
        ("SELECT a FROM shop.products", "SELECT", "SELECT shop.products"),
        ("SELECT a FROM p JOIN s ON p.a = s.a", "SELECT", "SELECT p s"),
        ("SELECT a FROM p FOR UPDATE SKIP LOCKED", "SELECT", "SELECT p"),
        ("SELECT a FROM p FOR NO KEY UPDATE", "SELECT", "SELECT p"),
        ("SELECT a FROM p WHERE a IS DISTINCT FROM b", "SELECT", "SELECT p"),
        ("SELECT a FROM (SELECT b FROM c) AS d", "SELECT", "SELECT SELECT c"),
        ("INSERT INTO p (a) VALUES (?)", "INSERT", "INSERT p"),
        ("INSERT INTO p SELECT a FROM q", "INSERT", "INSERT p SELECT q"),
        ("INSERT INTO p (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = ?", "INSERT", "INSERT p"),
        ("UPDATE p SET a = ?", "UPDATE", "UPDATE p"),
        ("DELETE FROM p", "DELETE", "DELETE p"),
        ("CREATE TABLE IF NOT EXISTS p (a INT)", "CREATE", "CREATE TABLE p"),
        ("DROP TABLE p", "DROP", "DROP TABLE p"),
        ("WITH x AS (SELECT a FROM p) SELECT b FROM x", "WITH", "SELECT p SELECT x"),
        ("BEGIN IMMEDIATE", "BEGIN", "BEGIN"),
        ("COMMIT;", "COMMIT", "COMMIT"),
        ("SELECT 1", "SELECT", "SELECT"),
        ("", "QUERY", "QUERY"),
    ],
)
def test_a_statement_is_summed_up(statement, operation, summary):
    assert _described(statement)[:2] == (operation, summary)


@pytest.mark.parametrize(
    ("statement", "clean"),
    [
        ("a = 'x'", "a = ?"),
        ("a = 'it''s' AND b = 'y'", "a = ? AND b = ?"),
        ("a = 'cut off", "a = ?"),
        ("a = 7 AND b = -1.5e10 AND c = 3.", "a = ? AND b = -? AND c = ?"),
        ("a = 0x1F AND b = X'1F'", "a = ? AND b = X?"),
        ("a1 = $1 AND b = :2 AND t.c1 = ?", "a1 = $1 AND b = :2 AND t.c1 = ?"),
        ("a = $$it's$$ AND b = $t$ $$ $t$ AND c", "a = ? AND b = ? AND c"),
        ("a = $$cut off", "a = ?"),
    ],
)
def test_values_are_taken_out_of_a_statement(statement, clean):
    assert _described(statement)[2] == clean


@pytest.mark.parametrize(("length", "kept"), [(254, 254), (255, 255), (256, 255)])
def test_a_summary_is_cut(length, kept):
    name = "x" * (length - len("SELECT "))

    assert len(_described(f"SELECT a FROM {name}")[1]) == kept
