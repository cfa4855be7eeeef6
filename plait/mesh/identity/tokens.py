"""Tokens that prove who calls: JWTs (RFC 7519) of users and of workloads, signed and verified."""

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from joserfc import jws, jwt
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plait.clock import Clock
from plait.errors import Unauthenticated
from plait.mesh.identity.identity import User, Workload
from plait.mesh.identity.jwk import Key
from plait.mesh.identity.keys import Keys

ALGORITHMS = ("Ed25519", "ES256")  # RFC 9864 and RFC 7518: how we sign, and what users' tokens are
USER_ISSUER = "https://plait.local/identity"
USER_AUDIENCE = "shop"
WORKLOAD_ISSUER = "https://plait.local/supervisor"
MAX_TOKEN = 4 * 1024  # bytes; all metadata of a call has to stay below gRPC's usual 8 KiB
LEEWAY = 10.0  # seconds by which the clocks of two machines may differ, for exp, nbf and iat alike
CACHE_SIZE = 1024  # tokens of each kind
MAX_ROLES = 64

_USER_NAME = re.compile(r"(users/[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)")
_SERVICE_NAME = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"

_Who = TypeVar("_Who")


class TokenMissing(Unauthenticated):
    """The method wants to know who calls, and no token came."""


class TokenInvalid(Unauthenticated):
    """What came proves nothing here."""


class TokenExpired(Unauthenticated):
    """The token was good and is no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens are believed: signed with one of the keys, by the issuer, for the audience."""

    keys: Keys
    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ALGORITHMS


class Verifier:
    """Tells from tokens who calls.

    A token is verified once; then it is known by its hash until it expires or the keys change
    (at most 1024 of each kind). `workload_subject` is what tokens call the service {name}.
    """

    def __init__(
        self,
        *,
        users: Trust,
        workloads: Trust,
        clock: Clock,
        workload_subject: str = "services/{name}",
    ) -> None:
        self._users = _Known(users, clock, _user)
        before, after = workload_subject.split("{name}")
        form = re.compile(f"{re.escape(before)}({_SERVICE_NAME}){re.escape(after)}")

        def workload(claims: _Claims, _: str) -> Workload:  # its token is for this service alone
            return Workload(name=_subject(claims, form))

        self._workloads = _Known(workloads, clock, workload)

    async def user(self, token: str) -> User:
        """Return whose token this is.

        Raises:
            TokenInvalid: it is no token, or not one of a user for this audience; it says why.
            TokenExpired: its time is over.
            KeysUnavailable: it cannot be known, because no keys could be read so far.
        """
        return await self._users.who(token)

    async def workload(self, token: str) -> Workload:
        """Return which service this token proves to call this one; raises as `user` does."""
        return await self._workloads.who(token)

    async def close(self) -> None:
        """Let go of where the keys come from."""
        await self._users.close()
        await self._workloads.close()


def sign_user_token(  # noqa: PLR0913 - each is a claim
    key: Key,
    name: str,
    *,
    roles: Sequence[str] = (),
    life: timedelta,
    clock: Clock,
    issuer: str = USER_ISSUER,
    audience: str = USER_AUDIENCE,
) -> str:
    """Return a token for the user `users/{user}`, signed with a private key that has a kid."""
    claims = {"iss": issuer, "sub": name, "aud": audience, "roles": list(roles)}
    return _sign(key, claims, life, clock)


def sign_workload_token(  # noqa: PLR0913 - each is a claim
    key: Key,
    name: str,
    callee: str,
    *,
    life: timedelta,
    clock: Clock,
    issuer: str = WORKLOAD_ISSUER,
) -> str:
    """Return a token that proves to the service `callee` that the service `name` calls."""
    claims = {"iss": issuer, "sub": f"services/{name}", "aud": f"services/{callee}"}
    return _sign(key, claims, life, clock)


def _sign(key: Key, claims: Mapping[str, Any], life: timedelta, clock: Clock) -> str:
    now = int(clock.now().timestamp())
    times = {"iat": now, "nbf": now, "exp": now + math.ceil(life.total_seconds())}
    algorithm = "ES256" if key.key_type == "EC" else "Ed25519"
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, {**claims, **times}, key, algorithms=ALGORITHMS)


class _Known(Generic[_Who]):
    """The tokens of one kind that were verified and are still good, the last used last."""

    def __init__(
        self, trust: Trust, clock: Clock, identity: "Callable[[_Claims, str], _Who]"
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._identity = identity
        self._version = trust.keys.version
        self._known: OrderedDict[bytes, tuple[_Who, float]] = OrderedDict()

    async def who(self, token: str) -> _Who:
        if len(token) > MAX_TOKEN:
            raise TokenInvalid(
                f"the token has {len(token)} bytes; at most {MAX_TOKEN} are accepted"
            )
        keys = self._trust.keys
        fresh = keys.is_due() and await keys.refresh()
        if self._version != keys.version:
            self._version = keys.version
            self._known.clear()
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        now = self._clock.now().timestamp()
        found = self._known.pop(digest, None)
        if found is not None and now < found[1]:
            self._known[digest] = found
            return found[0]
        claims = await _claims(token, self._trust, fresh=fresh)
        _check(claims, self._trust, now)
        known = self._identity(claims, token)
        self._known[digest] = (known, claims.exp + LEEWAY)
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return known

    async def close(self) -> None:
        await self._trust.keys.close()


class _Claims(BaseModel):
    """What a token has to say (RFC 7519 section 4.1), each in its form; the rest is ignored."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    iss: str
    sub: str
    aud: str | list[str]
    iat: float
    exp: float
    nbf: float | None = None
    roles: list[str] = Field(default=[], max_length=MAX_ROLES)


async def _claims(token: str, trust: Trust, *, fresh: bool) -> _Claims:
    """Return what a token says, once its signature has been verified with a key of the issuer."""
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in trust.algorithms:
            known = " or ".join(trust.algorithms)
            raise TokenInvalid(f"the token is signed by other means than {known}")
        key = await trust.keys.find(kid, fresh=fresh) if isinstance(kid, str) else None
        if key is None:
            raise TokenInvalid("the token is signed with a key that its issuer does not have")
        return _Claims.model_validate(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except ValidationError as error:
        claims = sorted({str(each["loc"][0]) for each in error.errors()})
        raise TokenInvalid(
            f"the token's claims are not as expected: {', '.join(claims)}"
        ) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        why = type(error).__name__
        raise TokenInvalid(
            f"the token is no JWT that its issuer has signed ({why}); get a new one"
        ) from error


def _check(claims: _Claims, trust: Trust, now: float) -> None:
    audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
    if claims.iss != trust.issuer:
        raise TokenInvalid(f"the token is not from the issuer {trust.issuer}")
    if trust.audience not in audiences:
        raise TokenInvalid(f"the token is not for the audience {trust.audience}")
    if max(claims.iat, claims.nbf or claims.iat) > now + LEEWAY:
        raise TokenInvalid("the token is not valid yet")
    if claims.exp + LEEWAY <= now:
        raise TokenExpired("the token has expired; get a new one")


def _user(claims: _Claims, token: str) -> User:
    return User(name=_subject(claims, _USER_NAME), roles=frozenset(claims.roles), token=token)


def _subject(claims: _Claims, form: re.Pattern[str]) -> str:
    """Return the name in a subject of this form: its one group."""
    found = form.fullmatch(claims.sub)
    if found is None:
        raise TokenInvalid(f"the token's subject is none of the form {form.pattern}")
    return found[1]
