"""Who somebody is, once a token has been verified."""

from dataclasses import dataclass

GATEWAY = "gateway"
"""The workload that stands between the outside and the services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person: `name` is a resource name `users/{user}`; `token` is what proved it, to pass on."""

    name: str
    roles: frozenset[str] = frozenset()
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A service that calls: `name` is its short name, for example `orders`."""

    name: str
