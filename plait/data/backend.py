"""What a kind of database offers to `plait.data.database`, and the words in which it answers."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Executable, Row

from plait.errors import DataLoss, InvalidArgument, Unavailable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""The values of a statement's parameters; a sequence runs it once for each member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All that a statement answered: its rows, or how many rows it changed."""

    rows: Sequence[Row[Any]] = ()
    count: int = -1

    def __iter__(self) -> Iterator[Row[Any]]:
        return iter(self.rows)

    def first(self) -> Row[Any] | None:
        """Return the first row, or None if there is none."""
        return self.rows[0] if self.rows else None


class Conflict(Exception):
    """A statement that would break a constraint; the store that knows its meaning catches it.

    `constraint` is `<table>_<column>...` for a unique or a NOT NULL constraint on those columns
    (name them so in migrations, and every kind of database tells the same), the name of a CHECK
    constraint, and empty for a foreign key.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(f"the constraint {constraint or 'of a foreign key'} would be broken")
        self.constraint = constraint


class Session(Protocol):
    """One transaction on one connection; rolled back where it is left without a commit.

    A statement that fails or is cancelled ends it: what follows is refused (`ended`).
    """

    async def execute(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run the statement and return all that it answers."""
        ...

    def stream(self, statement: Executable, size: int) -> AsyncGenerator[Row[Any]]:
        """Run the statement and yield its rows, reading `size` at a time."""
        ...

    async def lock(self, key: str) -> None:
        """Wait until no other transaction holds this key, and hold it until the end of this one."""
        ...

    async def commit(self) -> None:
        """Make everything that was done durable, and visible to others."""
        ...


class Backend(Protocol):
    """One database of one kind. Failures are `Conflict` or errors of `plait.errors`."""

    def session(self, *, write: bool, concurrent: bool) -> AbstractAsyncContextManager[Session]:
        """Open a transaction; it begins with the first statement.

        One that writes has all others that write wait, unless both are `concurrent`.
        """
        ...

    async def check(self) -> None:
        """Raise DatabaseUnavailable if it is not what it was when opened, or cannot be written."""
        ...

    async def close(self) -> None:
        """Give everything back; the database cannot be used any more."""
        ...


class DatabaseBusy(Unavailable):
    """Others held the database for longer than a call may wait."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be used: its file or its server is away, full or read-only."""


class CommitInDoubt(Unavailable):
    """The connection was lost while the commit ran: it may have happened.

    A command that claims its request id can be repeated with that id: it has its effect once.
    """


class DatabaseCorrupt(DataLoss):
    """What is in the database's place is no database, or no longer a whole one."""


class UnstorableText(InvalidArgument):
    """A text holds the character U+0000, which PostgreSQL cannot keep, so that none may."""


RETRY_AFTER = 1.0
"""Seconds after which a caller who was told "not now" may try again."""


def busy() -> DatabaseBusy:
    """The error of one whose turn did not come."""
    return DatabaseBusy("others keep the database busy: try again", retry_after=RETRY_AFTER)


def closed() -> DatabaseUnavailable:
    """The error of one who comes after the database was closed."""
    return DatabaseUnavailable("the database was closed: this process is stopping")


def ended() -> DatabaseUnavailable:
    """The error of one who goes on with a transaction in which a statement has failed."""
    return DatabaseUnavailable("an error before has ended this transaction")


def unstorable() -> UnstorableText:
    """The error of one who wants to keep, or to find, what no database can keep."""
    return UnstorableText("a text holds the character U+0000: leave it out")
