"""The rules of identity: what a user is and how that changes, and how long proofs last."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

from plait.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Violation,
)

ACCESS_LIFE = timedelta(minutes=15)
"""How long an access token works: as long as a role that was taken away may still be used."""

REFRESH_LIFE = timedelta(days=30)
"""How long a refresh token works: a session ends when nobody goes on with it for so long."""

VERIFY_LIFE, RESET_LIFE = timedelta(days=1), timedelta(hours=1)
"""How long the one-time tokens of VerifyEmail and ResetPassword work."""

ADMIN, AGENT = "admin", "agent"
ROLES = (ADMIN, AGENT)
SETTABLE = ("display_name",)
"""The fields that an update may change."""

IGNORED = ("name", "email", "email_verified", "roles", "create_time", "update_time", "etag")
"""The fields that a mask may name in vain."""

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EmailTaken(AlreadyExists):
    """Another user has this address."""

    @classmethod
    def by_another(cls) -> Self:
        return cls("a user has this address already: log in, or ask for a new password")


class UserNotFound(NotFound):
    """There is no such user."""

    @classmethod
    def named(cls, name: str) -> Self:
        return cls(f"there is no user {name}", resource=name, user=name)


class WrongCredentials(Unauthenticated):
    """There is no such user, or the password is another one: which of them nobody is told."""


class RefreshTokenInvalid(Unauthenticated):
    """The token is unknown or expired, or its session has ended."""


class RefreshTokenReused(Unauthenticated):
    """The token was used before, so that its session has ended now."""


class OneTimeTokenInvalid(InvalidArgument):
    """The token is unknown, used or too old."""


class LastAdmin(FailedPrecondition):
    """Nobody would be left who may run the shop."""


class InvalidUpdateMask(InvalidArgument):
    """A mask that names what is no field of a user."""


class EtagMismatch(Aborted):
    """The user was changed meanwhile."""

    @classmethod
    def of(cls, user: "User", given: str) -> Self:
        message = (
            f"{user.name} was changed since it had the etag {given[:64]!r}: read it again and "
            "repeat with the etag that it has now"
        )
        return cls(message, resource=user.name, user=user.name, etag=user.etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with an account; every change makes a new one, of the next revision."""

    name: str
    email: str
    display_name: str = ""
    email_verified: bool = False
    roles: tuple[str, ...] = ()
    create_time: datetime
    update_time: datetime
    revision: int = 1

    @property
    def etag(self) -> str:
        """Differs for every revision; with the time, so that a restored database repeats none."""
        micros = (self.update_time - _EPOCH) // timedelta(microseconds=1)
        return sha256(f"{self.name} {self.revision} {micros}".encode()).hexdigest()[:20]

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def change(
        self, *, display_name: str, etag: str, paths: Collection[str], now: datetime
    ) -> "User":
        """Return the user with the fields that an update mask (AIP-134) names; itself if equal.

        Args:
            display_name: the new value.
            etag: the one that the caller knows; empty: whichever it is.
            paths: names from SETTABLE and IGNORED, or `*`; empty: what is not empty.
            now: when.

        Raises:
            EtagMismatch: it was changed since.
            InvalidUpdateMask: a path is none of a user.
        """
        _check_mask(paths)
        if etag and etag != self.etag:
            raise EtagMismatch.of(self, etag)
        named = "*" in paths or "display_name" in paths if paths else bool(display_name)
        return self._with(display_name=display_name if named else self.display_name, now=now)

    def grant(self, role: str, *, now: datetime) -> "User":
        """Return the user with this role; itself if they have it."""
        return self._with(roles=tuple(sorted({*self.roles, role})), now=now)

    def revoke(self, role: str, *, is_last_admin: bool, now: datetime) -> "User":
        """Return the user without this role; itself if they do not have it.

        Raises:
            LastAdmin: it is the role of an admin, and nobody else has it.
        """
        if role not in self.roles:
            return self
        if role == ADMIN and is_last_admin:
            raise LastAdmin(
                f"{self.name} is the only admin: give somebody else the role first",
                resource=self.name,
                user=self.name,
            )
        return self._with(roles=tuple(each for each in self.roles if each != role), now=now)

    def verify(self, *, now: datetime) -> "User":
        """Return the user as one who reads mail at their address; itself if that is known."""
        return self._with(email_verified=True, now=now)

    def _with(self, *, now: datetime, **fields: object) -> "User":
        wanted = replace(self, **fields)  # type: ignore[arg-type] # the fields of a user
        if wanted == self:
            return self
        return replace(wanted, update_time=now, revision=self.revision + 1)


def email_key(email: str) -> str:
    """Return what two addresses share that differ in upper and lower case alone."""
    return email.lower()


def page_size(asked: int) -> int:
    """Return how many things a page has (AIP-158): by default 50, never more than 1000."""
    return min(asked, LARGEST_PAGE) or DEFAULT_PAGE


def _check_mask(paths: Collection[str]) -> None:
    for path in paths:
        if path not in (*SETTABLE, *IGNORED, "*"):
            message = f"expected fields of a user ({', '.join(SETTABLE)}) or *, found {path!r}"
            violation = Violation(field="update_mask", description=message, rule="field_mask.in")
            raise InvalidUpdateMask(f"update_mask: {message}", violations=[violation])
