"""Attempts, counted so that nobody passes who must wait, however many come at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, text, update

from plait.data.database import Snapshot, Transaction
from plait.data.times import microseconds, time_of
from services.identity.lockout import Count, too_many
from services.identity.rows import ATTEMPTS
from services.identity.store import Counted

_BEGIN = text(
    "INSERT INTO attempts (subject, tries, last_time, expire_time)"
    " VALUES (:subject, 0, :now, :now) ON CONFLICT (subject) DO NOTHING"
)
_KEEP = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.subject == bindparam("this"))
    .values(
        tries=bindparam("tries"),
        last_time=bindparam("last_time"),
        expire_time=bindparam("expire_time"),
    )
)


async def count(tx: Transaction, counted: Sequence[Counted], now: datetime) -> bool:
    """Count an attempt for each subject; return whether the next one would have to wait.

    The rows are there and locked before they are read: who comes at the same time comes later.

    Raises:
        TooManyAttempts: this one has to wait.
    """
    stored = microseconds(now)
    ordered = sorted(counted, key=lambda each: each.subject)  # or two would wait for each other
    before = await _locked(tx, ordered, stored)
    _check(ordered, before, now)
    after = {each.subject: before[each.subject].after(each.limit, now) for each in ordered}
    await tx.execute(
        _KEEP,
        [
            {
                "this": each.subject,
                "tries": after[each.subject].count,
                "last_time": stored,
                "expire_time": microseconds(after[each.subject].forgotten(each.limit)),
            }
            for each in ordered
        ],
    )
    return any(each.limit.wait(after[each.subject].count) for each in ordered)


async def _locked(tx: Transaction, ordered: Sequence[Counted], now: int) -> dict[str, Count]:
    """Return what was counted so far, which nobody else counts until the transaction ends."""
    rows = [{"subject": each.subject, "now": now} for each in ordered]
    while True:
        await tx.execute(_BEGIN, rows)
        found = await _counts(tx, ordered, lock=True)
        if len(found) == len(ordered):  # else a row was swept away between the two statements
            return found


async def check(tx: Snapshot, counted: Counted, now: datetime) -> None:
    """Raise TooManyAttempts if one had to wait; nothing is counted."""
    _check([counted], await _counts(tx, [counted], lock=False), now)


async def clear(tx: Transaction, subjects: Sequence[str]) -> None:
    """Forget every attempt of these subjects."""
    await tx.execute(delete(ATTEMPTS).where(ATTEMPTS.c.subject.in_(subjects)))


async def take_back(tx: Transaction, subjects: Sequence[str]) -> None:
    """Forget one attempt of each subject."""
    await tx.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.subject.in_(subjects), ATTEMPTS.c.tries > 0)
        .values(tries=ATTEMPTS.c.tries - 1)
    )


def _check(counted: Sequence[Counted], counts: dict[str, Count], now: datetime) -> None:
    left = max(
        counts[each.subject].left(each.limit, now) if each.subject in counts else timedelta(0)
        for each in counted
    )
    if left > timedelta(0):
        raise too_many(left)


async def _counts(tx: Snapshot, counted: Sequence[Counted], *, lock: bool) -> dict[str, Count]:
    asked = (
        select(ATTEMPTS)
        .where(ATTEMPTS.c.subject.in_([each.subject for each in counted]))
        .order_by(ATTEMPTS.c.subject)
    )
    rows = await tx.execute(asked.with_for_update() if lock else asked)
    return {row.subject: Count(count=row.tries, last=time_of(row.last_time)) for row in rows}
