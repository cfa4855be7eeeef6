"""The keys that sign access tokens: how they come, take over and go, and what they sign.

One key is `next`, one `current`, and those before are `previous` until the last token that they
signed has expired. Everybody has read the next key before it signs, if it is known for a quarter of
an hour.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast

from joserfc.jwk import OKPKey

from plait.clock import Clock
from plait.errors import FailedPrecondition
from plait.mesh.identity.tokens import sign_user_token
from services.identity.domain import ACCESS_LIFE, User
from services.identity.vault import Vault

ROTATION_PAUSE = timedelta(minutes=15)
"""Between two rotations: so long others may keep what they have read of GetJwks."""

_MARGIN = timedelta(minutes=1)  # for a token that is being signed, and for others' clocks
_MOST_OPEN = 8


class RotatedRecently(FailedPrecondition):
    """Services may not have read the next key yet."""


class State(Enum):
    """What a key does: it will sign, it signs, or it has signed."""

    NEXT = "next"
    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key as it is kept.

    Attributes:
        kid: its id (RFC 7638).
        state: what it does.
        x: the public part, base64url (RFC 8037).
        sealed: the private part, sealed by the vault; empty once it signs no more.
        create_time: when it was made.
        rotate_time: when it took over from another, if it did.
        expire_time: when everything that it signed has expired, once it signs no more.
    """

    kid: str
    state: State
    x: str
    sealed: bytes
    create_time: datetime
    rotate_time: datetime | None = None
    expire_time: datetime | None = None


def new_key(vault: Vault, state: State, now: datetime) -> SigningKey:
    """Return a new Ed25519 key."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    kid, private = str(key.kid), cast("dict[str, Any]", key.as_dict(private=True))
    return SigningKey(
        kid=kid,
        state=state,
        x=str(private["x"]),
        sealed=vault.seal(json.dumps(private).encode(), kid),
        create_time=now,
    )


def check_rotation(current: SigningKey, now: datetime) -> None:
    """Let a rotation pass unless there was one a moment ago.

    The first key has taken over from none: whoever knows it has read the next one beside it.

    Raises:
        RotatedRecently: there was.
    """
    if current.rotate_time is None:
        return
    left = (current.rotate_time + ROTATION_PAUSE - now).total_seconds()
    if left > 0:
        raise RotatedRecently(
            f"the keys were rotated less than {ROTATION_PAUSE.total_seconds() / 60:.0f} minutes "
            "ago, and services may not have read the next key yet: wait",
            retry_after=left,
        )


def last_token_expires(now: datetime) -> datetime:
    """Return when the tokens have expired that a key signed which signs no more from now on."""
    return now + ACCESS_LIFE + _MARGIN


class Signer:
    """Signs access tokens with keys that it opens once each.

    Args:
        vault: what opens them.
        clock: what tokens' times are taken from.
        issuer: who issues tokens (claim iss).
        audience: for whom they are (claim aud).
    """

    def __init__(self, vault: Vault, clock: Clock, *, issuer: str, audience: str) -> None:
        self._vault = vault
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._open: OrderedDict[str, OKPKey] = OrderedDict()

    def access_token(self, key: SigningKey, user: User) -> str:
        """Return a token for the user, with the roles that they have, good for 15 minutes."""
        return sign_user_token(
            self.opened(key),
            user.name,
            roles=user.roles,
            life=ACCESS_LIFE,
            clock=self._clock,
            issuer=self._issuer,
            audience=self._audience,
        )

    def opened(self, key: SigningKey) -> OKPKey:
        """Return a key that can sign.

        Raises:
            SealBroken: it was sealed with another secret.
        """
        found = self._open.get(key.kid)
        if found is None:
            found = OKPKey.import_key(json.loads(self._vault.open(key.sealed, key.kid)))
            self._open[key.kid] = found
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return found


def known(keys: Sequence[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    """Return those that others need: all but the ones whose tokens have expired."""
    return tuple(key for key in keys if key.expire_time is None or key.expire_time > now)
