import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from plait.data.sqlite_engine import _use_write_ahead_log, sqlite_engine
from plait.data.url import database_url


@pytest.fixture
def journaled(tmp_path):
    """A database as older tools make it, without a write-ahead log."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    return path


def mode(engine):
    with engine.connect() as connection:
        return connection.execute(text("PRAGMA journal_mode")).scalar()


def test_a_database_without_a_write_ahead_log_gets_one(journaled):
    assert mode(sqlite_engine(database_url(f"sqlite:///{journaled}"), busy_timeout=1)) == "wal"


def test_switching_waits_for_others(journaled):
    other = sqlite3.connect(journaled, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.1, lambda: other.execute("ROLLBACK"))
    release.start()

    engine = sqlite_engine(database_url(f"sqlite:///{journaled}"), busy_timeout=10)
    found = mode(engine)
    release.join()
    other.close()

    assert found == "wal"


def test_switching_gives_up_after_the_busy_timeout(journaled):
    engine = sqlite_engine(database_url(f"sqlite:///{journaled}"), busy_timeout=0.05)

    with closing(sqlite3.connect(journaled, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OperationalError, match="locked"):
            mode(engine)


class Contested:
    """A connection that is refused the switch some times, as while others open a new file."""

    def __init__(self, refusals):
        self.refusals = refusals

    def execute(self, statement):
        assert statement == "PRAGMA journal_mode = WAL"
        if self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error


def test_switching_is_tried_again_where_sqlite_itself_does_not_wait():
    contested = Contested(refusals=3)

    _use_write_ahead_log(contested, patience=10)

    assert contested.refusals == 0


@pytest.mark.parametrize(("migrating", "enforced"), [(False, 1), (True, 0)])
def test_foreign_keys_are_enforced_but_while_tables_are_replaced(journaled, migrating, enforced):
    engine = sqlite_engine(
        database_url(f"sqlite:///{journaled}"), busy_timeout=1, migrating=migrating
    )

    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == enforced


def test_only_a_migration_makes_a_file(tmp_path):
    url = database_url(f"sqlite:///{tmp_path / 'new.db'}")

    with pytest.raises(OperationalError, match="unable to open"):
        mode(sqlite_engine(url, busy_timeout=1))
    assert not (tmp_path / "new.db").exists()

    assert mode(sqlite_engine(url, busy_timeout=1, migrating=True)) == "wal"
