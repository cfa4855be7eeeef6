"""Keys and tokens as the contract has them, by a real server and channel."""

import json
import uuid

import pytest
from joserfc import jws

from plait.errors import Error, FailedPrecondition, InvalidArgument, Unauthenticated
from plait.mesh.identity.key_file import KeyFile
from plait.mesh.identity.keys import Keys
from plait.mesh.identity.tokens import USER_AUDIENCE, USER_ISSUER, TokenInvalid, Trust, Verifier
from plait.mesh.metadata import AUTHORIZATION
from services.identity.service import LATEST
from services.identity.store import Query
from shop.identity.v1 import identity_pb2 as pb
from tests.services.identity.people import SECRET
from tests.services.identity.shop import running

EVERY = Query(filter=None, order=LATEST, limit=99)


async def refused(call):
    """What a call fails with."""
    with pytest.raises(Error) as caught:
        await call
    return caught.value


async def key_set(shop):
    """What GetJwks answers, as the gateway shows it: a JSON Web Key Set."""
    keys = (await shop.nobody.GetJwks(pb.GetJwksRequest())).keys
    return {"keys": [{f.name: value for f, value in key.ListFields()} for key in keys]}


async def kids(shop):
    return {key["kid"] for key in (await key_set(shop))["keys"]}


async def trusting(shop, path):
    """One who believes what identity has signed, as every service does."""
    path.write_text(json.dumps(await key_set(shop)))
    users = Trust(keys=Keys(KeyFile(path), shop.clock), issuer=USER_ISSUER, audience=USER_AUDIENCE)
    return Verifier(users=users, workloads=users, clock=shop.clock)


def kid_of(session):
    return jws.extract_compact(session.access_token.encode()).headers()["kid"]


async def rotate(shop, **fields):
    admin = shop.called_by("users/boss", "admin")  # with a token that is good now
    return await admin.RotateKeys(pb.RotateKeysRequest(**fields))


async def test_the_keys_are_a_json_web_key_set_without_a_private_part(shop):
    keys = (await key_set(shop))["keys"]

    assert len(keys) == 2
    for key in keys:
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == (
            "OKP",
            "Ed25519",
            "Ed25519",
            "sig",
        )


async def test_a_token_is_believed_by_whoever_has_read_the_keys(shop, tmp_path):
    ann = await shop.sign_up()
    await shop.admin.GrantRole(pb.GrantRoleRequest(name=ann.name, role="agent"))
    session = await shop.log_in()

    found = await (await trusting(shop, tmp_path / "jwks")).user(session.access_token)

    assert (found.name, found.roles) == (ann.name, {"agent"})


async def test_people_use_their_token_here_too(shop):
    ann = await shop.sign_up()
    shop.serving.keys.user_jwks.write_text(json.dumps(await key_set(shop)))
    shop.clock.advance(2)
    session = await shop.log_in()
    bearer = [(AUTHORIZATION, f"Bearer {session.access_token}")]

    me = await shop.nobody.GetUser(pb.GetUserRequest(name="users/me"), metadata=bearer)
    shop.clock.advance(15 * 60 + 11)
    expired = await refused(
        shop.nobody.GetUser(pb.GetUserRequest(name="users/me"), metadata=bearer)
    )

    assert me.name == ann.name
    assert isinstance(expired, Unauthenticated)
    assert expired.reason == "TOKEN_EXPIRED"


async def test_a_rotation_lets_the_next_key_sign_and_makes_a_new_next_one(shop):
    await shop.sign_up()
    before, old = await kids(shop), kid_of(await shop.log_in())

    rotated = await rotate(shop)

    assert rotated.signing_kid in before - {old}
    assert rotated.next_kid not in before
    assert kid_of(await shop.log_in()) == rotated.signing_kid
    assert await kids(shop) == before | {rotated.next_kid}


async def test_whoever_read_the_keys_before_a_rotation_believes_tokens_after_it(shop, tmp_path):
    ann = await shop.sign_up()
    verifier = await trusting(shop, tmp_path / "jwks")

    await rotate(shop)

    token = (await shop.log_in()).access_token
    assert (await verifier.user(token)).name == ann.name


