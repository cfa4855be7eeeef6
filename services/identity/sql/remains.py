"""What has expired, removed in SQL (`services.identity.store.Remains`)."""

from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Table, delete, func, select

from plait.data.database import Database, Transaction
from plait.data.times import microseconds
from services.identity.audit import KEPT
from services.identity.rows import (
    ATTEMPTS,
    EVENTS,
    LETTERS,
    ONE_TIME_TOKENS,
    REFRESH_TOKENS,
    SESSIONS,
    SIGNING_KEYS,
)

LETTERS_KEPT = timedelta(days=7)
"""How long a letter is kept that could not be sent."""

MOST_ATTEMPTS = 1_000_000
"""Rows of attempts that are kept: beyond that those go first that would be forgotten first."""


class SqlRemains:
    """Removes what has expired from a database, a table after the other, so that nobody waits.

    Args:
        database: of identity.
        most_attempts: at most how many rows of attempts are left.
    """

    def __init__(self, database: Database, *, most_attempts: int = MOST_ATTEMPTS) -> None:
        self._database = database
        self._most_attempts = most_attempts

    async def sweep(self, now: datetime, limit: int) -> int:
        stored = microseconds(now)
        removed = 0
        for key, old, by in (
            (REFRESH_TOKENS.c.digest, REFRESH_TOKENS.c.expire_time <= stored, "expire_time"),
            (SESSIONS.c.name, SESSIONS.c.expire_time <= stored, "expire_time"),
            (ONE_TIME_TOKENS.c.digest, ONE_TIME_TOKENS.c.expire_time <= stored, "expire_time"),
            (ATTEMPTS.c.subject, ATTEMPTS.c.expire_time <= stored, "expire_time"),
            (SIGNING_KEYS.c.kid, SIGNING_KEYS.c.expire_time <= stored, "expire_time"),
            (LETTERS.c.name, LETTERS.c.create_time <= stored - _kept(LETTERS_KEPT), "create_time"),
            (EVENTS.c.name, EVENTS.c.create_time <= stored - _kept(KEPT), "create_time"),
        ):
            async with self._database.transaction(concurrent=True) as tx:
                removed += await _remove(tx, key, old, by, limit)
        return removed + await self._bound_attempts(limit)

    async def _bound_attempts(self, limit: int) -> int:
        async with self._database.transaction(concurrent=True) as tx:
            counted = (await tx.execute(select(func.count()).select_from(ATTEMPTS))).first()
            surplus = (counted[0] if counted else 0) - self._most_attempts
            if surplus <= 0:
                return 0
            every = ATTEMPTS.c.subject.is_not(None)
            most = min(surplus, limit)
            return await _remove(tx, ATTEMPTS.c.subject, every, "expire_time", most)


async def _remove(
    tx: Transaction, key: Column[str], old: ColumnElement[bool], by: str, limit: int
) -> int:
    table = key.table
    assert isinstance(table, Table)
    which = select(key).where(old).order_by(table.c[by]).limit(limit)
    which = which.with_for_update(skip_locked=True)  # what somebody uses now is swept next time
    return (await tx.execute(delete(table).where(key.in_(which)))).count


def _kept(time: timedelta) -> int:
    return time // timedelta(microseconds=1)
