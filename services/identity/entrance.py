"""How people get in and stay in: the order of things between counters, passwords and sessions.

What is done for an address that somebody has is done for one that nobody has, too: the same
statements, the same work on a password. Who measures learns nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from plait.clock import Clock
from plait.data.claims import Claim
from plait.errors import Code
from plait.ids import NewId
from plait.mesh.interceptors.audit import Act
from services.identity.audit import Event, event
from services.identity.domain import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    User,
    WrongCredentials,
    email_key,
)
from services.identity.hashing import Hasher
from services.identity.keys import Signer
from services.identity.letters import Letter, Purpose
from services.identity.lockout import (
    ADDRESS,
    ADDRESS_AT_PLACE,
    PLACE,
    RESETS_OF_ADDRESS,
    RESETS_OF_PLACE,
    Limit,
    place_of,
)
from services.identity.passwords import check_password
from services.identity.sessions import Credentials, NewPassword, Opened, Opening, Session
from services.identity.store import Counted, NewUser, Store
from services.identity.vault import ONE_TIME, REFRESH, Vault, new_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: from which address, and what the call is in the words of the audit."""

    address: str
    act: Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A session and the tokens of it, which are shown once."""

    session: Session
    access_token: str
    access_token_expire_time: datetime
    refresh_token: str


class Entrance:
    """Lets people in.

    Args:
        store: where everything is kept.
        hasher: hashes passwords.
        vault: what tokens and subjects are digested with.
        signer: signs access tokens.
        clock: what time it is.
        new_id: names what is new.
        sign_ups: how many users may be created from one place.
        wake: tells that there is a letter to send.
    """

    def __init__(  # noqa: PLR0913 - the parts of which it is built
        self,
        store: Store,
        *,
        hasher: Hasher,
        vault: Vault,
        signer: Signer,
        clock: Clock,
        new_id: NewId,
        sign_ups: Limit,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._vault = vault
        self._signer = signer
        self._clock = clock
        self._new_id = new_id
        self._sign_ups = sign_ups
        self._wake = wake

    async def sign_up(  # noqa: PLR0913 - what a person says, and how it is answered
        self,
        email: str,
        password: str,
        display_name: str,
        *,
        claim: Claim | None,
        answer: Callable[[User], bytes],
        caller: Caller,
    ) -> bytes:
        """Create a user and a letter to them; return the answer, or that of the first time.

        Raises:
            WeakPassword, EmailTaken, TooManyAttempts, RequestIdReused, TooBusy: as their names say.
        """
        check_password(password, email=email, field="password")
        now, key = self._clock.now(), email_key(email)
        counted = self._counted(self._sign_ups, "sign-ups", place_of(caller.address))
        claim = claim and replace(claim, fingerprint=self._vault.fingerprint(claim.fingerprint))
        first = await self._store.users.look(key, counted, claim, now)
        if first is not None:
            return first
        with self._hasher.place():
            password_hash = await self._hasher.hash(password)
        user = User(
            name=f"users/{self._new_id()}",
            email=email,
            display_name=display_name,
            create_time=now,
            update_time=now,
        )
        letter = self._letter(Purpose.VERIFY, key, now)
        new = NewUser(
            user=user,
            password_hash=password_hash,
            letter=letter,
            token_digest=self._vault.digest(ONE_TIME, self._vault.one_time_token(letter.name)),
            counted=counted,
        )
        said = answer(user)
        first = await self._store.users.add(new, claim, said, now)
        self._wake()
        return said if first is None else first

    async def log_in(self, email: str, password: str, caller: Caller) -> Admitted:
        """Open a session.

        Raises:
            WrongCredentials, TooManyAttempts, TooBusy: as their names say.
        """
        key = email_key(email)
        with self._hasher.place():
            locks = await self._store.sessions.attempt(
                self._log_ins(key, caller), self._clock.now()
            )
            known = await self._store.sessions.credentials(key)
            kept = known.password_hash if known else None
            right = await self._hasher.matches(kept, password)
            admitted = await self._open(known, password, caller) if known and right else None
        if admitted is None:
            if locks:
                resource = known.user.name if known else ""
                await self._store.events.record(self._event(caller, resource, Code.UNAUTHENTICATED))
            raise WrongCredentials("there is no user with this address and this password")
        return admitted

    async def refresh(self, token: str, caller: Caller) -> Admitted:
        """Go on with a session.

        Raises:
            RefreshTokenInvalid, RefreshTokenReused: as their names say.
        """
        now, following = self._clock.now(), new_token()
        opened = await self._store.sessions.go_on(
            self._vault.digest(REFRESH, token),
            self._vault.digest(REFRESH, following),
            now=now,
            expire_time=now + REFRESH_LIFE,
            event=self._event(caller, "", Code.UNAUTHENTICATED),
        )
        return self._admitted(opened, following)

    async def log_out(self, token: str, *, everywhere: bool) -> None:
        """End a session, or all of its user's."""
        digest = self._vault.digest(REFRESH, token)
        await self._store.sessions.end(digest, everywhere=everywhere)

    async def verify_email(self, token: str) -> User:
        """Note that a user reads mail at their address; raises OneTimeTokenInvalid."""
        digest = self._vault.digest(ONE_TIME, token)
        return await self._store.tokens.verify(digest, self._clock.now())

    async def request_reset(self, email: str, caller: Caller) -> None:
        """Ask for a letter; whether somebody has the address is found out when it is sent.

        Raises:
            TooManyAttempts: it was asked for too often.
        """
        key = email_key(email)
        letter = self._letter(Purpose.RESET, key, self._clock.now())
        counted = (
            self._counted(RESETS_OF_ADDRESS, "resets of address", key),
            self._counted(RESETS_OF_PLACE, "resets of place", place_of(caller.address)),
        )
        await self._store.letters.ask(letter, counted)
        self._wake()

    async def reset_password(self, token: str, password: str, caller: Caller) -> None:
        """Set a new password.

        Raises:
            OneTimeTokenInvalid, WeakPassword, TooBusy: as their names say.
        """
        digest = self._vault.digest(ONE_TIME, token)
        user = await self._store.tokens.owner(digest, self._clock.now())
        check_password(password, email=user.email, field="new_password")
        with self._hasher.place():
            password_hash = await self._hasher.hash(password)
        at_place, at_all, _ = self._log_ins(email_key(user.email), caller)
        new = NewPassword(
            token_digest=digest,
            password_hash=password_hash,
            cleared=(at_place.subject, at_all.subject),
        )
        await self._store.tokens.set_password(new, self._event(caller, user.name, Code.OK))

    async def _open(self, known: Credentials, password: str, caller: Caller) -> Admitted | None:
        kept, token, now = known.password_hash, new_token(), self._clock.now()
        fresh = await self._hasher.hash(password) if self._hasher.is_old(kept) else kept
        at_place, at_all, of_place = self._log_ins(email_key(known.user.email), caller)
        opened = await self._store.sessions.open(
            Opening(
                session=Session(
                    name=f"sessions/{self._new_id()}",
                    user=known.user.name,
                    create_time=now,
                    expire_time=now + REFRESH_LIFE,
                ),
                digest=self._vault.digest(REFRESH, token),
                verified=kept,
                password_hash=fresh,
                cleared=(at_place.subject, at_all.subject),
                uncounted=(of_place.subject,),
            )
        )
        return None if opened is None else self._admitted(opened, token)

    def _admitted(self, opened: Opened, refresh_token: str) -> Admitted:
        seconds = int(self._clock.now().timestamp())  # as the token says it
        return Admitted(
            session=opened.session,
            access_token=self._signer.access_token(opened.key, opened.user),
            access_token_expire_time=datetime.fromtimestamp(seconds, UTC) + ACCESS_LIFE,
            refresh_token=refresh_token,
        )

    def _log_ins(self, key: str, caller: Caller) -> tuple[Counted, Counted, Counted]:
        place = place_of(caller.address)
        return (
            self._counted(ADDRESS_AT_PLACE, "log-ins of address at place", key, place),
            self._counted(ADDRESS, "log-ins of address", key),
            self._counted(PLACE, "log-ins of place", place),
        )

    def _counted(self, limit: Limit, kind: str, *parts: str) -> Counted:
        return Counted(subject=self._vault.subject(kind, *parts), limit=limit)

    def _letter(self, purpose: Purpose, key: str, now: datetime) -> Letter:
        return Letter(
            name=self._new_id(), purpose=purpose, email_key=key, create_time=now, due_time=now
        )

    def _event(self, caller: Caller, resource: str, status: Code) -> Event:
        done = replace(caller.act, resource=resource, status=status.name)
        return event(done, self._new_id(), self._clock.now())
