"""An identity service of few lines, for tests of what logs in: sessions as the contract says."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from plait.errors import Internal, ResourceExhausted, Unauthenticated
from plait.testing import Serving, serving
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1.identity_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)

ADMIN, PASSWORD = "admin@shop.example", "the admin's password"
EARLY = 3  # failures in a row that lock nobody out

FILE = """
[project]
name = "test"
[login]
method = "identity/LogIn"
refresh = "identity/RefreshSession"
logout = "identity/LogOut"
admin = {{ email = "admin@shop.example", secret = "ADMIN_PASSWORD" }}
[[services]]
name = "identity"
module = "identity.main"
port = {port}
secrets = [{{ name = "ADMIN_PASSWORD", show = "the admin's password" }}]
"""


class WrongCredentials(Unauthenticated):
    pass


class TooManyAttempts(ResourceExhausted):
    pass


class RefreshTokenInvalid(Unauthenticated):
    pass


class RefreshTokenReused(Unauthenticated):
    pass


class People(IdentityServiceServicer):
    """Knows one user; `life` is that of an access token, `broken` makes every method fail."""

    def __init__(self) -> None:
        self.password = PASSWORD
        self.life = timedelta(minutes=15)
        self.failures = 0
        self.refreshes = 0
        self.broken = False
        self.current: dict[str, str] = {}  # refresh tokens that work, and their sessions
        self.used: dict[str, str] = {}
        self._numbers = iter(range(1, 1000))

    async def LogIn(self, request, context):  # noqa: N802 - the contract calls it so
        if self.broken:
            raise Internal("something is wrong")
        if self.failures >= EARLY:
            raise TooManyAttempts("too many failures", retry_after=2.5)
        if (request.email, request.password) != (ADMIN, self.password):
            self.failures += 1
            raise WrongCredentials("the address or the password is wrong")
        return self._session(f"sessions/s{next(self._numbers)}")

    async def RefreshSession(self, request, context):  # noqa: N802 - the contract calls it so
        self.refreshes += 1
        if session := self.used.get(request.refresh_token):
            self.current = {token: of for token, of in self.current.items() if of != session}
            raise RefreshTokenReused("the token was used before")
        if request.refresh_token not in self.current:
            raise RefreshTokenInvalid("the token is unknown")
        session = self.current.pop(request.refresh_token)
        self.used[request.refresh_token] = session
        return self._session(session)

    async def LogOut(self, request, context):  # noqa: N802 - the contract calls it so
        if self.broken:
            raise Internal("something is wrong")
        self.current.pop(request.refresh_token, None)
        return Empty()

    def _session(self, name: str) -> pb.Session:
        number = next(self._numbers)
        self.current[f"refresh-{number}"] = name
        session = pb.Session(
            name=name,
            user="users/admin",
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
        )
        session.access_token_expire_time.FromDatetime(datetime.now(UTC) + self.life)
        return session


@asynccontextmanager
async def running(people: People, root: Path) -> AsyncGenerator[Serving]:
    """Serve it, with a plait.toml in `root` that says where."""
    async with serving(
        lambda server: add_IdentityServiceServicer_to_server(people, server), name="identity"
    ) as server:
        port = server.target.rpartition(":")[2]
        (root / "plait.toml").write_text(FILE.format(port=port))
        yield server
