"""Letters and their tokens in SQL (`services.identity.store.Letters`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from plait.data.database import Database, Transaction
from plait.data.times import microseconds, time_of
from services.identity.letters import Letter, Purpose
from services.identity.rows import LETTERS, ONE_TIME_TOKENS, USERS, letter_of, values_of_letter
from services.identity.sql import attempts
from services.identity.store import Counted

_THIS = LETTERS.c.name == bindparam("this")
_ADDRESS = select(USERS.c.name, USERS.c.email).where(USERS.c.email_key == bindparam("email_key"))


class SqlLetters:
    """Keeps letters in a database until they are sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, letter: Letter, counted: Sequence[Counted]) -> None:
        async with self._database.transaction(concurrent=True) as tx:
            await attempts.count(tx, counted, letter.create_time)
            await tx.execute(
                delete(LETTERS).where(
                    LETTERS.c.email_key == letter.email_key,
                    LETTERS.c.purpose == letter.purpose.value,
                )
            )
            await _insert(tx, letter, issued=False)

    async def due(self, now: datetime, limit: int) -> Sequence[Letter]:
        asked = (
            select(LETTERS)
            .where(LETTERS.c.parked.is_(False), LETTERS.c.due_time <= microseconds(now))
            .order_by(LETTERS.c.due_time, LETTERS.c.name)
            .limit(limit)
        )
        async with self._database.snapshot() as tx:
            return [letter_of(row) for row in await tx.execute(asked)]

    async def next_due(self) -> datetime | None:
        asked = select(func.min(LETTERS.c.due_time)).where(LETTERS.c.parked.is_(False))
        async with self._database.snapshot() as tx:
            row = (await tx.execute(asked)).first()
        return None if row is None or row[0] is None else time_of(row[0])

    async def take(
        self, letter: Letter, token_digest: str, *, now: datetime, until: datetime
    ) -> str | None:
        async with self._database.transaction(concurrent=True) as tx:
            taken = await tx.execute(
                update(LETTERS)
                .where(_THIS, LETTERS.c.due_time == microseconds(letter.due_time))
                .values(due_time=microseconds(until), attempts=LETTERS.c.attempts + 1),
                {"this": letter.name},
            )
            if not taken.count:
                return None
            found = (await tx.execute(_ADDRESS, {"email_key": letter.email_key})).first()
            if found is None:
                await _remove(tx, letter)
                return None
            await _issue(tx, letter, token_digest, found.name, now)
        return str(found.email)

    async def sent(self, letter: Letter) -> None:
        async with self._database.transaction(concurrent=True) as tx:
            await _remove(tx, letter)

    async def put_back(self, letter: Letter, due: datetime, *, attempts: int) -> None:
        await self._mark(letter, {"due_time": microseconds(due), "attempts": attempts})

    async def park(self, letter: Letter) -> None:
        await self._mark(letter, {"parked": True})

    async def _mark(self, letter: Letter, values: dict[str, object]) -> None:
        async with self._database.transaction(concurrent=True) as tx:
            await tx.execute(update(LETTERS).where(_THIS).values(values), {"this": letter.name})


async def add_issued(tx: Transaction, letter: Letter, token_digest: str, user: str) -> None:
    """Keep a letter whose token works from now on."""
    await _insert(tx, letter, issued=True)
    await _add_token(tx, letter, token_digest, user, letter.create_time)


async def _insert(tx: Transaction, letter: Letter, *, issued: bool) -> None:
    values = {**values_of_letter(letter), "issued": issued, "parked": False}
    await tx.execute(insert(LETTERS), values)


async def _remove(tx: Transaction, letter: Letter) -> None:
    await tx.execute(delete(LETTERS).where(_THIS), {"this": letter.name})


async def _issue(
    tx: Transaction, letter: Letter, token_digest: str, user: str, now: datetime
) -> None:
    """Let the token of a letter work, and those of older letters with this purpose no more.

    One that worked before and was used up is not made again: the letter is only sent again.
    """
    issued = await tx.execute(
        update(LETTERS).where(_THIS, LETTERS.c.issued.is_(False)).values(issued=True),
        {"this": letter.name},
    )
    if issued.count:
        await forget_tokens(tx, user, letter.purpose)
        await _add_token(tx, letter, token_digest, user, now)
        return
    await tx.execute(
        update(ONE_TIME_TOKENS)
        .where(ONE_TIME_TOKENS.c.digest == token_digest)
        .values(expire_time=microseconds(now + letter.purpose.life))
    )


async def forget_tokens(tx: Transaction, user: str, purpose: Purpose) -> None:
    """Let no token of a user with this purpose work any more."""
    await tx.execute(
        delete(ONE_TIME_TOKENS).where(
            ONE_TIME_TOKENS.c.user_name == user, ONE_TIME_TOKENS.c.purpose == purpose.value
        )
    )


async def _add_token(
    tx: Transaction, letter: Letter, token_digest: str, user: str, now: datetime
) -> None:
    values = {
        "digest": token_digest,
        "purpose": letter.purpose.value,
        "user_name": user,
        "expire_time": microseconds(now + letter.purpose.life),
    }
    await tx.execute(insert(ONE_TIME_TOKENS), values)
