"""Calls of a service that has replicas: what grpcio is told so that none fails when one goes.

A target with a scheme (`dns:///catalog.shop.svc:9090`) stands for all its addresses. Calls go round
among those that take calls (`plait.mesh.health.CALLS`): a replica that drains is left alone before
it refuses, and the name is looked up anew. What a contract says has no side effects, or may be
repeated, is tried again where a replica was UNAVAILABLE; any other call only where it was never
sent, or a server says that it has not looked at it (gRPC's transparent retries, proposal A6).
"""

import json
import re
from collections.abc import Iterable

from plait.mesh.health import CALLS
from plait.mesh.method import Method, SideEffects

ATTEMPTS = 3
LOOK_UP_EVERY = 2.0
"""Seconds between two lookups of a name at least, whatever its time to live."""

_SCHEME = re.compile(r"(dns|ipv4|ipv6):")
_REPEATABLE = frozenset({SideEffects.NONE, SideEffects.IDEMPOTENT})


def has_replicas(target: str) -> bool:
    """Say whether a target may stand for several addresses."""
    return _SCHEME.match(target) is not None


def options(methods: Iterable[Method]) -> list[tuple[str, str | int]]:
    """Return the options of a channel to such a target; `methods` are those that it will call."""
    return [
        ("grpc.service_config", service_config(methods)),
        ("grpc.dns_min_time_between_resolutions_ms", round(LOOK_UP_EVERY * 1000)),
    ]


def service_config(methods: Iterable[Method]) -> str:
    """Return gRPC's service config (grpc/service_config.proto, as JSON)."""
    config: dict[str, object] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": CALLS},
    }
    names = [{"service": m.service, "method": m.name} for m in methods if _may_be_repeated(m)]
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": _RETRY}]
        # At most as many retries as ten at once, and one for every ten calls that go well.
        config["retryThrottling"] = {"maxTokens": 20, "tokenRatio": 0.1}
    return json.dumps(config)


_RETRY = {
    "maxAttempts": ATTEMPTS,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def _may_be_repeated(method: Method) -> bool:
    """Streams of a client are not kept, so they cannot be sent again."""
    return method.side_effects in _REPEATABLE and not method.client_streaming
