"""Calls of a service that has replicas: so that none fails when one of them goes, or comes.

A target with a scheme (`dns:///catalog.shop.svc:9090`) stands for all its addresses, among which
calls go round. grpcio looks a name up again only when a connection has ended; here it is looked up
every two seconds, whatever its time to live, so that a replica that comes gets calls, and one that
drains gets no more of them long before it refuses any.

What a contract says has no side effects, or may be repeated, is tried again where a replica was
UNAVAILABLE; any other call only where it was never sent, or a server says that it has not looked
at it (gRPC's transparent retries, proposal A6).
"""

import asyncio
import json
import random
import re
import socket
from collections.abc import Awaitable, Callable, Iterable

from plait.mesh.method import Method, SideEffects

ATTEMPTS = 3
LOOK_UP_EVERY = 2.0
"""Seconds between two lookups of a name, on average."""

LookUp = Callable[[str, int], Awaitable[frozenset[str]]]
"""Returns the addresses of a host, each as `address:port`; raises OSError where there are none."""

Move = Callable[[str], Awaitable[bool]]
"""Lets further calls go to another target; returns whether anybody could be reached there."""

_SCHEME = re.compile(r"(dns|ipv4|ipv6):")
_NAME = re.compile(r"dns:(?:///)?(?P<host>[^/]+):(?P<port>\d+)")
_BOTH = (socket.AF_INET, socket.AF_INET6)
_REPEATABLE = frozenset({SideEffects.NONE, SideEffects.IDEMPOTENT})
_RETRY = {
    "maxAttempts": ATTEMPTS,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def has_replicas(target: str) -> bool:
    """Say whether a target may stand for several addresses."""
    return _SCHEME.match(target) is not None


def service_config(methods: Iterable[Method]) -> str:
    """Return gRPC's service config (grpc/service_config.proto, as JSON) for these methods."""
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    names = [{"service": m.service, "method": m.name} for m in methods if _may_be_repeated(m)]
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY}]
        # At most as many retries as ten at once, and one for every ten calls that go well.
        config["retryThrottling"] = {"maxTokens": 20, "tokenRatio": 0.1}
    return json.dumps(config)


async def look_up(host: str, port: int) -> frozenset[str]:
    """Ask the system's resolver; of a host with addresses of both kinds, those of IPv4 count."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    hosts = {family: [where[0] for kind, *_, where in found if kind is family] for family in _BOTH}
    chosen = hosts[socket.AF_INET] or [f"[{host}]" for host in hosts[socket.AF_INET6]]
    return frozenset(f"{host}:{port}" for host in chosen)


class Follower:
    """Keeps the calls of a name at its addresses, as they are now.

    Args:
        target: `dns:///host:port`; another one stands for what it names, for ever.
        look_up: asks for the addresses.
        move: called with a target for the addresses whenever they have changed, again and again
            until somebody can be reached there.
    """

    def __init__(self, target: str, look_up: LookUp, move: Move) -> None:
        self._name = _NAME.fullmatch(target)
        self._look_up = look_up
        self._move = move
        self._known: frozenset[str] = frozenset()

    @property
    def follows(self) -> bool:
        """Whether there is a name to follow."""
        return self._name is not None

    async def run(self) -> None:
        """Follow the name until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_UP_EVERY * random.uniform(0.75, 1.25))  # noqa: S311 - jitter

    async def look(self) -> None:
        """Look once. Where the name cannot be looked up, or has no address, everything stays."""
        assert self._name is not None
        try:
            found = await self._look_up(self._name["host"], int(self._name["port"]))
        except OSError:
            return  # (the calls say what is wrong, where it hurts)
        if found and found != self._known and await self._move(target_of(found)):
            self._known = found


def target_of(addresses: Iterable[str]) -> str:
    """Return the target for these addresses, all of them IPv4 or all of them IPv6."""
    every = sorted(addresses)
    return f"{'ipv6' if every[0].startswith('[') else 'ipv4'}:{','.join(every)}"


def _may_be_repeated(method: Method) -> bool:
    """Streams of a client are not kept, so they cannot be sent again."""
    return method.side_effects in _REPEATABLE and not method.client_streaming
