"""For tests of services: a real server and channel on a free port, tokens, a clock that tests own.

async with serving(lambda server: add_CatalogServiceServicer_to_server(service, server)) as shop:
    catalog = CatalogServiceStub(shop.connect_as(roles=["admin"]))
    product = await catalog.CreateProduct(request)
"""

import json
import tempfile
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from joserfc.jwk import OKPKey

from plait.background import Chore
from plait.clock import Clock, SystemClock
from plait.mesh.call import Call, Interceptor
from plait.mesh.channel import connect
from plait.mesh.grpcio import Channel
from plait.mesh.health import Ready
from plait.mesh.identity.tokens import sign_user_token, sign_workload_token
from plait.mesh.metadata import AUTHORIZATION, WORKLOAD
from plait.mesh.stack import client_stack
from plait.service import Register, Server
from plait.settings import Settings

USER = "users/u1"


class FakeClock:
    """A clock that stands still until a test moves it; keeps the promises of `plait.clock.Clock`.

    It moves no timer: what waits in the event loop waits in real time.
    """

    def __init__(self, now: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass; time never goes back.

        Raises:
            ValueError: the number is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} s")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class TestKeys:
    """The keys of an identity service and of a supervisor, and the tokens that they sign.

    Args:
        folder: where the two JWKS files are written.
        clock: what the tokens' times are taken from.
    """

    __test__ = False  # pytest: this is not a test

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.users = OKPKey.generate_key("Ed25519", auto_kid=True)
        self.workloads = OKPKey.generate_key("Ed25519", auto_kid=True)
        self.user_jwks = folder / "users.jwks.json"
        self.workload_jwks = folder / "workloads.jwks.json"
        write_jwks(self.user_jwks, [self.users])
        write_jwks(self.workload_jwks, [self.workloads])

    def user_token(
        self,
        name: str = USER,
        roles: Iterable[str] = (),
        *,
        life: timedelta = timedelta(minutes=15),
    ) -> str:
        """Return a token of the user `users/{user}`; with a negative `life` it has expired."""
        return sign_user_token(self.users, name, roles=list(roles), life=life, clock=self.clock)

    def workload_token(
        self, name: str, callee: str, *, life: timedelta = timedelta(hours=1)
    ) -> str:
        """Return a token that proves to the service `callee` that the service `name` calls."""
        return sign_workload_token(self.workloads, name, callee, life=life, clock=self.clock)


def write_jwks(path: Path, keys: Iterable[OKPKey]) -> None:
    """Write the public halves of the keys as a JWKS file (RFC 7517), at once or not at all."""
    entries = [{**key.as_dict(private=False), "use": "sig", "alg": "Ed25519"} for key in keys]
    written = path.with_name(f"{path.name}.new")
    written.write_text(json.dumps({"keys": entries}), encoding="utf-8")
    written.replace(path)


@dataclass(slots=True, kw_only=True, eq=False)
class Serving:
    """A running server and the ways to call it.

    `target` is `127.0.0.1:<port>`, `channel` calls as nobody.
    """

    server: Server
    name: str
    target: str
    keys: TestKeys
    clock: Clock
    channels: list[Channel] = field(default_factory=list)

    @property
    def channel(self) -> Channel:
        return self.channels[0]

    def connect_as(
        self, user: str = USER, *, roles: Sequence[str] = (), workload: str = ""
    ) -> Channel:
        """Return a channel with the whole client stack whose calls carry these identities.

        Args:
            user: the name of a user, `users/{user}`; empty for none.
            roles: the user's roles.
            workload: the short name of the service that calls; empty for none.
        """
        metadata: list[tuple[str, str]] = []
        if user:
            metadata.append((AUTHORIZATION, f"Bearer {self.keys.user_token(user, roles)}"))
        if workload:
            metadata.append((WORKLOAD, self.keys.workload_token(workload, self.name)))
        stack = client_stack(callee=self.name, tokens=None, clock=self.clock)
        return self._open((*stack, _with(metadata)))

    def connect(self) -> Channel:
        """Return one more channel that calls as nobody, with the whole client stack."""
        return self._open(client_stack(callee=self.name, tokens=None, clock=self.clock))

    def _open(self, stack: Sequence[Interceptor]) -> Channel:
        channel = connect(self.name, target=self.target, environ={}, clock=self.clock, stack=stack)
        self.channels.append(channel)
        return channel


@asynccontextmanager
async def serving(  # noqa: PLR0913 - as `plait.service.Server`
    register: Register,
    *,
    name: str = "test",
    settings: Settings | None = None,
    ready: Ready | None = None,
    clock: Clock | None = None,
    background: Sequence[Chore] = (),
    observers: Sequence[Interceptor] = (),
) -> AsyncGenerator[Serving]:
    """Run a server with the whole stack on 127.0.0.1 and a free port while the block lasts.

    Args:
        register: adds the generated servicers to the server.
        name: the service's short name.
        settings: of the service; where it listens, its keys and its times of draining are replaced.
        ready: whether calls can be served, for the health check.
        clock: what deadlines and tokens are measured with, on both sides.
        background: what the server does beside its calls.
        observers: what the service itself wants to see of each call.
    """
    clock = clock or SystemClock()
    with tempfile.TemporaryDirectory(prefix="plait-") as folder:
        keys = TestKeys(Path(folder), clock)
        own = (settings or Settings()).model_copy(
            update={
                "host": "127.0.0.1",
                "port": 0,
                "user_jwks": str(keys.user_jwks),
                "workload_jwks": str(keys.workload_jwks),
                "drain_delay": 0.0,
                "drain_grace": 1.0,
            }
        )
        server = Server(
            own,
            register,
            name=name,
            ready=ready,
            clock=clock,
            background=background,
            observers=observers,
        )
        port = await server.start()
        running = Serving(
            server=server, name=name, target=f"127.0.0.1:{port}", keys=keys, clock=clock
        )
        running.connect()
        try:
            yield running
        finally:
            for channel in running.channels:
                await channel.close()
            await server.stop()


def _with(metadata: Sequence[tuple[str, str]]) -> Interceptor:
    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        call.metadata.extend(metadata)
        yield

    return around
