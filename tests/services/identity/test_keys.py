"""The keys that sign tokens, by themselves: how they are made, what they sign, when they go."""

from dataclasses import replace

import pytest
from joserfc.jwk import OKPKey

from plait.errors import Code
from plait.mesh.identity.key_file import KeyFile
from plait.mesh.identity.keys import Keys
from plait.mesh.identity.tokens import TokenExpired, Trust, Verifier
from plait.testing import FakeClock, write_jwks
from services.identity.domain import ACCESS_LIFE
from services.identity.keys import (
    ROTATION_PAUSE,
    RotatedRecently,
    Signer,
    State,
    check_rotation,
    known,
    last_token_expires,
    new_key,
)
from services.identity.vault import SealBroken, Vault
from tests.services.identity.people import NOW, SECRET, VAULT, minutes, seconds, signing_key, user


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def signer(clock):
    return Signer(VAULT, clock, issuer="https://issuer", audience="audience")


def verifier(path, key, clock, **trust):
    """One that knows a key as others do: by its public part."""
    write_jwks(
        path, [OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid})]
    )
    usual = {"issuer": "https://issuer", "audience": "audience"}
    users = Trust(keys=Keys(KeyFile(path), clock), **(usual | trust))
    return Verifier(users=users, workloads=users, clock=clock)


def test_a_new_key_is_ed25519_with_a_name_of_its_own():
    key, other = signing_key(), signing_key()

    assert (key.state, key.create_time) == (State.CURRENT, NOW)
    assert (key.rotate_time, key.expire_time) == (None, None)
    assert len(key.x) == 43
    assert key.kid != other.kid
    assert len(key.kid) <= 64


def test_the_private_part_is_sealed(signer):
    key = signing_key()

    private = signer.opened(key).as_dict(private=True)["d"]

    assert private.encode() not in key.sealed
    assert private not in repr(key)


async def test_a_token_is_believed_by_whoever_knows_the_public_part(signer, clock, tmp_path):
    key = signing_key()

    token = signer.access_token(key, user(roles=("admin", "agent")))

    found = await verifier(tmp_path / "jwks", key, clock).user(token)
    assert (found.name, found.roles) == ("users/ann", {"admin", "agent"})


@pytest.mark.parametrize("trust", [{"issuer": "https://another"}, {"audience": "another"}])
async def test_a_token_is_of_one_issuer_and_for_one_audience(signer, clock, tmp_path, trust):
    key = signing_key()
    token = signer.access_token(key, user())

    with pytest.raises(Exception, match=r"not from the issuer|not for the audience"):
        await verifier(tmp_path / "jwks", key, clock, **trust).user(token)


@pytest.mark.parametrize(("later", "works"), [(909, True), (910, False)])
async def test_a_token_works_for_a_quarter_of_an_hour(signer, clock, tmp_path, later, works):
    """And ten seconds more, because the clocks of two machines may differ by as much."""
    clock = FakeClock(NOW.replace(microsecond=0))
    signer = Signer(VAULT, clock, issuer="https://issuer", audience="audience")
    key = signing_key()
    token = signer.access_token(key, user())
    trusting = verifier(tmp_path / "jwks", key, clock)
    clock.advance(later)

    if works:
        assert (await trusting.user(token)).name == "users/ann"
    else:
        with pytest.raises(TokenExpired):
            await trusting.user(token)


def test_a_key_of_another_secret_cannot_be_opened(signer):
    key = new_key(Vault(SECRET.upper().encode()), State.CURRENT, NOW)

    with pytest.raises(SealBroken):
        signer.access_token(key, user())


def test_a_key_cannot_be_put_in_the_place_of_another(signer):
    key = replace(signing_key(), kid=signing_key().kid)

    with pytest.raises(SealBroken):
        signer.opened(key)


def test_a_key_is_opened_once_and_only_a_few_are_kept_open(signer):
    keys = [signing_key() for _ in range(10)]

    opened = [signer.opened(key) for key in keys]

    assert signer.opened(keys[-1]) is opened[-1]
    assert signer.opened(keys[0]) is not opened[0]
    assert len(signer._open) == 8


@pytest.mark.parametrize(("later", "passes"), [(0, False), (899.999999, False), (900, True)])
def test_keys_are_rotated_once_in_a_quarter_of_an_hour(later, passes):
    current = signing_key(rotate_time=NOW)

    if passes:
        check_rotation(current, NOW + seconds(later))
        return
    with pytest.raises(RotatedRecently) as refused:
        check_rotation(current, NOW + seconds(later))
    assert refused.value.code is Code.FAILED_PRECONDITION
    assert refused.value.reason == "ROTATED_RECENTLY"
    assert refused.value.retry_after == pytest.approx(900 - later)


def test_the_first_key_may_give_way_at_once():
    check_rotation(signing_key(), NOW)

    assert minutes(15) == ROTATION_PAUSE


def test_a_key_stays_known_for_longer_than_its_last_token():
    gone = last_token_expires(NOW)

    assert gone - NOW > ACCESS_LIFE + seconds(10)


def test_known_is_every_key_but_those_whose_tokens_have_expired():
    current, following = signing_key(), signing_key(State.NEXT)
    previous = signing_key(State.PREVIOUS, expire_time=NOW + minutes(1))
    gone = signing_key(State.PREVIOUS, expire_time=NOW)

    assert known([gone, previous, current, following], NOW) == (previous, current, following)
    assert known([previous], NOW + minutes(1)) == ()
