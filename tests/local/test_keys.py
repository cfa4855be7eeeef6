"""The local keys, and the tokens that they sign."""

import json
import stat
from datetime import timedelta

import pytest

from plait.clock import SystemClock
from plait.errors import Unauthenticated
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.mistake import Mistake
from plait.mesh.identity.trust import verifier
from plait.settings import Settings

CLOCK = SystemClock()


@pytest.fixture
def folders(tmp_path):
    made = Folders(root=tmp_path)
    made.create()
    return made


def trusting(folders: Folders, service: str):
    settings = Settings(user_jwks=str(folders.user_jwks), workload_jwks=str(folders.workload_jwks))
    return verifier(settings, service, CLOCK)


async def test_a_service_believes_the_local_administrator(folders):
    keys = Keys.load_or_make(folders, CLOCK)

    user = await trusting(folders, "catalog").user(keys.admin_token())

    assert user.name == "users/dev-admin"
    assert user.roles == {"admin"}


async def test_a_service_believes_the_workload_tokens_made_for_it_and_no_others(folders):
    keys = Keys.load_or_make(folders, CLOCK)
    token = keys.workload_token("gateway", "catalog", timedelta(hours=1))

    assert (await trusting(folders, "catalog").workload(token)).name == "gateway"
    with pytest.raises(Unauthenticated):
        await trusting(folders, "orders").workload(token)


async def test_users_and_workloads_have_different_keys(folders):
    keys = Keys.load_or_make(folders, CLOCK)

    assert keys.users.kid != keys.workloads.kid
    with pytest.raises(Unauthenticated):
        await trusting(folders, "catalog").user(
            keys.workload_token("gateway", "catalog", timedelta(hours=1))
        )


def test_the_keys_stay_from_one_start_to_the_next(folders):
    first = Keys.load_or_make(folders, CLOCK)
    again = Keys.load_or_make(folders, CLOCK)

    assert again.users.kid == first.users.kid
    assert again.workloads.kid == first.workloads.kid


def test_private_keys_are_private_and_stay_out_of_the_jwks(folders):
    Keys.load_or_make(folders, CLOCK)

    for path in folders.keys.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (folders.user_jwks, folders.workload_jwks):
        (key,) = json.loads(path.read_text())["keys"]
        assert "d" not in key
        assert (key["alg"], key["use"]) == ("Ed25519", "sig")


def test_a_login_without_the_local_key_is_refused_with_what_to_do(folders):
    with pytest.raises(Mistake, match="plait up"):
        Keys.load(folders, CLOCK)


def test_keys_that_are_there_are_loaded(folders):
    made = Keys.load_or_make(folders, CLOCK)

    assert Keys.load(folders, CLOCK).users.kid == made.users.kid


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kty": "OKP", "crv": "Ed25519", "x": "zz"}'])
def test_a_broken_key_file_is_refused_with_what_to_do(folders, content):
    (folders.keys / "users.json").write_text(content)

    with pytest.raises(Mistake, match=r"holds no .*remove it"):
        Keys.load_or_make(folders, CLOCK)


def test_a_public_key_cannot_sign(folders):
    made = Keys.load_or_make(folders, CLOCK)
    (folders.keys / "users.json").write_text(json.dumps(made.users.as_dict(private=False)))

    with pytest.raises(Mistake, match="no private key"):
        Keys.load_or_make(folders, CLOCK)
