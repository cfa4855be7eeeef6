"""Whose tokens a process believes, as its settings say."""

import re
from pathlib import Path

from plait.clock import Clock
from plait.mesh.channel import connect
from plait.mesh.identity.key_file import KeyFile
from plait.mesh.identity.key_service import KeyService
from plait.mesh.identity.keys import Keys, KeySource
from plait.mesh.identity.tokens import Trust, Verifier
from plait.mesh.stack import anonymous_stack
from plait.settings import Settings

_GRPC = "grpc:"
_PLACE = re.compile(r"(?P<service>[^/]+)(?P<method>/[A-Za-z0-9_.]+/[A-Za-z0-9_]+)")


class TrustError(Exception):
    """The settings do not say where keys are; the message names the setting and what is wrong."""


def verifier(settings: Settings, service: str, clock: Clock) -> Verifier:
    """Return the verifier of the process `service` (its short name); close it at the end.

    The keys of users are in a file, or come from a service (`grpc:identity/shop.v1.Keys/Get`) that
    is found as every other; those of workloads are in a file.

    Raises:
        TrustError: a setting says something else, or it is not known where the service is.
    """
    workloads = settings.workload_jwks
    if workloads.startswith(_GRPC):
        raise TrustError(
            f"PLAIT_WORKLOAD_JWKS is {workloads!r}; expected a file: no service can be asked for "
            "the keys that prove who it is"
        )
    return Verifier(
        users=Trust(
            keys=Keys(_users(settings.user_jwks, clock), clock),
            issuer=settings.user_issuer,
            audience=settings.user_audience,
        ),
        workloads=Trust(
            keys=Keys(KeyFile(Path(workloads)) if workloads else None, clock),
            issuer=settings.workload_issuer,
            audience=f"services/{service}",
            algorithms=tuple(settings.workload_algorithms.split(",")),
        ),
        clock=clock,
        workload_subject=settings.workload_subject,
    )


def _users(place: str, clock: Clock) -> KeySource | None:
    if not place.startswith(_GRPC):
        return KeyFile(Path(place)) if place else None
    found = _PLACE.fullmatch(place.removeprefix(_GRPC))
    if found is None:
        raise TrustError(
            f"PLAIT_USER_JWKS is {place!r}; expected a file, or a service and a method of it such "
            "as grpc:identity/shop.identity.v1.IdentityService/GetJwks"
        )
    try:
        channel = connect(found["service"], clock=clock, stack=anonymous_stack(clock))
    except ValueError as error:
        raise TrustError(f"PLAIT_USER_JWKS is {place!r}: {error}") from error
    return KeyService(channel, found["method"])
