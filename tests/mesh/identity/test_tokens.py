"""Promises of tokens: good ones are understood, and no forged, stale or misdirected one passes."""

import base64
import hmac
import json
import math
from datetime import timedelta

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from plait.mesh.identity.identity import Workload
from plait.mesh.identity.key_file import LOOK_EVERY
from plait.mesh.identity.keys import KeysUnavailable
from plait.mesh.identity.tokens import (
    CACHE_SIZE,
    LEEWAY,
    MAX_ROLES,
    MAX_TOKEN,
    USER_AUDIENCE,
    USER_ISSUER,
    TokenExpired,
    TokenInvalid,
    sign_user_token,
    sign_workload_token,
)
from plait.mesh.identity.trust import verifier
from plait.settings import Settings
from plait.testing import FakeClock, TestKeys, write_jwks

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def keys(tmp_path, clock):
    return TestKeys(tmp_path, clock)


@pytest.fixture
def verify(keys, clock):
    settings = Settings(user_jwks=str(keys.user_jwks), workload_jwks=str(keys.workload_jwks))
    return verifier(settings, "catalog", clock)


@pytest.fixture
def claims(clock):
    now = int(clock.now().timestamp())
    return {
        "iss": USER_ISSUER,
        "sub": "users/anna",
        "aud": USER_AUDIENCE,
        "iat": now,
        "exp": now + 60,
        "roles": ["admin"],
    }


def signed(claims, key, *, alg="Ed25519", **header):
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    head = {"alg": alg, "kid": key.kid} | header
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(head, payload, key, registry=registry)


def raw(header, claims, signature=b"x"):
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_users_token_says_who_it_is_and_what_they_may_do(verify, keys):
    token = keys.user_token("users/anna", roles=["admin", "agent"])

    user = await verify.user(token)

    assert (user.name, user.roles) == ("users/anna", {"admin", "agent"})
    assert user.token == token


async def test_a_workloads_token_says_which_service_calls(verify, keys):
    assert await verify.workload(keys.workload_token("orders", "catalog")) == Workload(
        name="orders"
    )


async def test_es256_is_understood_as_well(verify, keys, clock):
    key = ECKey.generate_key("P-256", auto_kid=True)
    entries = [key.as_dict(private=False)]
    keys.user_jwks.write_text(json.dumps({"keys": entries}))

    token = sign_user_token(key, "users/anna", life=MINUTE, clock=clock)

    assert (await verify.user(token)).name == "users/anna"


async def test_a_token_for_several_audiences_is_for_each(verify, keys, claims):
    token = signed(claims | {"aud": ["other", USER_AUDIENCE]}, keys.users)

    assert (await verify.user(token)).name == "users/anna"


async def test_a_token_without_roles_has_none(verify, keys, claims):
    del claims["roles"]

    assert (await verify.user(signed(claims, keys.users))).roles == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example/"},
        {"iss": USER_ISSUER + "/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": {"shop": 1}},
        {"sub": "users/"},
        {"sub": "anna"},
        {"sub": "services/orders"},
        {"sub": "users/anna/../boss"},
        {"sub": "users/Anna"},
        {"sub": "users/anna\n"},
        {"sub": "users/me/x"},
        {"sub": 7},
        {"exp": None},
        {"exp": "2040-01-01"},
        {"exp": True},
        {"exp": math.nan},
        {"exp": math.inf},
        {"iat": None},
        {"iat": "0"},
        {"nbf": "0"},
        {"roles": "admin"},
        {"roles": {"admin": True}},
        {"roles": [["admin"]]},
        {"roles": [1]},
        {"roles": ["x"] * (MAX_ROLES + 1)},
    ],
)
async def test_a_well_signed_token_that_says_something_else_is_refused(
    verify, keys, claims, change
):
    token = signed(claims | change, keys.users)

    with pytest.raises(TokenInvalid) as raised:
        await verify.user(token)

    assert raised.value.reason == "TOKEN_INVALID"


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "iat", "exp"])
async def test_a_token_without_a_claim_that_counts_is_refused(verify, keys, claims, missing):
    del claims[missing]

    with pytest.raises(TokenInvalid):
        await verify.user(signed(claims, keys.users))


