"""Promises of the keys that prove tokens: read again when they change, kept when they vanish."""

import base64
import json
import logging

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from plait.mesh.identity.keys import LOOK_EVERY, MAX_FILE, Keys, KeysUnavailable
from plait.testing import FakeClock, write_jwks


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def test_a_key_is_found_by_its_id(path, clock):
    one, other = made(), made()
    write_jwks(path, [one, other])

    keys = Keys(path, clock)

    assert keys.find(one.kid).as_dict() == one.as_dict(private=False) | {
        "use": "sig",
        "alg": "Ed25519",
    }
    assert keys.find(other.kid) is not None
    assert keys.find("unknown") is None


def test_a_new_key_is_found_at_once(path, clock):
    old, new = made(), made()
    write_jwks(path, [old])
    keys = Keys(path, clock)
    keys.find(old.kid)

    write_jwks(path, [old, new])

    assert keys.find(new.kid) is not None


def test_unknown_ids_make_it_look_no_more_than_once_a_second(path, clock):
    old, new = made(), made()
    write_jwks(path, [old])
    keys = Keys(path, clock)
    keys.find("unknown")

    write_jwks(path, [new])

    assert keys.find(new.kid) is None
    clock.advance(LOOK_EVERY - 0.001)
    assert keys.find(new.kid) is None
    clock.advance(0.001)
    assert keys.find(new.kid) is not None


def test_a_key_that_was_taken_away_is_forgotten_within_a_second(path, clock):
    old, new = made(), made()
    write_jwks(path, [old])
    keys = Keys(path, clock)
    keys.find(old.kid)
    before = keys.version

    write_jwks(path, [new])

    assert keys.find(old.kid) is not None
    clock.advance(LOOK_EVERY)
    keys.refresh()
    assert keys.find(old.kid) is None
    assert keys.version > before


def test_an_unchanged_file_changes_nothing(path, clock):
    write_jwks(path, [made()])
    keys = Keys(path, clock)
    keys.refresh()
    before = keys.version

    clock.advance(60)
    keys.refresh()

    assert keys.version == before


def test_known_keys_outlive_their_file(path, clock, caplog):
    key = made()
    write_jwks(path, [key])
    keys = Keys(path, clock)
    keys.refresh()

    path.unlink()
    for _ in range(3):
        clock.advance(LOOK_EVERY)
        keys.refresh()

    assert keys.find(key.kid) is not None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the known ones are kept" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        '{"keys": 5}',
        '{"keys": [5]}',
        '{"keyz": []}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "!"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a"}]}',
        '{"keys": [{"kty": "RSA", "kid": "a", "e": "AQAB"}]}',
        '{"keys": [{"kty": "RSA", "kid": "a", "e": "AQAB", "n": "A"}]}',
        "x" * (MAX_FILE + 1),
    ],
)
def test_known_keys_outlive_a_broken_file(path, clock, caplog, content):
    key = made()
    write_jwks(path, [key])
    keys = Keys(path, clock)
    keys.refresh()

    path.write_text(content)
    clock.advance(LOOK_EVERY)

    assert keys.find(key.kid) is not None
    assert str(path) in caplog.text


def test_a_file_of_the_largest_size_is_read(path, clock):
    key = made()
    entry = key.as_dict(private=False)
    empty = json.dumps({"keys": [entry], "pad": ""})
    path.write_text(json.dumps({"keys": [entry], "pad": "x" * (MAX_FILE - len(empty))}))

    assert path.stat().st_size == MAX_FILE
    assert Keys(path, clock).find(key.kid) is not None


def test_without_any_keys_nothing_can_be_known(path, clock):
    keys = Keys(path, clock)

    with pytest.raises(KeysUnavailable) as raised:
        keys.find("a")

    assert raised.value.reason == "KEYS_UNAVAILABLE"
    assert raised.value.retry_after == LOOK_EVERY
    assert str(path) not in raised.value.message


def test_without_a_file_the_settings_are_named(clock):
    with pytest.raises(KeysUnavailable, match="PLAIT_USER_JWKS"):
        Keys(None, clock).find("a")


def test_keys_that_come_late_are_found(path, clock):
    keys = Keys(path, clock)
    with pytest.raises(KeysUnavailable):
        keys.find("a")
    key = made()

    write_jwks(path, [key])
    clock.advance(LOOK_EVERY)

    assert keys.find(key.kid) is not None


def test_only_public_keys_of_the_kinds_that_sign_tokens_count(path, clock):
    good, curve = made(), ECKey.generate_key("P-256", auto_kid=True)
    secret = OctKey.generate_key(256, {"kid": "oct"})
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    weak = rsa_of(2047)
    other = ECKey.generate_key("P-384", {"kid": "p384"})
    entries = [
        good.as_dict(private=True),  # a mistake, which must not make things worse
        curve.as_dict(private=False),
        secret.as_dict(private=True),
        rsa.as_dict(private=True),
        weak,
        other.as_dict(private=False),
        made().as_dict(private=False) | {"kid": "enc", "use": "enc"},
        {name: value for name, value in made().as_dict(private=False).items() if name != "kid"},
        made().as_dict(private=False) | {"kid": 5},
    ]
    path.write_text(json.dumps({"keys": entries}))
    keys = Keys(path, clock)

    assert not keys.find(good.kid).is_private
    assert keys.find(curve.kid) is not None
    assert not keys.find("rsa").is_private
    for kid in ("oct", "weak", "p384", "enc"):
        assert keys.find(kid) is None


def rsa_of(bits):
    """The JWK of an RSA key whose modulus has this many bits."""
    modulus = (1 << bits - 1) + 1
    encoded = base64.urlsafe_b64encode(modulus.to_bytes((bits + 7) // 8, "big")).rstrip(b"=")
    return {"kty": "RSA", "kid": "weak", "use": "sig", "n": encoded.decode(), "e": "AQAB"}


@pytest.mark.parametrize(("bits", "counts"), [(2047, False), (2048, True), (2049, True)])
def test_an_rsa_key_needs_its_least_number_of_bits(path, clock, bits, counts):
    path.write_text(json.dumps({"keys": [rsa_of(bits)]}))

    assert (Keys(path, clock).find("weak") is not None) is counts
