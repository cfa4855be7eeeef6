"""The local key, and the tokens that it signs."""

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


async def test_a_service_believes_the_workload_tokens_made_for_it_and_no_others(folders):
    keys = Keys.load_or_make(folders, CLOCK)
    token = keys.workload_token("gateway", "catalog", timedelta(hours=1))
    settings = Settings(workload_jwks=str(folders.workload_jwks))

    assert (await verifier(settings, "catalog", CLOCK).workload(token)).name == "gateway"
    with pytest.raises(Unauthenticated):
        await verifier(settings, "orders", CLOCK).workload(token)


def test_the_key_stays_from_one_start_to_the_next(folders):
    first = Keys.load_or_make(folders, CLOCK)
    again = Keys.load_or_make(folders, CLOCK)

    assert again.workloads.kid == first.workloads.kid


def test_the_private_key_is_private_and_stays_out_of_the_jwks(folders):
    Keys.load_or_make(folders, CLOCK)

    for path in folders.keys.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (key,) = json.loads(folders.workload_jwks.read_text())["keys"]
    assert "d" not in key
    assert (key["alg"], key["use"]) == ("Ed25519", "sig")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kty": "OKP", "crv": "Ed25519", "x": "zz"}'])
def test_a_broken_key_file_is_refused_with_what_to_do(folders, content):
    (folders.keys / "workloads.json").write_text(content)

    with pytest.raises(Mistake, match=r"holds no .*remove it"):
        Keys.load_or_make(folders, CLOCK)


def test_a_public_key_cannot_sign(folders):
    made = Keys.load_or_make(folders, CLOCK)
    (folders.keys / "workloads.json").write_text(json.dumps(made.workloads.as_dict(private=False)))

    with pytest.raises(Mistake, match="no private key"):
        Keys.load_or_make(folders, CLOCK)
