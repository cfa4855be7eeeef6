"""The tables of identity, and what is kept in them as rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, Row, Table, Text

from plait.data.conditions import members_of, set_of
from plait.data.times import microseconds, time_of
from services.identity.audit import Event
from services.identity.domain import User, email_key
from services.identity.keys import SigningKey, State
from services.identity.letters import Letter, Purpose

_METADATA = MetaData()

USERS = Table(
    "users",
    _METADATA,
    *(Column(name, Text) for name in ("name", "email", "email_key", "display_name")),
    Column("email_verified", Boolean),
    *(Column(name, Text) for name in ("roles", "password_hash")),
    *(Column(name, BigInteger) for name in ("create_time", "update_time", "revision")),
)
GUARDS = Table("guards", _METADATA, Column("name", Text), Column("turn", BigInteger))
EVENTS = Table(
    "events",
    _METADATA,
    Column("name", Text),
    Column("create_time", BigInteger),
    *(Column(name, Text) for name in ("actor", "method", "resource", "status")),
    *(Column(name, Text) for name in ("client_address", "trace_id")),
)
SESSIONS = Table(
    "sessions",
    _METADATA,
    *(Column(name, Text) for name in ("name", "user_name")),
    *(Column(name, BigInteger) for name in ("create_time", "expire_time")),
)
REFRESH_TOKENS = Table(
    "refresh_tokens",
    _METADATA,
    *(Column(name, Text) for name in ("digest", "session")),
    Column("used", Boolean),
    Column("expire_time", BigInteger),
)
ONE_TIME_TOKENS = Table(
    "one_time_tokens",
    _METADATA,
    *(Column(name, Text) for name in ("digest", "purpose", "user_name")),
    Column("expire_time", BigInteger),
)
LETTERS = Table(
    "letters",
    _METADATA,
    *(Column(name, Text) for name in ("name", "purpose", "email_key")),
    Column("issued", Boolean),
    *(Column(name, BigInteger) for name in ("create_time", "due_time", "attempts")),
    Column("parked", Boolean),
)
ATTEMPTS = Table(
    "attempts",
    _METADATA,
    Column("subject", Text),
    *(Column(name, BigInteger) for name in ("tries", "last_time", "expire_time")),
)
SIGNING_KEYS = Table(
    "signing_keys",
    _METADATA,
    *(Column(name, Text) for name in ("kid", "state", "x")),
    Column("sealed", LargeBinary),
    *(Column(name, BigInteger) for name in ("create_time", "rotate_time", "expire_time")),
)


def values_of_user(user: User) -> dict[str, object]:
    """Return the columns of a user, but for the password's hash."""
    return {
        "name": user.name,
        "email": user.email,
        "email_key": email_key(user.email),
        "display_name": user.display_name,
        "email_verified": user.email_verified,
        "roles": set_of(user.roles),
        "create_time": microseconds(user.create_time),
        "update_time": microseconds(user.update_time),
        "revision": user.revision,
    }


def user_of(row: Row[Any]) -> User:
    """Return the user of a row."""
    return User(
        name=row.name,
        email=row.email,
        display_name=row.display_name,
        email_verified=row.email_verified,
        roles=members_of(row.roles),
        create_time=time_of(row.create_time),
        update_time=time_of(row.update_time),
        revision=row.revision,
    )


def values_of_event(event: Event) -> dict[str, object]:
    """Return the columns of an event."""
    return {
        "name": event.name,
        "create_time": microseconds(event.create_time),
        "actor": event.actor,
        "method": event.method,
        "resource": event.resource,
        "status": event.status,
        "client_address": event.client_address,
        "trace_id": event.trace_id,
    }


def event_of(row: Row[Any]) -> Event:
    """Return the event of a row."""
    return Event(
        name=row.name,
        create_time=time_of(row.create_time),
        actor=row.actor,
        method=row.method,
        resource=row.resource,
        status=row.status,
        client_address=row.client_address,
        trace_id=row.trace_id,
    )


def values_of_key(key: SigningKey) -> dict[str, object]:
    """Return the columns of a signing key."""
    return {
        "kid": key.kid,
        "state": key.state.value,
        "x": key.x,
        "sealed": key.sealed,
        "create_time": microseconds(key.create_time),
        "rotate_time": key.rotate_time and microseconds(key.rotate_time),
        "expire_time": key.expire_time and microseconds(key.expire_time),
    }


def key_of(row: Row[Any]) -> SigningKey:
    """Return the signing key of a row."""
    return SigningKey(
        kid=row.kid,
        state=State(row.state),
        x=row.x,
        sealed=bytes(row.sealed),
        create_time=time_of(row.create_time),
        rotate_time=_perhaps(row.rotate_time),
        expire_time=_perhaps(row.expire_time),
    )


def values_of_letter(letter: Letter) -> dict[str, object]:
    """Return the columns of a letter, but for what becomes of it."""
    return {
        "name": letter.name,
        "purpose": letter.purpose.value,
        "email_key": letter.email_key,
        "create_time": microseconds(letter.create_time),
        "due_time": microseconds(letter.due_time),
        "attempts": letter.attempts,
    }


def letter_of(row: Row[Any]) -> Letter:
    """Return the letter of a row."""
    return Letter(
        name=row.name,
        purpose=Purpose(row.purpose),
        email_key=row.email_key,
        create_time=time_of(row.create_time),
        due_time=time_of(row.due_time),
        attempts=row.attempts,
    )


def _perhaps(stored: int | None) -> datetime | None:
    return None if stored is None else time_of(stored)