async def test_tokens_of_before_a_rotation_work_until_they_expire(shop, tmp_path):
    ann = await shop.sign_up()
    session = await shop.log_in()
    await rotate(shop)
    shop.clock.advance(15 * 60 + 9)

    verifier = await trusting(shop, tmp_path / "jwks")

    assert (await verifier.user(session.access_token)).name == ann.name


async def test_a_key_goes_when_everything_it_signed_has_expired(shop, tmp_path):
    await shop.sign_up()
    session = await shop.log_in()
    old = kid_of(session)
    await rotate(shop)
    shop.clock.advance(16 * 60 - 1)
    assert old in await kids(shop)

    shop.clock.advance(1)

    assert old not in await kids(shop)
    with pytest.raises(TokenInvalid):
        await (await trusting(shop, tmp_path / "jwks")).user(session.access_token)
    await shop.identity.sweep.sweep()
    assert len(await shop.identity.store.keys.all()) == 2


@pytest.mark.parametrize(("minutes", "works"), [(0, False), (14.9, False), (15, True)])
async def test_keys_are_rotated_once_in_a_quarter_of_an_hour(shop, minutes, works):
    first = await rotate(shop)
    shop.clock.advance(minutes * 60)

    if works:
        assert (await rotate(shop)).signing_kid == first.next_kid
        return
    error = await refused(rotate(shop))
    assert isinstance(error, FailedPrecondition)
    assert error.reason == "ROTATED_RECENTLY"
    assert error.retry_after == pytest.approx(900 - minutes * 60)


async def test_the_key_set_stays_small_however_often_keys_are_rotated(shop):
    for _ in range(12):
        await rotate(shop)
        shop.clock.advance(15 * 60)

    assert len(await kids(shop)) <= 4


async def test_the_same_request_id_rotates_once(shop):
    request_id = str(uuid.uuid4())
    first = await rotate(shop, request_id=request_id)
    shop.clock.advance(20 * 60)

    again = await rotate(shop, request_id=request_id)

    assert again == first
    assert kid_of_current(await shop.identity.store.keys.all()) == first.signing_kid
    assert len((await shop.identity.store.events.page(EVERY)).things) == 1


def kid_of_current(keys):
    [current] = [key.kid for key in keys if key.state.value == "current"]
    return current


async def test_a_rotation_that_was_refused_may_come_again_with_its_id(shop):
    await rotate(shop)
    request_id = str(uuid.uuid4())
    assert await shop.reason(rotate(shop, request_id=request_id)) == "ROTATED_RECENTLY"
    shop.clock.advance(15 * 60)

    assert (await rotate(shop, request_id=request_id)).signing_kid


async def test_an_id_that_is_no_uuid_is_refused(shop):
    assert isinstance(await refused(rotate(shop, request_id="again")), InvalidArgument)


async def test_a_restart_keeps_the_keys(database, clock):
    async with running(database, clock) as shop:
        before = await kids(shop)
    async with running(database, clock) as shop:
        assert await kids(shop) == before


async def test_the_keys_of_a_process_are_those_of_every_other(database, clock):
    async with running(database, clock) as one, running(database, clock) as other:
        await one.sign_up()
        rotated = await rotate(one)

        assert kid_of(await other.log_in()) == rotated.signing_kid
        assert await kids(other) == await kids(one)


async def test_tokens_are_issued_by_whom_and_for_whom_the_settings_say(database, clock, tmp_path):
    settings = {"user_issuer": "https://id.example", "user_audience": "example"}
    async with running(database, clock, **settings) as shop:
        ann = await shop.sign_up()
        token = (await shop.log_in()).access_token
        path = tmp_path / "jwks"
        path.write_text(json.dumps(await key_set(shop)))
    users = Trust(keys=Keys(KeyFile(path), clock), issuer="https://id.example", audience="example")

    found = await Verifier(users=users, workloads=users, clock=clock).user(token)
    assert found.name == ann.name
    assert SECRET not in token