@pytest.mark.parametrize("payload", [b"[]", b"5", b"not json", b"\xff", b"", b"[" * 3000])
async def test_a_well_signed_token_without_claims_is_refused(verify, keys, payload):
    with pytest.raises(TokenInvalid):
        await verify.user(signed(payload, keys.users))


async def test_the_largest_number_of_roles_is_taken(verify, keys, claims):
    roles = [f"r{number}" for number in range(MAX_ROLES)]

    assert (await verify.user(signed(claims | {"roles": roles}, keys.users))).roles == set(roles)


async def test_a_token_that_is_not_signed_is_refused(verify, keys, claims):
    for header in ({"alg": "none"}, {"alg": "none", "kid": keys.users.kid}, {"alg": "NONE"}):
        for signature in (b"", b"x"):
            with pytest.raises(TokenInvalid):
                await verify.user(raw(header, claims, signature))


async def test_a_token_signed_with_another_key_is_refused(verify, keys, claims):
    stranger = OKPKey.generate_key("Ed25519", auto_kid=True)
    pretender = OKPKey.generate_key("Ed25519", {"kid": keys.users.kid})

    for key in (stranger, pretender):
        with pytest.raises(TokenInvalid):
            await verify.user(signed(claims, key))


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(verify, keys, claims):
    head = {"alg": "HS256", "kid": keys.users.kid}
    signing = raw(head, claims).rpartition(".")[0]
    public = keys.users.as_dict(private=False)
    secrets = (
        keys.users.as_pem(private=False),
        json.dumps(public).encode(),
        base64.urlsafe_b64decode(public["x"] + "="),
        public["x"].encode(),
    )
    for secret in secrets:
        signature = hmac.digest(secret, signing.encode(), "sha256")
        with pytest.raises(TokenInvalid, match="other means"):
            await verify.user(raw(head, claims, signature))


@pytest.mark.parametrize(
    "kid",
    [
        "../../etc/passwd",
        "https://evil.example/jwks.json",
        "' OR 1=1 --",
        "",
        "\x00",
        5,
        None,
        ["a"],
    ],
)
async def test_a_key_id_is_a_name_and_nothing_else(verify, keys, claims, kid):
    head = {"alg": "Ed25519", "kid": kid}
    signing = raw(head, claims).rpartition(".")[0]

    with pytest.raises(TokenInvalid):
        await verify.user(f"{signing}.{'A' * 86}")


async def test_keys_that_a_token_brings_along_are_not_believed(verify, claims, tmp_path):
    mine = OKPKey.generate_key("Ed25519", auto_kid=True)
    hints = (
        {"jwk": mine.as_dict(private=False)},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
    )
    for hint in hints:
        with pytest.raises(TokenInvalid):
            await verify.user(signed(claims, mine, **hint))


async def test_an_extension_that_must_be_understood_and_is_not_is_refused(verify, keys, claims):
    head = {"alg": "Ed25519", "kid": keys.users.kid, "crit": ["b64"], "b64": False}

    with pytest.raises(TokenInvalid):
        await verify.user(raw(head, claims))


async def test_a_token_whose_claims_were_replaced_is_refused(verify, keys):
    head, _, signature = keys.user_token("users/anna").split(".")
    payload = base64.urlsafe_b64decode(keys.user_token("users/anna").split(".")[1] + "==")
    more = json.loads(payload) | {"roles": ["admin"]}
    forged = base64.urlsafe_b64encode(json.dumps(more).encode()).rstrip(b"=").decode()

    with pytest.raises(TokenInvalid):
        await verify.user(f"{head}.{forged}.{signature}")


@pytest.mark.parametrize(
    "garbage",
    ["", "x", "a.b", "a.b.c", "....", "a.b.c.d.e", "é.é.é", "\ud800", " ", "\x00" * 10, "{}.{}.{}"],
)
async def test_garbage_is_refused(verify, garbage):
    with pytest.raises(TokenInvalid, match="no JWT that its issuer has signed"):
        await verify.user(garbage)


