"""Rows that stand for what is decided by more than one row."""

from sqlalchemy import bindparam, update

from plait.data.database import Transaction
from services.identity.rows import GUARDS

ADMINS, KEYS = "admins", "keys"

_TURN = update(GUARDS).where(GUARDS.c.name == bindparam("guard")).values(turn=GUARDS.c.turn + 1)


async def guard(tx: Transaction, what: str) -> None:
    """Wait until nobody else decides about this, and hold it until the transaction ends."""
    await tx.execute(_TURN, {"guard": what})
