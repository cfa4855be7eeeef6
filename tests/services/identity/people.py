"""People, sessions and letters to test with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from plait.mesh.interceptors.audit import Act
from services.identity.audit import Event, event
from services.identity.domain import User, email_key
from services.identity.keys import SigningKey, State, new_key
from services.identity.letters import Letter, Purpose
from services.identity.lockout import Limit
from services.identity.store import Counted, NewUser
from services.identity.vault import ONE_TIME, Vault

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
SECRET = "a secret of the tests, which is long enough"
VAULT = Vault(SECRET.encode())
GOOD = "violin ladder sixty"
OTHER = "teapot sandals orbit"
FREE = Limit(
    free=10**6,
    first=timedelta(seconds=1),
    longest=timedelta(seconds=1),
    forget=timedelta(seconds=1),
)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def user(user_id: str = "ann", **fields: object) -> User:
    usual = User(
        name=f"users/{user_id}",
        email=f"{user_id}@example.org",
        create_time=NOW,
        update_time=NOW,
    )
    return replace(usual, **fields)


def letter(name: str = "l1", purpose: Purpose = Purpose.VERIFY, **fields: object) -> Letter:
    usual = Letter(
        name=name, purpose=purpose, email_key="ann@example.org", create_time=NOW, due_time=NOW
    )
    return replace(usual, **fields)


def digest(name: str) -> str:
    """What is kept of the token of the letter with this name."""
    return VAULT.digest(ONE_TIME, VAULT.one_time_token(name))


def new_user(user_id: str = "ann", **fields: object) -> NewUser:
    who = user(user_id, **fields)
    name = f"letter-{user_id}"
    return NewUser(
        user=who,
        password_hash=f"hash of {user_id}",
        letter=letter(name, email_key=email_key(who.email)),
        token_digest=digest(name),
        counted=Counted(subject="sign-ups", limit=FREE),
    )


def signing_key(state: State = State.CURRENT, **fields: object) -> SigningKey:
    return replace(new_key(VAULT, state, NOW), **fields)


def an_event(name: str = "e1", **fields: object) -> Event:
    done = Act(
        actor="users/boss",
        method="shop.identity.v1.IdentityService/GrantRole",
        resource="users/ann",
        status="OK",
        client_address="203.0.113.7",
        trace_id="",
    )
    return replace(event(done, name, NOW), **fields)


class Ids:
    """Ids that count, and sort as they were made."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last += 1
        return f"new{self._last:04}"
