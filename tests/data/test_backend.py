import pytest

from plait.data.backend import (
    CommitInDoubt,
    Conflict,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseUnavailable,
    Rows,
    UnstorableText,
)
from plait.errors import Code, Error


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        (DatabaseBusy, Code.UNAVAILABLE, "DATABASE_BUSY"),
        (DatabaseUnavailable, Code.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
        (CommitInDoubt, Code.UNAVAILABLE, "COMMIT_IN_DOUBT"),
        (DatabaseCorrupt, Code.DATA_LOSS, "DATABASE_CORRUPT"),
        (UnstorableText, Code.INVALID_ARGUMENT, "UNSTORABLE_TEXT"),
    ],
)
def test_what_a_caller_is_told_about_a_database(kind, code, reason):
    error = kind("told")

    assert (error.code, error.reason) == (code, reason)


def test_a_conflict_that_no_store_understands_is_a_bug_not_an_answer():
    assert not issubclass(Conflict, Error)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [("users_name", "users_name would be"), ("", "of a foreign key would be")],
)
def test_a_conflict_says_which_constraint(constraint, message):
    assert message in str(Conflict(constraint))


def test_no_rows_have_no_first_one():
    assert Rows().first() is None
    assert list(Rows()) == []
