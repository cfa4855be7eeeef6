"""A running identity service, people who call it, and the mail that it sends."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from argon2 import PasswordHasher

from plait.data.database import Database
from plait.errors import Error
from plait.mesh.interceptors.audit import audit
from plait.mesh.metadata import AUTHORIZATION, CLIENT_ADDRESS, WORKLOAD
from plait.testing import FakeClock, Serving, serving
from services.identity.delivery import MailRefused, MailServerAway
from services.identity.hashing import Hasher
from services.identity.main import Identity, build
from services.identity.settings import IdentitySettings
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1.identity_pb2_grpc import (
    IdentityServiceStub,
    add_IdentityServiceServicer_to_server,
)
from tests.services.identity.people import GOOD, SECRET, Ids

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HOME, ELSEWHERE = "198.51.100.1", "203.0.113.7"


class FakeMail:
    """A mail server that keeps what it gets; it may be away, or refuse."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.away = False
        self.refuses: set[str] = set()

    async def send(self, mail: EmailMessage) -> None:
        if self.away:
            raise MailServerAway("nobody answers")
        if str(mail["To"]) in self.refuses:
            raise MailRefused("the mail server answered 550")
        self.sent.append(mail)

    def token(self, to: str, index: int = -1) -> str:
        """The token of a letter, as a person finds it: alone on a line."""
        texts = [mail.get_content() for mail in self.sent if mail["To"] == to]
        [token] = re.findall(r"^([A-Za-z0-9_-]{43})\r?$", texts[index], re.MULTILINE)
        return str(token)


@dataclass
class Shop:
    """The service, its stubs for different callers, its clock and its mail."""

    serving: Serving
    identity: Identity
    mail: FakeMail
    clock: FakeClock
    database: Database
    ids: Ids = field(default_factory=Ids)

    def __post_init__(self) -> None:
        self.nobody = IdentityServiceStub(self.serving.channel)
        self.admin = self.called_by("users/boss", "admin")

    def called_by(self, user: str, *roles: str) -> Any:
        return IdentityServiceStub(self.serving.connect_as(user, roles=roles))

    def at(self, address: str, token: str = "") -> list[tuple[str, str]]:
        """What a call carries that comes through the gateway from this address."""
        proof = self.serving.keys.workload_token("gateway", "identity")
        metadata = [(WORKLOAD, proof), (CLIENT_ADDRESS, address)]
        return [*metadata, (AUTHORIZATION, f"Bearer {token}")] if token else metadata

    async def sign_up(self, who: str = "ann", password: str = GOOD, **fields: Any) -> pb.User:
        request = pb.SignUpRequest(email=f"{who}@example.org", password=password, **fields)
        return await self.nobody.SignUp(request)

    async def log_in(self, who: str = "ann", password: str = GOOD, *, at: str = HOME) -> pb.Session:
        request = pb.LogInRequest(email=f"{who}@example.org", password=password)
        return await self.nobody.LogIn(request, metadata=self.at(at))

    async def fail(self, times: int, who: str = "ann", *, at: str = HOME) -> list[str]:
        """Try to log in with another password; returns the reasons."""
        return [
            await self.reason(self.log_in(who, "not the password", at=at)) for _ in range(times)
        ]

    async def refresh(self, token: str) -> pb.Session:
        return await self.nobody.RefreshSession(pb.RefreshSessionRequest(refresh_token=token))

    async def reason(self, call: Any) -> str:
        """Why a call fails; empty if it does not."""
        with suppress(StopIteration):
            try:
                await call
            except Error as error:
                return error.reason
        return ""

    async def events(self, filter_text: str = "") -> Sequence[pb.AuditEvent]:
        request = pb.ListAuditEventsRequest(filter=filter_text)
        return (await self.admin.ListAuditEvents(request)).audit_events


@asynccontextmanager
async def running(
    database: Database, clock: FakeClock, hasher: Hasher | None = None, **settings: Any
) -> AsyncIterator[Shop]:
    """Run the service with everything but its background, which tests drive by hand."""
    mail, ids = FakeMail(), Ids()
    hasher = hasher or Hasher(threads=2, hasher=CHEAP)
    own = IdentitySettings(database_url="sqlite:///x.db", identity_secret=SECRET, **settings)
    identity = build(own, database, clock=clock, new_id=ids, mail=mail, hasher=hasher)
    await identity.beginning.begin()
    async with serving(
        lambda server: add_IdentityServiceServicer_to_server(identity.service, server),
        name="identity",
        settings=own,
        ready=identity.beginning.ready,
        clock=clock,
        observers=[audit(identity.keep)],
    ) as served:
        yield Shop(served, identity, mail, clock, database, ids)
    hasher.close()
