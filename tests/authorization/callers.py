"""Everyone who may turn up, and what they show of themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from plait.testing import TestKeys
from tests.authorization.contracts import SERVICES

ANNA, BERT, BOSS, GIL = "users/anna", "users/bert", "users/boss", "users/gil"
PAST = timedelta(minutes=-5)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody: `broken` is the reason with which their proof is refused, if it is none."""

    name: str
    user: str = ""
    roles: tuple[str, ...] = ()
    workload: str = ""
    broken: str = ""


WORKLOADS = tuple(
    Caller(name=f"the service {name}", workload=name) for name in (*SERVICES, "gateway", "stranger")
)
CALLERS = (
    Caller(name="nobody"),
    Caller(name="a user", user=ANNA),
    Caller(name="an admin", user=BOSS, roles=("admin",)),
    Caller(name="an agent", user=GIL, roles=("agent",)),
    Caller(name="a user with a role of another system", user=ANNA, roles=("root", "ADMIN")),
    *WORKLOADS,
    Caller(name="the service orders for a user", user=ANNA, workload="orders"),
    Caller(
        name="the service catalog for an admin", user=BOSS, roles=("admin",), workload="catalog"
    ),
    Caller(name="a user of yesterday", user=ANNA, broken="TOKEN_EXPIRED"),
    Caller(name="a user with another kind of proof", user=ANNA, broken="TOKEN_INVALID"),
)
PRETENDERS = (
    Caller(name="orders, an hour ago", workload="orders", broken="TOKEN_EXPIRED"),
    Caller(name="orders, as it calls another service", workload="orders", broken="TOKEN_INVALID"),
)
"""Workloads whose proof is no good; over HTTP nobody can show such a proof."""


def shown(caller: Caller, callee: str, keys: TestKeys) -> Iterator[tuple[str, str]]:
    """Yield the headers, or the metadata, with which a caller comes to a service."""
    expired = caller.broken == "TOKEN_EXPIRED"
    if caller.user and caller.broken == "TOKEN_INVALID":
        yield "authorization", "Basic dXNlcjpwYXNz"
    elif caller.user:
        life = {"life": PAST} if expired else {}
        yield "authorization", f"Bearer {keys.user_token(caller.user, caller.roles, **life)}"
    if caller.workload:
        to = callee if caller.broken != "TOKEN_INVALID" else f"not-{callee}"
        life = {"life": PAST} if expired else {}
        yield "x-plait-workload", keys.workload_token(caller.workload, to, **life)
