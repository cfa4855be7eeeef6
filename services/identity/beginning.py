"""What must be there before anybody can log in: keys that sign, and a first admin."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from plait.clock import Clock
from plait.errors import Code, Unavailable
from plait.ids import NewId
from plait.mesh.health import Ready
from plait.mesh.interceptors.audit import Act
from services.identity.audit import event
from services.identity.domain import ADMIN, EmailTaken, User
from services.identity.hashing import Hasher
from services.identity.keys import Signer, State, new_key
from services.identity.store import Store
from services.identity.vault import SealBroken, Vault

PAUSE = 1.0
"""Seconds between two looks at a database that is not ready."""

_SERVICE = "services/identity"
_GRANTED = "shop.identity.v1.IdentityService/GrantRole"
_log = logging.getLogger(__name__)


class NotBegun(Unavailable):
    """The service cannot sign yet; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """Who becomes the first admin, if there is none."""

    email: str
    password: str = field(repr=False)


class Beginning:
    """Makes what is missing, once the database is ready.

    Args:
        store: where it is kept.
        database_ready: whether the database can be used; raises Unavailable otherwise.
        vault: what seals the keys.
        signer: what has to be able to open them.
        hasher: hashes the admin's password.
        clock: what time it is.
        new_id: names what is new.
        admin: the first admin; None: there will be none.
        sleep: what waits for the database.
    """

    def __init__(  # noqa: PLR0913 - the parts of which it is built
        self,
        store: Store,
        *,
        database_ready: Ready,
        vault: Vault,
        signer: Signer,
        hasher: Hasher,
        clock: Clock,
        new_id: NewId,
        admin: FirstAdmin | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._database_ready = database_ready
        self._vault = vault
        self._signer = signer
        self._hasher = hasher
        self._clock = clock
        self._new_id = new_id
        self._admin = admin
        self._sleep = sleep
        self._problem = "it has not begun yet"
        self.over = asyncio.Event()
        """Set once everything is there."""

    async def run(self) -> None:
        """Begin as soon as the database is ready; returns when that is done."""
        while not await self._can_begin():
            await self._sleep(PAUSE)
        await self.begin()

    async def begin(self) -> None:
        """Make keys and the first admin, where there are none; others may do so at the same time.

        Raises:
            NotBegun: the keys were sealed with another secret.
        """
        await self._make_keys()
        await self._open_keys()
        if self._admin is not None:
            await self._make_admin(self._admin)
        self._problem = ""
        self.over.set()

    async def ready(self) -> bool:
        """Return True, or raise Unavailable with what is missing."""
        await self._database_ready()
        if self._problem:
            raise NotBegun(self._problem)
        return True

    async def _can_begin(self) -> bool:
        try:
            return await self._database_ready()
        except Unavailable:  # health says why
            return False

    async def _make_keys(self) -> None:
        if await self._store.keys.all():
            return
        now = self._clock.now()
        current, following = (
            new_key(self._vault, state, now) for state in (State.CURRENT, State.NEXT)
        )
        if await self._store.keys.add_first(current, following):
            _log.info("made the first keys that sign tokens")

    async def _open_keys(self) -> None:
        """See to it that every key can sign that has to."""
        try:
            for key in await self._store.keys.all():
                if key.state is not State.PREVIOUS:
                    self._signer.opened(key)
        except SealBroken as error:
            self._problem = (
                "the signing keys in the database were sealed with another IDENTITY_SECRET: set "
                "the one that they were sealed with (docs/decisions/0009 says what to do if it "
                "is lost)"
            )
            raise NotBegun(self._problem) from error

    async def _make_admin(self, admin: FirstAdmin) -> None:
        if await self._store.users.has_admin():
            return
        now = self._clock.now()
        user = User(
            name=f"users/{self._new_id()}",
            email=admin.email,
            roles=(ADMIN,),
            create_time=now,
            update_time=now,
        )
        done = Act(
            actor=_SERVICE,
            method=_GRANTED,
            resource=user.name,
            status=Code.OK.name,
            client_address="",
            trace_id="",
        )
        password_hash = await self._hasher.hash(admin.password)
        try:
            made = await self._store.users.add_admin(
                user, password_hash, event(done, self._new_id(), now)
            )
        except EmailTaken:
            _log.warning(
                "there is no admin, and none was made: a user who is none has the address of "
                "IDENTITY_ADMIN_EMAIL; set another one and start again"
            )
            return
        if made:
            _log.info("made the first admin %s", user.name)
