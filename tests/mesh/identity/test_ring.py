"""Promises of a ring of keys: what is known stays known, and when it is read again is bounded."""

import pytest
from joserfc.jwk import OKPKey

from plait.mesh.identity.ring import Pace, Ring, Step

NEAR = Pace(max_age=1, search=1, retry=1, in_background=False)
FAR = Pace(max_age=60, search=5, retry=2, in_background=True)
OLD, NEW = (
    {key.kid: key} for key in (OKPKey.generate_key("Ed25519", auto_kid=True) for _ in range(2))
)


@pytest.mark.parametrize("pace", [NEAR, FAR])
def test_the_first_need_is_waited_for(pace):
    assert Ring(pace).step(0.0) is Step.READ


@pytest.mark.parametrize(("pace", "step"), [(NEAR, Step.READ), (FAR, Step.USE_AND_READ)])
def test_keys_are_read_again_when_they_are_old(pace, step):
    ring = Ring(pace)
    ring.got(OLD, 100.0)

    assert ring.step(100.0 + pace.max_age - 0.001) is Step.USE
    assert ring.step(100.0 + pace.max_age) is step


@pytest.mark.parametrize("known", [None, OLD])
def test_after_a_failure_it_waits_for_the_next_try(known):
    ring = Ring(FAR)
    if known is not None:
        ring.got(known, 0.0)

    ring.failed(100.0)

    assert ring.step(101.999) is Step.USE
    assert ring.step(102.0) is (Step.READ if known is None else Step.USE_AND_READ)
    assert ring.keys == known


def test_only_the_first_failure_in_a_row_is_news():
    ring = Ring(FAR)

    assert [ring.failed(0.0), ring.failed(2.0)] == [True, False]
    assert ring.failing
    ring.got(OLD, 4.0)
    assert not ring.failing
    assert ring.failed(6.0)


def test_unknown_ids_are_worth_a_read_now_and_then():
    ring = Ring(FAR)

    assert [ring.may_search(now) for now in (0.0, 0.0, 4.999, 5.0, 5.001, 10.0)] == [
        *(True, False, False),
        *(True, False, True),
    ]


def test_a_version_is_one_set_of_keys():
    ring = Ring(FAR)
    versions = []
    for keys in (OLD, dict(OLD), None, NEW, OLD | NEW, OLD, {}):
        ring.got(keys, 0.0)
        versions.append(ring.version)

    assert versions == [1, 1, 1, 2, 3, 4, 5]
    assert ring.keys == {}


def test_the_same_id_with_another_key_is_a_change():
    (kid,) = OLD
    ring = Ring(FAR)
    ring.got(OLD, 0.0)

    ring.got({kid: OKPKey.generate_key("Ed25519", {"kid": kid})}, 0.0)

    assert ring.version == 2
