"""Everything that a database holds, as text: to look for what must not be there."""

from sqlalchemy import Table, select, text

from plait.data.database import Database
from services.identity import rows

TABLES = [table for table in vars(rows).values() if isinstance(table, Table)]


async def everything(database: Database) -> str:
    """The repr of each row of each table; bytes as they are, and in hexadecimal digits."""
    found = []
    async with database.snapshot() as tx:
        for statement in (*map(select, TABLES), text("SELECT * FROM claims")):
            for row in await tx.execute(statement):
                values = [bytes(v) if isinstance(v, memoryview) else v for v in row]
                found.append(repr(values))
                found += [v.hex() for v in values if isinstance(v, bytes)]
    return "\n".join(found)
