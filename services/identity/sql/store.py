"""The whole store over one database."""

from plait.data.database import Database
from services.identity.sql.events import SqlEvents
from services.identity.sql.keys import SqlKeys
from services.identity.sql.letters import SqlLetters
from services.identity.sql.remains import SqlRemains
from services.identity.sql.sessions import SqlSessions
from services.identity.sql.tokens import SqlTokens
from services.identity.sql.users import SqlUsers
from services.identity.store import Store


def sql_store(database: Database) -> Store:
    """Return the store that keeps everything in this database."""
    return Store(
        users=SqlUsers(database),
        sessions=SqlSessions(database),
        tokens=SqlTokens(database),
        letters=SqlLetters(database),
        keys=SqlKeys(database),
        events=SqlEvents(database),
        remains=SqlRemains(database),
    )
