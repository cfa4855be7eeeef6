"""One-time tokens in SQL (`services.identity.store.Tokens`)."""

from datetime import datetime

from sqlalchemy import delete, select, update

from plait.data.database import Database, Snapshot
from plait.data.times import microseconds
from services.identity.audit import Event
from services.identity.domain import OneTimeTokenInvalid, User
from services.identity.letters import Purpose
from services.identity.rows import ONE_TIME_TOKENS, USERS, user_of
from services.identity.sessions import NewPassword
from services.identity.sql import attempts, events, letters, users
from services.identity.sql.sessions import end_all


class SqlTokens:
    """Keeps one-time tokens in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self, digest: str, now: datetime) -> User:
        async with self._database.transaction(concurrent=True) as tx:
            owner = await _owner(tx, digest, Purpose.VERIFY, now)
            before = await users.locked(tx, owner.name)
            return await users.keep(tx, before, before.verify(now=now))

    async def owner(self, digest: str, now: datetime) -> User:
        async with self._database.snapshot() as tx:
            return await _owner(tx, digest, Purpose.RESET, now)

    async def set_password(self, new: NewPassword, event: Event) -> None:
        now = event.create_time
        async with self._database.transaction(concurrent=True) as tx:
            owner = await _owner(tx, new.token_digest, Purpose.RESET, now)
            before = await users.locked(tx, owner.name)
            used = await tx.execute(
                delete(ONE_TIME_TOKENS).where(ONE_TIME_TOKENS.c.digest == new.token_digest)
            )
            if not used.count:
                raise _invalid()
            await users.keep(tx, before, before.verify(now=now))
            await tx.execute(
                update(USERS)
                .where(USERS.c.name == before.name)
                .values(password_hash=new.password_hash)
            )
            await letters.forget_tokens(tx, before.name, Purpose.RESET)
            await end_all(tx, before.name)
            await attempts.clear(tx, new.cleared)
            await events.add(tx, event)


async def _owner(tx: Snapshot, digest: str, purpose: Purpose, now: datetime) -> User:
    """Return whose token it is.

    Raises:
        OneTimeTokenInvalid: it is unknown, used, too old, or for something else.
    """
    asked = (
        select(USERS)
        .join(ONE_TIME_TOKENS, ONE_TIME_TOKENS.c.user_name == USERS.c.name)
        .where(
            ONE_TIME_TOKENS.c.digest == digest,
            ONE_TIME_TOKENS.c.purpose == purpose.value,
            ONE_TIME_TOKENS.c.expire_time > microseconds(now),
        )
    )
    row = (await tx.execute(asked)).first()
    if row is None:
        raise _invalid()
    return user_of(row)


def _invalid() -> OneTimeTokenInvalid:
    return OneTimeTokenInvalid("the token is unknown, used or too old: ask for another one")
