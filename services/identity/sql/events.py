"""Audit events in SQL (`services.identity.store.Events`)."""

from sqlalchemy import insert, select

from plait.data.database import Database, Transaction
from services.identity import filter as fields
from services.identity.audit import Event
from services.identity.rows import EVENTS, event_of, values_of_event
from services.identity.sql.pages import page_of, shown
from services.identity.store import Page, Query

_COLUMNS = {name: EVENTS.c[name] for name in (*fields.EVENTS, "name")}


class SqlEvents:
    """Keeps what was done in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: Event) -> None:
        async with self._database.transaction(concurrent=True) as tx:
            await add(tx, event)

    async def page(self, query: Query) -> Page[Event]:
        asked = page_of(select(EVENTS), query, fields.EVENTS, _COLUMNS)
        async with self._database.snapshot() as tx:
            return shown(await tx.execute(asked), query, event_of)


async def add(tx: Transaction, event: Event) -> None:
    """Keep an event with what else this transaction does."""
    await tx.execute(insert(EVENTS), values_of_event(event))
