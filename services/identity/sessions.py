"""Sessions and passwords, as they are handed to the store and come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.identity.domain import User
from services.identity.keys import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user, and what is kept of their password."""

    user: User
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A log-in and what came of it; it is there until it ends."""

    name: str
    user: str
    create_time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A session to open for a password that was right.

    Attributes:
        session: the new one.
        digest: what is kept of its first refresh token.
        verified: the hash that the password was compared with.
        password_hash: the one to keep; another one where the parameters have changed.
        cleared: the subjects whose attempts are forgotten.
        uncounted: the subjects that one attempt less was made by.
    """

    session: Session
    digest: str
    verified: str
    password_hash: str
    cleared: Sequence[str]
    uncounted: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that goes on: whose it is, and the key that signs for it now."""

    session: Session
    user: User
    key: SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A password that is set by a one-time token."""

    token_digest: str
    password_hash: str
    cleared: Sequence[str]
