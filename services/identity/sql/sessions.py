"""Sessions in SQL (`services.identity.store.Sessions`).

A session is locked before its tokens, and a user before their sessions: two transactions that want
the same things want them in the same order.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from plait.data.database import Database, Snapshot, Transaction
from plait.data.times import microseconds, time_of
from services.identity.audit import Event
from services.identity.domain import RefreshTokenInvalid, RefreshTokenReused
from services.identity.rows import REFRESH_TOKENS, SESSIONS, USERS, user_of
from services.identity.sessions import Credentials, Opened, Opening, Session
from services.identity.sql import attempts, events
from services.identity.sql.keys import current_key
from services.identity.store import Counted

_CREDENTIALS = select(USERS).where(USERS.c.email_key == bindparam("email_key"))
_TOKEN = select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == bindparam("digest"))
_OWNER = (
    select(USERS.c.name)
    .join(SESSIONS, SESSIONS.c.user_name == USERS.c.name)
    .join(REFRESH_TOKENS, REFRESH_TOKENS.c.session == SESSIONS.c.name)
    .where(REFRESH_TOKENS.c.digest == bindparam("digest"))
)
_USER = select(USERS).where(USERS.c.name == bindparam("name"))
_SESSION = select(SESSIONS).where(SESSIONS.c.name == bindparam("name"))


class SqlSessions:
    """Keeps sessions in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempt(self, counted: Sequence[Counted], now: datetime) -> bool:
        async with self._database.transaction(concurrent=True) as tx:
            return await attempts.count(tx, counted, now)

    async def credentials(self, email_key: str) -> Credentials | None:
        async with self._database.snapshot() as tx:
            row = (await tx.execute(_CREDENTIALS, {"email_key": email_key})).first()
        if row is None:
            return None
        return Credentials(user=user_of(row), password_hash=row.password_hash)

    async def open(self, opening: Opening) -> Opened | None:
        async with self._database.transaction(concurrent=True) as tx:
            same = await tx.execute(  # which also locks the user against a new password
                update(USERS)
                .where(
                    USERS.c.name == opening.session.user,
                    USERS.c.password_hash == opening.verified,
                )
                .values(password_hash=opening.password_hash)
            )
            if not same.count:
                return None
            await tx.execute(insert(SESSIONS), _values(opening.session))
            await _add_token(tx, opening.session, opening.digest)
            await attempts.clear(tx, opening.cleared)
            await attempts.take_back(tx, opening.uncounted)
            return await _opened(tx, opening.session)

    async def go_on(
        self, digest: str, following: str, *, now: datetime, expire_time: datetime, event: Event
    ) -> Opened:
        async with self._database.transaction(concurrent=True) as tx:
            session = await _session_of(tx, digest)
            if session is not None and await _use(tx, digest, now):
                going = replace(session, expire_time=expire_time)
                await tx.execute(
                    update(SESSIONS)
                    .where(SESSIONS.c.name == session.name)
                    .values(expire_time=microseconds(expire_time))
                )
                await _add_token(tx, going, following)
                return await _opened(tx, going)
            reused = session is not None and await _is_used(tx, digest, now)
            if session is not None and reused:
                await _end(tx, SESSIONS.c.name == session.name)
                await events.add(tx, replace(event, resource=session.user))
        raise _reused() if reused else _invalid()

    async def end(self, digest: str, *, everywhere: bool) -> None:
        async with self._database.transaction(concurrent=True) as tx:
            if everywhere:
                await _end_all_of(tx, digest)
            elif (session := await _session_of(tx, digest)) is not None:
                await _end(tx, SESSIONS.c.name == session.name)


async def end_all(tx: Transaction, user: str) -> None:
    """End every session of a user."""
    await _end(tx, SESSIONS.c.user_name == user)


async def _end_all_of(tx: Transaction, digest: str) -> None:
    """End every session of the user whose token this is."""
    owner = (await tx.execute(_OWNER.with_for_update(of=USERS), {"digest": digest})).first()
    if owner is not None:
        await end_all(tx, owner.name)


async def _end(tx: Transaction, which: Any) -> None:
    await tx.execute(delete(SESSIONS).where(which))  # and the tokens with them


async def _session_of(tx: Transaction, digest: str) -> Session | None:
    """Return the session of a token, which nobody else ends until this transaction does."""
    token = (await tx.execute(_TOKEN, {"digest": digest})).first()
    if token is None:
        return None
    row = (await tx.execute(_SESSION.with_for_update(), {"name": token.session})).first()
    return None if row is None else _session(row)


async def _use(tx: Transaction, digest: str, now: datetime) -> bool:
    """Use a token; of those who try, one does."""
    used = await tx.execute(
        update(REFRESH_TOKENS)
        .where(
            REFRESH_TOKENS.c.digest == digest,
            REFRESH_TOKENS.c.used.is_(False),
            REFRESH_TOKENS.c.expire_time > microseconds(now),
        )
        .values(used=True)
    )
    return bool(used.count)


async def _is_used(tx: Snapshot, digest: str, now: datetime) -> bool:
    token = (await tx.execute(_TOKEN, {"digest": digest})).first()
    return token is not None and token.used and token.expire_time > microseconds(now)


async def _opened(tx: Snapshot, session: Session) -> Opened:
    row = (await tx.execute(_USER, {"name": session.user})).first()
    assert row is not None, "a session has a user: a foreign key says so"
    return Opened(session=session, user=user_of(row), key=await current_key(tx))


async def _add_token(tx: Transaction, session: Session, digest: str) -> None:
    values = {
        "digest": digest,
        "session": session.name,
        "used": False,
        "expire_time": microseconds(session.expire_time),
    }
    await tx.execute(insert(REFRESH_TOKENS), values)


def _values(session: Session) -> dict[str, object]:
    return {
        "name": session.name,
        "user_name": session.user,
        "create_time": microseconds(session.create_time),
        "expire_time": microseconds(session.expire_time),
    }


def _session(row: Row[Any]) -> Session:
    return Session(
        name=row.name,
        user=row.user_name,
        create_time=time_of(row.create_time),
        expire_time=time_of(row.expire_time),
    )


def _invalid() -> RefreshTokenInvalid:
    return RefreshTokenInvalid(
        "the refresh token is unknown or expired, or its session has ended: log in again"
    )


def _reused() -> RefreshTokenReused:
    return RefreshTokenReused(
        "the refresh token was used before, so that somebody may have copied it; the session has "
        "ended: log in again"
    )
