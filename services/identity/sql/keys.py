"""Signing keys in SQL (`services.identity.store.Keys`)."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from plait.data.backend import Conflict
from plait.data.claims import Claim
from plait.data.database import Database, Snapshot, Transaction
from plait.data.times import microseconds
from plait.errors import Unavailable
from services.identity.audit import Event
from services.identity.keys import (
    SigningKey,
    State,
    check_rotation,
    last_token_expires,
)
from services.identity.rows import SIGNING_KEYS, key_of, values_of_key
from services.identity.sql import events
from services.identity.sql.guards import KEYS, guard

_OF_STATE = select(SIGNING_KEYS).where(SIGNING_KEYS.c.state == bindparam("state"))


class KeysMissing(Unavailable):
    """The keys that sign tokens are not made yet."""


class SqlKeys:
    """Keeps signing keys in a database; an index sees to it that one signs, and one is next."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[SigningKey, ...]:
        async with self._database.snapshot() as tx:
            rows = await tx.execute(select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.create_time))
        return tuple(map(key_of, rows))

    async def add_first(self, current: SigningKey, following: SigningKey) -> bool:
        try:
            async with self._database.transaction(concurrent=True) as tx:
                for key in (current, following):
                    await tx.execute(insert(SIGNING_KEYS), values_of_key(key))
        except Conflict as conflict:
            if conflict.constraint == "signing_keys_state":
                return False
            raise
        return True

    async def rotate(
        self,
        following: SigningKey,
        claim: Claim | None,
        event: Event,
        answer: Callable[[str], bytes],
        now: datetime,
    ) -> bytes:
        async with self._database.transaction(concurrent=True) as tx:
            if claim is not None and (first := await tx.claim(claim)) is not None:
                return first
            await guard(tx, KEYS)
            current = await _key(tx, State.CURRENT)
            check_rotation(current, now)
            said = answer(await _take_over(tx, current, following, now))
            await events.add(tx, event)
            if claim is not None:
                await tx.answer(claim, said)
        return said


async def current_key(tx: Snapshot) -> SigningKey:
    """Return the key that signs now.

    Raises:
        KeysMissing: there is none yet.
    """
    return await _key(tx, State.CURRENT)


async def _take_over(
    tx: Transaction, current: SigningKey, following: SigningKey, now: datetime
) -> str:
    """Let the next key sign in place of the current one, which forgets how to; return its id."""
    taking = await _key(tx, State.NEXT)
    await tx.execute(
        update(SIGNING_KEYS)
        .where(SIGNING_KEYS.c.kid == current.kid)
        .values(
            state=State.PREVIOUS.value,
            sealed=b"",
            expire_time=microseconds(last_token_expires(now)),
        )
    )
    await tx.execute(
        update(SIGNING_KEYS)
        .where(SIGNING_KEYS.c.kid == taking.kid)
        .values(state=State.CURRENT.value, rotate_time=microseconds(now))
    )
    await tx.execute(insert(SIGNING_KEYS), values_of_key(following))
    return taking.kid


async def _key(tx: Snapshot, state: State) -> SigningKey:
    row = (await tx.execute(_OF_STATE, {"state": state.value})).first()
    if row is None:
        raise KeysMissing("the keys that sign tokens are not made yet: try again", retry_after=1.0)
    return key_of(row)