async def test_a_token_has_a_largest_size(verify, keys, claims):
    start = MAX_TOKEN - len(signed(claims | {"pad": ""}, keys.users))
    pads = range(start * 3 // 4 - 4, start * 3 // 4 + 5)
    tokens = [signed(claims | {"pad": "x" * pad}, keys.users) for pad in pads]
    sizes = {len(token) for token in tokens}

    assert {MAX_TOKEN - 1, MAX_TOKEN} & sizes
    assert {MAX_TOKEN + 1, MAX_TOKEN + 2} & sizes
    for token in tokens:
        if len(token) <= MAX_TOKEN:
            assert (await verify.user(token)).name == "users/anna"
        else:
            with pytest.raises(TokenInvalid, match=str(MAX_TOKEN)):
                await verify.user(token)


async def test_a_token_of_a_user_is_none_of_a_workload_and_the_other_way_round(verify, keys):
    with pytest.raises(TokenInvalid):
        await verify.workload(keys.user_token())
    with pytest.raises(TokenInvalid):
        await verify.user(keys.workload_token("orders", "catalog"))


async def test_a_workloads_token_for_another_service_is_refused(verify, keys):
    with pytest.raises(TokenInvalid, match="services/catalog"):
        await verify.workload(keys.workload_token("orders", "payments"))


async def test_who_signs_for_users_cannot_sign_for_workloads(verify, keys, clock):
    token = sign_workload_token(keys.users, "orders", "catalog", life=MINUTE, clock=clock)

    with pytest.raises(TokenInvalid):
        await verify.workload(token)


# Workload tokens of another issuer: a cluster's


CLUSTER = "https://kubernetes.default.svc.cluster.local"
ORDERS = "system:serviceaccount:shop:orders"


@pytest.fixture(scope="module")
def cluster_key():
    return RSAKey.generate_key(2048, auto_kid=True)


@pytest.fixture
def in_cluster(cluster_key, tmp_path, keys):
    """Settings as in a cluster, where its API server signs the tokens of service accounts."""
    jwks = tmp_path / "cluster.jwks.json"
    entry = cluster_key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}
    jwks.write_text(json.dumps({"keys": [entry]}))
    return {
        "user_jwks": str(keys.user_jwks),
        "workload_jwks": str(jwks),
        "workload_issuer": CLUSTER,
        "workload_subject": "system:serviceaccount:shop:{name}",
        "workload_algorithms": "RS256",
    }


@pytest.fixture
def account(clock):
    """What the API server says in the token of a service account, for one audience."""
    now = int(clock.now().timestamp())
    names = {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "1"}}
    return {
        "iss": CLUSTER,
        "sub": ORDERS,
        "aud": ["services/catalog"],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "jti": "0ff1ce",
        "kubernetes.io": names,
    }


async def test_the_token_of_a_service_account_says_which_service_calls(
    in_cluster, cluster_key, account, clock
):
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    token = signed(account, cluster_key, alg="RS256")

    assert await verify.workload(token) == Workload(name="orders")


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "system:serviceaccount:other:orders"},
        {"sub": "system:serviceaccount:shop:orders:x"},
        {"sub": "system:serviceaccount:shop:Orders"},
        {"sub": "system:serviceaccount:shop:"},
        {"sub": "system:serviceaccountXshop:orders"},
        {"sub": "services/orders"},
        {"sub": f"x{ORDERS}"},
        {"sub": f"{ORDERS}\n"},
        {"aud": ["services/payments"]},
        {"aud": [CLUSTER]},
        {"iss": "https://plait.local/supervisor"},
    ],
)
async def test_another_token_of_the_cluster_is_refused(
    in_cluster, cluster_key, account, clock, change
):
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    with pytest.raises(TokenInvalid):
        await verify.workload(signed(account | change, cluster_key, alg="RS256"))


