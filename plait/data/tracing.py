"""One span for each statement that a database runs on behalf of a call, without any value in it.

Names and attributes are those of OpenTelemetry's stable conventions for database client spans.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from opentelemetry.trace import (
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
)
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from plait.telemetry import providers
from plait.telemetry.attributes import (
    DB_BATCH_SIZE,
    DB_NAMESPACE,
    DB_OPERATION,
    DB_QUERY_SUMMARY,
    DB_QUERY_TEXT,
    DB_STATUS_CODE,
    DB_SYSTEM,
    ERROR_TYPE,
    SERVER_ADDRESS,
    SERVER_PORT,
)
from plait.telemetry.failures import kind

_LONGEST_TEXT = 2048
_LONGEST_SUMMARY = 255  # the conventions' limit

_VALUE = re.compile(
    r"'(?:[^']|'')*(?:'|$)"  # a text, perhaps cut off
    r"|\$(\w*)\$.*?(?:\$\1\$|$)"  # PostgreSQL's other way to write one
    # a number that is no part of a name, nor of $1 or :1
    r"|(?<![\w.$:])(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)(?!\w)",
    re.DOTALL,
)
_NAME = r'(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*'
_WORD = re.compile(
    r"\b(?:(?:FOR(?:\s+NO\s+KEY)?\s+UPDATE|DO\s+UPDATE|DISTINCT\s+FROM)\b"  # no table follows
    r"|(?P<both>(?:CREATE|DROP|ALTER)\s+TABLE(?:\s+IF(?:\s+NOT)?\s+EXISTS)?|UPDATE)\s+"
    rf"(?P<changed>{_NAME})"
    rf"|(?:FROM|INTO|JOIN)\s+(?P<table>{_NAME})"
    r"|(?P<verb>SELECT|INSERT|DELETE)\b)",
    re.IGNORECASE,
)

_Execute = Callable[[Any, str, Any, ExecutionContext], None]


def trace_engine(
    engine: Engine | AsyncEngine,
    system: str,
    database: str,
    provider: TracerProvider | None = None,
) -> None:
    """Make a CLIENT span of each statement that the engine runs inside of a recording span.

    Outside of one (a background poll) there is none. The span is named by the query's summary
    (`SELECT products`), says how the statement ended, and ends with it, also when it is cancelled.
    Parameters are never recorded, and literals in the statement are replaced by `?`. The caller's
    context variables must be visible where the statement runs, as they are in a coroutine.

    Args:
        engine: of SQLAlchemy, synchronous or not; call this once for each.
        system: `db.system.name`, for example `sqlite` or `postgresql`.
        database: `db.namespace`, the name of the database.
        provider: what makes the spans, in place of the process' own.
    """
    target = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    dialect = target.dialect
    fixed: dict[str, str | int] = {DB_SYSTEM: system, DB_NAMESPACE: database}
    if target.url.host:
        fixed[SERVER_ADDRESS] = target.url.host
    if target.url.port:
        fixed[SERVER_PORT] = target.url.port

    def run(
        execute: _Execute, cursor: Any, statement: str, parameters: Any, context: ExecutionContext
    ) -> bool | None:
        if not get_current_span().is_recording():
            return None  # SQLAlchemy runs it
        rows = len(parameters) if execute == dialect.do_executemany else 1
        attributes = _attributes(statement[:_LONGEST_TEXT], rows) | fixed
        with _tracer(provider or providers.tracers()).start_as_current_span(
            str(attributes[DB_QUERY_SUMMARY]),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                execute(cursor, statement, parameters, context)
            except BaseException as error:
                span.set_attributes(_failure(error))
                span.set_status(Status(StatusCode.ERROR))
                raise
        return True  # it ran: SQLAlchemy need not

    event.listen(target, "do_execute", partial(run, dialect.do_execute))
    event.listen(target, "do_executemany", partial(run, dialect.do_executemany))


@lru_cache(maxsize=512)
def _described(text: str) -> tuple[str, str, str]:
    """Return the operation, the summary and the text without values of an SQL statement."""
    clean = _VALUE.sub("?", text)
    words: list[str] = []
    for found in _WORD.finditer(clean):
        if found["both"]:
            words += [_upper(found["both"]), found["changed"]]
        elif found["table"] or found["verb"]:
            words.append(found["table"] or found["verb"].upper())
    operation = (clean.split(maxsplit=1) or ["query"])[0].rstrip(";").upper()
    summary = " ".join(words) if words else operation
    return operation, summary[:_LONGEST_SUMMARY], clean


def _attributes(text: str, rows: int) -> dict[str, str | int]:
    operation, summary, clean = _described(text)
    if rows == 1:
        return {DB_OPERATION: operation, DB_QUERY_SUMMARY: summary, DB_QUERY_TEXT: clean}
    return {
        DB_OPERATION: f"BATCH {operation}",
        DB_QUERY_SUMMARY: f"BATCH {summary}"[:_LONGEST_SUMMARY],
        DB_QUERY_TEXT: clean,
        DB_BATCH_SIZE: rows,
    }


def _failure(error: BaseException) -> dict[str, str]:
    """Name an error by the database's own code (SQLSTATE, SQLite's names), else by its class."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    if code is None:
        return {ERROR_TYPE: kind(error)}
    return {ERROR_TYPE: str(code), DB_STATUS_CODE: str(code)}


def _upper(words: str) -> str:
    return " ".join(words.upper().split()[:2])


@lru_cache(maxsize=4)
def _tracer(provider: TracerProvider) -> Tracer:
    return provider.get_tracer(providers.SCOPE)
