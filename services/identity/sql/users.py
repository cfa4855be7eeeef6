"""Users in SQL (`services.identity.store.Users`)."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from plait.data.backend import Conflict
from plait.data.claims import Claim, answered
from plait.data.conditions import set_of
from plait.data.database import Database, Snapshot, Transaction
from services.identity import filter as fields
from services.identity.audit import Event
from services.identity.domain import ADMIN, EmailTaken, User, UserNotFound
from services.identity.rows import USERS, user_of, values_of_user
from services.identity.sql import attempts, events, letters
from services.identity.sql.guards import ADMINS, guard
from services.identity.sql.pages import page_of, shown
from services.identity.store import Counted, NewUser, Page, Query

_COLUMNS = {name: USERS.c[name] for name in (*fields.USERS, "name")}
_OTHERS = (
    select(func.count())
    .select_from(USERS)
    .where(
        USERS.c.roles.contains(set_of((ADMIN,)), autoescape=True),
        USERS.c.name != bindparam("name"),
    )
)
_TAKEN = select(USERS.c.name).where(USERS.c.email_key == bindparam("email_key"))
_ONE = select(USERS).where(USERS.c.name == bindparam("name"))
_LOCKED = _ONE.with_for_update()
_UPDATE = update(USERS).where(USERS.c.name == bindparam("this"))


class SqlUsers:
    """Keeps users in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(
        self, email_key: str, counted: Counted, claim: Claim | None, now: datetime
    ) -> bytes | None:
        async with self._database.snapshot() as tx:
            if claim is not None and (first := await answered(tx, claim, now)) is not None:
                return first
            await attempts.check(tx, counted, now)
            if (await tx.execute(_TAKEN, {"email_key": email_key})).first():
                raise EmailTaken.by_another()
        return None

    async def add(
        self, new: NewUser, claim: Claim | None, answer: bytes, now: datetime
    ) -> bytes | None:
        with _one_address_each():
            return await self._add(new, claim, answer, now)

    async def _add(
        self, new: NewUser, claim: Claim | None, answer: bytes, now: datetime
    ) -> bytes | None:
        async with self._database.transaction(concurrent=True) as tx:
            if claim is not None and (first := await tx.claim(claim)) is not None:
                return first
            await attempts.count(tx, [new.counted], now)
            await _insert(tx, new.user, new.password_hash)
            await letters.add_issued(tx, new.letter, new.token_digest, new.user.name)
            if claim is not None:
                await tx.answer(claim, answer)
        return None

    async def has_admin(self) -> bool:
        async with self._database.snapshot() as tx:
            return await _has_admin_but(tx, "")

    async def add_admin(self, user: User, password_hash: str, event: Event) -> bool:
        with _one_address_each():
            async with self._database.transaction(concurrent=True) as tx:
                await guard(tx, ADMINS)
                if await _has_admin_but(tx, user.name):
                    return False
                await _insert(tx, user, password_hash)
                await events.add(tx, event)
        return True

    async def get(self, name: str) -> User:
        async with self._database.snapshot() as tx:
            row = (await tx.execute(_ONE, {"name": name})).first()
        return _there(row, name)

    async def page(self, query: Query) -> Page[User]:
        asked = page_of(select(USERS), query, fields.USERS, _COLUMNS)
        async with self._database.snapshot() as tx:
            return shown(await tx.execute(asked), query, user_of)

    async def change(self, name: str, decide: Callable[[User], User], event: Event | None) -> User:
        async with self._database.transaction(concurrent=True) as tx:
            before = await locked(tx, name)
            user = await keep(tx, before, decide(before))
            if event is not None:
                await events.add(tx, event)
        return user

    async def demote(self, name: str, decide: Callable[[User, bool], User], event: Event) -> User:
        async with self._database.transaction(concurrent=True) as tx:
            await guard(tx, ADMINS)  # nobody else demotes until this is over
            before = await locked(tx, name)
            is_only = before.is_admin and not await _has_admin_but(tx, name)
            user = await keep(tx, before, decide(before, is_only))
            await events.add(tx, event)
        return user


async def locked(tx: Transaction, name: str) -> User:
    """Return a user whom nobody else changes until the end of the transaction.

    Raises:
        UserNotFound: there is none.
    """
    return _there((await tx.execute(_LOCKED, {"name": name})).first(), name)


async def keep(tx: Transaction, before: User, user: User) -> User:
    """Keep what a user has become; returns it."""
    if user is not before:
        await tx.execute(_UPDATE, {**values_of_user(user), "this": user.name})
    return user


async def _insert(tx: Transaction, user: User, password_hash: str) -> None:
    await tx.execute(insert(USERS), {**values_of_user(user), "password_hash": password_hash})


async def _has_admin_but(tx: Snapshot, name: str) -> bool:
    row = (await tx.execute(_OTHERS, {"name": name})).first()
    return row is not None and row[0] > 0


def _there(row: Row[Any] | None, name: str) -> User:
    if row is None:
        raise UserNotFound.named(name)
    return user_of(row)


@contextmanager
def _one_address_each() -> Generator[None]:
    """Tell in the contract's words that another user has the address."""
    try:
        yield
    except Conflict as conflict:
        if conflict.constraint == "users_email_key":
            raise EmailTaken.by_another() from conflict
        raise