async def test_rs256_is_refused_where_it_is_not_asked_for(in_cluster, cluster_key, account, clock):
    del in_cluster["workload_algorithms"]
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    with pytest.raises(TokenInvalid, match="other means than Ed25519 or ES256"):
        await verify.workload(signed(account, cluster_key, alg="RS256"))


async def test_where_rs256_is_asked_for_nothing_else_passes(in_cluster, account, clock, keys):
    write_jwks(keys.workload_jwks, [keys.workloads])
    in_cluster["workload_jwks"] = str(keys.workload_jwks)
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    with pytest.raises(TokenInvalid, match="other means than RS256"):
        await verify.workload(signed(account, keys.workloads))


async def test_a_users_token_is_never_signed_by_rs256(in_cluster, cluster_key, claims, clock):
    in_cluster["user_jwks"] = in_cluster["workload_jwks"]
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    with pytest.raises(TokenInvalid, match="other means than Ed25519 or ES256"):
        await verify.user(signed(claims, cluster_key, alg="RS256"))


async def test_a_key_signs_by_its_own_algorithm_only(in_cluster, account, clock, keys):
    write_jwks(keys.workload_jwks, [keys.workloads])
    in_cluster |= {"workload_jwks": str(keys.workload_jwks), "workload_algorithms": "RS256,ES256"}
    verify = verifier(Settings(**in_cluster), "catalog", clock)

    for algorithm in ("RS256", "ES256"):
        with pytest.raises(TokenInvalid):
            await verify.workload(raw({"alg": algorithm, "kid": keys.workloads.kid}, account))


@pytest.mark.parametrize("known", [False, True])
async def test_a_token_expires(verify, keys, clock, known):
    token = keys.user_token("users/anna", life=MINUTE)
    if known:
        await verify.user(token)

    clock.advance(60 + LEEWAY - 1)
    assert (await verify.user(token)).name == "users/anna"
    clock.advance(1)

    with pytest.raises(TokenExpired) as raised:
        await verify.user(token)
    assert raised.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_is_not_good_before_its_time(verify, keys, claims, clock, claim):
    soon = int(clock.now().timestamp() + LEEWAY)
    early = signed(claims | {claim: soon + 1, "exp": soon + 60}, keys.users)
    just = signed(claims | {claim: soon, "exp": soon + 60}, keys.users)

    assert (await verify.user(just)).name == "users/anna"
    with pytest.raises(TokenInvalid, match="not valid yet"):
        await verify.user(early)
    clock.advance(1)
    assert (await verify.user(early)).name == "users/anna"


async def test_a_key_that_is_taken_away_ends_its_tokens_those_that_were_seen_too(
    verify, keys, clock
):
    token = keys.user_token()
    await verify.user(token)

    write_jwks(keys.user_jwks, [OKPKey.generate_key("Ed25519", auto_kid=True)])
    clock.advance(LOOK_EVERY)

    with pytest.raises(TokenInvalid):
        await verify.user(token)


async def test_a_key_that_comes_later_is_believed_at_once(verify, keys, clock):
    await verify.user(keys.user_token())
    new = OKPKey.generate_key("Ed25519", auto_kid=True)

    write_jwks(keys.user_jwks, [keys.users, new])

    token = sign_user_token(new, "users/bert", life=MINUTE, clock=clock)
    assert (await verify.user(token)).name == "users/bert"


async def test_without_keys_it_cannot_be_known_who_calls(clock, keys):
    verify = verifier(Settings(), "catalog", clock)

    with pytest.raises(KeysUnavailable):
        await verify.user(keys.user_token())


async def test_what_is_remembered_is_bounded_and_the_last_used_stay(verify, keys, claims):
    first = keys.user_token("users/first")
    await verify.user(first)
    for number in range(CACHE_SIZE - 1):
        await verify.user(signed(claims | {"sub": f"users/u{number}"}, keys.users))
    await verify.user(first)

    await verify.user(keys.user_token("users/last"))

    known = verify._users._known
    assert len(known) == CACHE_SIZE
    assert {who.name for who, _ in known.values()} >= {"users/first", "users/last", "users/u1"}
    assert "users/u0" not in {who.name for who, _ in known.values()}
