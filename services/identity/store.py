"""Where everything of identity is kept: what its parts ask for. `sql/` has the answers in SQL.

What a method does it does all together or not at all, durably once it has returned. Times are
handed over, never read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from plait.data.claims import Claim
from plait.data.filter import Filter
from plait.data.order import By
from plait.data.pagination import Position
from services.identity.audit import Event
from services.identity.domain import User
from services.identity.keys import SigningKey
from services.identity.letters import Letter
from services.identity.lockout import Limit
from services.identity.sessions import Credentials, NewPassword, Opened, Opening

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What attempts are counted by, and how many there may be."""

    subject: str
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user who signs up, and the letter to them."""

    user: User
    password_hash: str
    letter: Letter
    token_digest: str
    counted: Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which things to list, in which order, and after which position."""

    filter: Filter | None
    order: Sequence[By]
    limit: int
    after: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some things; `next` is the position of the last of them if there are more."""

    things: tuple[T, ...]
    next: Position | None = None


class Users(Protocol):
    """Keeps users."""

    async def look(
        self, email_key: str, counted: Counted, claim: Claim | None, now: datetime
    ) -> bytes | None:
        """Return the answer that the claim's request got the first time, None if there is none.

        Raises:
            EmailTaken, TooManyAttempts: there will be none either.
            RequestIdReused: the claim's id belongs to another request.
        """
        ...

    async def add(
        self, new: NewUser, claim: Claim | None, answer: bytes, now: datetime
    ) -> bytes | None:
        """Keep a user, a letter and its token, or return what the claim's request got first.

        Raises:
            EmailTaken, TooManyAttempts, RequestIdReused: as `look` does.
        """
        ...

    async def has_admin(self) -> bool:
        """Return whether there is an admin."""
        ...

    async def add_admin(self, user: User, password_hash: str, event: Event) -> bool:
        """Keep the first admin; return False if there is one, whoever that is.

        Raises:
            EmailTaken: a user who is none has the address.
        """
        ...

    async def get(self, name: str) -> User:
        """Return a user, or raise UserNotFound."""
        ...

    async def page(self, query: Query) -> Page[User]:
        """Return the users of the query that come after its position."""
        ...

    async def change(self, name: str, decide: Callable[[User], User], event: Event | None) -> User:
        """Make of a user what `decide` makes of them, and keep the event with it.

        Raises:
            UserNotFound: there is none. What `decide` raises goes to the caller.
        """
        ...

    async def demote(self, name: str, decide: Callable[[User, bool], User], event: Event) -> User:
        """As `change`; `decide` is also told whether they are the only admin, and stays right."""
        ...


class Sessions(Protocol):
    """Keeps sessions, and counts who tries to open one."""

    async def attempt(self, counted: Sequence[Counted], now: datetime) -> bool:
        """Count an attempt; return whether, if it fails, somebody has to wait from now on.

        Raises:
            TooManyAttempts: somebody has to wait already; then nothing is counted.
        """
        ...

    async def credentials(self, email_key: str) -> Credentials | None:
        """Return the user with this address, if there is one."""
        ...

    async def open(self, opening: Opening) -> Opened | None:
        """Open a session; None if the user has another password meanwhile."""
        ...

    async def go_on(
        self, digest: str, following: str, *, now: datetime, expire_time: datetime, event: Event
    ) -> Opened:
        """Use a refresh token, and keep the following one in its place.

        Args:
            digest: what is kept of the token.
            following: what is to be kept of the next.
            now: when.
            expire_time: when the next one expires.
            event: what to keep if the token was used before; its resource is filled in.

        Raises:
            RefreshTokenInvalid: it is unknown, or expired.
            RefreshTokenReused: it was used; the session has ended now.
        """
        ...

    async def end(self, digest: str, *, everywhere: bool) -> None:
        """End the session of a refresh token, used or not, or all of its user's."""
        ...


class Tokens(Protocol):
    """Keeps one-time tokens."""

    async def verify(self, digest: str, now: datetime) -> User:
        """Note that the user of a token reads mail; raises OneTimeTokenInvalid."""
        ...

    async def owner(self, digest: str, now: datetime) -> User:
        """Return who may set a new password by a token; raises OneTimeTokenInvalid."""
        ...

    async def set_password(self, new: NewPassword, event: Event) -> None:
        """Set a password, verify the address, end all sessions, and use up the token.

        Raises:
            OneTimeTokenInvalid: it was used meanwhile.
        """
        ...


class Letters(Protocol):
    """Keeps letters until they are sent."""

    async def ask(self, letter: Letter, counted: Sequence[Counted]) -> None:
        """Count and keep a letter, whether somebody has the address or not.

        One with the same purpose that waits for the same address is forgotten.

        Raises:
            TooManyAttempts: nothing is kept.
        """
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[Letter]:
        """Return letters that may be sent now, the oldest first."""
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next letter may be sent, None if none waits."""
        ...

    async def take(
        self, letter: Letter, token_digest: str, *, now: datetime, until: datetime
    ) -> str | None:
        """Take a letter to send it, and let its token work from now on; return the address.

        None if somebody else has it, or nobody has the address: then it is forgotten. Whoever takes
        it and dies leaves it to others after `until`.
        """
        ...

    async def sent(self, letter: Letter) -> None:
        """Forget a letter."""
        ...

    async def put_back(self, letter: Letter, due: datetime, *, attempts: int) -> None:
        """Leave a letter that was taken to be sent later."""
        ...

    async def park(self, letter: Letter) -> None:
        """Leave a letter that cannot be sent to somebody who looks for it."""
        ...


class Keys(Protocol):
    """Keeps the keys that sign access tokens."""

    async def all(self) -> tuple[SigningKey, ...]:
        """Return every key, also those that sign no more."""
        ...

    async def add_first(self, current: SigningKey, following: SigningKey) -> bool:
        """Keep the first two keys; return False if somebody has done so."""
        ...

    async def rotate(
        self,
        following: SigningKey,
        claim: Claim | None,
        event: Event,
        answer: Callable[[str], bytes],
        now: datetime,
    ) -> bytes:
        """Let the next key sign, and keep the following one.

        Returns what `answer` makes of the id of the key that signs now, or the answer that the
        claim's request got the first time.

        Raises:
            RotatedRecently: there was a rotation a moment ago.
            RequestIdReused: the claim's id belongs to another request.
        """
        ...


class Events(Protocol):
    """Keeps what was done."""

    async def record(self, event: Event) -> None:
        """Keep an event."""
        ...

    async def page(self, query: Query) -> Page[Event]:
        """Return the events of the query that come after its position."""
        ...


class Remains(Protocol):
    """Forgets what is of no use any more."""

    async def sweep(self, now: datetime, limit: int) -> int:
        """Remove at most `limit` rows of each kind that have expired; return how many it were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that identity keeps."""

    users: Users
    sessions: Sessions
    tokens: Tokens
    letters: Letters
    keys: Keys
    events: Events
    remains: Remains
