"""Who asks is known from a bearer token, or from nothing."""

from datetime import timedelta

import pytest

from plait.api.v1 import options_pb2
from plait.errors import Error, NotFound, PermissionDenied, Unauthenticated
from plait.gateway.edge.auth import authenticate, challenge
from plait.mesh.identity.key_file import KeyFile
from plait.mesh.identity.keys import Keys
from plait.mesh.identity.tokens import (
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    Trust,
    Verifier,
)
from plait.testing import FakeClock, TestKeys

PUBLIC = options_pb2.Access(public={})
USER = options_pb2.Access(user={})
ADMIN = options_pb2.Access(roles={"any": ["admin"]})


@pytest.fixture
def keys(tmp_path):
    return TestKeys(tmp_path, FakeClock())


@pytest.fixture
def verifier(keys):
    users = Trust(
        keys=Keys(KeyFile(keys.user_jwks), keys.clock),
        issuer="https://plait.local/identity",
        audience="shop",
    )
    return Verifier(users=users, workloads=users, clock=keys.clock)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_nobody_in_particular_may_call_what_is_public(verifier):
    assert await authenticate({}, PUBLIC, verifier) is None


async def test_a_good_token_tells_the_user_and_is_kept_to_be_passed_on(keys, verifier):
    token = keys.user_token("users/u7", ["admin"])

    user = await authenticate(bearer(token), ADMIN, verifier)

    assert (user.name, user.roles, user.token) == ("users/u7", {"admin"}, token)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
async def test_the_scheme_is_read_as_rfc_9110_says(keys, verifier, scheme):
    headers = {"authorization": f"{scheme} {keys.user_token()}"}

    assert await authenticate(headers, USER, verifier) is not None


@pytest.mark.parametrize(
    "given", ["Basic dTpw", "Bearer", "Bearer ", "token", "Bearer a, Bearer b"]
)
async def test_anything_else_is_refused_even_where_nothing_is_needed(verifier, given):
    with pytest.raises(TokenInvalid):
        await authenticate({"authorization": given}, PUBLIC, verifier)


async def test_without_a_token_what_is_for_users_is_refused(verifier):
    with pytest.raises(TokenMissing):
        await authenticate({}, USER, verifier)


async def test_without_the_role_what_is_for_roles_is_refused(keys, verifier):
    with pytest.raises(PermissionDenied):
        await authenticate(bearer(keys.user_token()), ADMIN, verifier)


async def test_a_token_is_good_until_it_expires(keys, verifier):
    headers = bearer(keys.user_token(life=timedelta(minutes=1)))
    await authenticate(headers, USER, verifier)

    keys.clock.advance(3600)

    with pytest.raises(TokenExpired):
        await authenticate(headers, USER, verifier)


async def test_what_is_refused_here_is_said_by_the_gateway(keys):
    users = Trust(keys=Keys(None, keys.clock), issuer="i", audience="a")
    verifier = Verifier(users=users, workloads=users, clock=keys.clock)
    for headers in ({}, bearer(keys.user_token())):
        with pytest.raises(Error) as raised:
            await authenticate(headers, USER, verifier)
        assert raised.value.domain == "gateway"
    assert raised.value.reason == "KEYS_UNAVAILABLE"


def test_a_challenge_says_what_was_wrong_without_breaking_its_quotes():
    assert challenge(TokenMissing("none")) == (("www-authenticate", "Bearer"),)
    assert challenge(Unauthenticated("by the service", reason="TOKEN_MISSING")) == (
        ("www-authenticate", "Bearer"),
    )
    assert challenge(TokenInvalid('a "quote" and\r\na line\\')) == (
        (
            "www-authenticate",
            'Bearer error="invalid_token", error_description="a  quote  and  a line "',
        ),
    )


def test_other_errors_are_no_challenge():
    assert challenge(NotFound("no")) == ()
