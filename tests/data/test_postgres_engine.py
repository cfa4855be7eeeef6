"""What PostgreSQL's codes mean to a caller; that it sends them is tested in test_postgres.py."""

import asyncpg
import pytest

from plait.data.backend import (
    Conflict,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseUnavailable,
    UnstorableText,
)
from plait.data.postgres_engine import (
    WRITERS_LOCK,
    Limits,
    SchemaChanged,
    is_lost,
    milliseconds,
    translated,
)


def server_error(code, **fields):
    """An error as the driver makes it of what the server sends."""
    letters = {"table_name": "t", "column_name": "c", "constraint_name": "n"}
    sent = {"C": code, "M": "what the server says", "S": "ERROR", "V": "ERROR"}
    sent |= {letters[name]: value for name, value in fields.items()}
    return asyncpg.PostgresError.new(sent)


def meaning(error, *, reading=False):
    return translated(error, database="shop", reading=reading)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("40001", DatabaseBusy),
        ("40P01", DatabaseBusy),
        ("55P03", DatabaseBusy),
        ("57014", DatabaseBusy),
        ("08006", DatabaseUnavailable),
        ("25006", DatabaseUnavailable),
        ("25P02", DatabaseUnavailable),
        ("25P03", DatabaseUnavailable),
        ("28P01", DatabaseUnavailable),
        ("3D000", DatabaseUnavailable),
        ("42501", DatabaseUnavailable),
        ("53100", DatabaseUnavailable),
        ("53200", DatabaseUnavailable),
        ("53300", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("57P03", DatabaseUnavailable),
        ("58030", DatabaseUnavailable),
        ("22021", UnstorableText),
        ("XX001", DatabaseCorrupt),
        ("XX002", DatabaseCorrupt),
        ("0A000", SchemaChanged),
    ],
)
def test_what_a_code_means(code, kind):
    error = server_error(code)
    if code == "0A000":
        error = asyncpg.InvalidCachedStatementError("cached statement plan is invalid")

    assert type(meaning(error)) is kind


@pytest.mark.parametrize("code", ["42P01", "42601", "22003", "0A000", "XX000"])
def test_a_mistake_of_ours_stays_what_it_is(code):
    error = server_error(code)

    assert meaning(error) is error


def test_a_write_where_nothing_may_be_written_is_a_mistake_of_ours_in_a_snapshot():
    error = server_error("25006")

    assert meaning(error, reading=True) is error


@pytest.mark.parametrize(
    ("code", "fields", "constraint"),
    [
        ("23505", {"table_name": "things", "constraint_name": "things_name"}, "things_name"),
        (
            "23514",
            {"table_name": "things", "constraint_name": "things_positive"},
            "things_positive",
        ),
        ("23P01", {"table_name": "things", "constraint_name": "things_apart"}, "things_apart"),
        (
            "23502",
            {"table_name": "things", "column_name": "name", "constraint_name": "x"},
            "things_name",
        ),
        ("23503", {"table_name": "things", "constraint_name": "things_owner_fkey"}, ""),
    ],
)
def test_a_conflict_names_its_constraint_as_sqlite_does(code, fields, constraint):
    conflict = meaning(server_error(code, **fields))

    assert isinstance(conflict, Conflict)
    assert conflict.constraint == constraint


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(), "its server cannot be reached"),
        (TimeoutError(), "its server cannot be reached"),
        (asyncpg.InterfaceError("connection is closed"), "the connection to its server was lost"),
        (server_error("53100"), "the disk of its server is full"),
        (server_error("53300"), "its server has no connection left"),
        (server_error("53200"), "its server has run out of resources"),
        (server_error("57P03"), "its server stops or starts"),
    ],
)
def test_a_database_that_is_away_says_which_and_why(error, why):
    told = meaning(error)

    assert isinstance(told, DatabaseUnavailable)
    assert told.message == f"the database shop cannot be used now, {why}: try again"
    assert told.retry_after == 1.0


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ConnectionResetError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (server_error("08003"), True),
        (server_error("57P01"), True),
        (server_error("57014"), False),
        (server_error("40001"), False),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), False),
    ],
)
def test_a_connection_that_is_lost(error, lost):
    assert is_lost(error) is lost


@pytest.mark.parametrize(
    ("seconds", "setting"), [(None, "0"), (0, "1"), (0.0004, "1"), (0.0016, "2"), (5, "5000")]
)
def test_a_limit_is_never_no_limit_by_mistake(seconds, setting):
    assert milliseconds(seconds) == setting


@pytest.mark.parametrize(("statement", "answer"), [(None, None), (60.0, 65.0)])
def test_a_server_that_does_not_end_a_statement_in_time_is_not_waited_for(statement, answer):
    assert Limits(statement=statement).answer == answer


def test_the_lock_of_writers_is_written_as_the_oldest_server_reads_it():
    high, low = WRITERS_LOCK.split(", ")  # hexadecimal came with PostgreSQL 16

    assert int(high, base=10).to_bytes(4, "big") == b"plai"
    assert int(low, base=10) == 1
