"""Promises of key sets: the public keys that sign tokens here, and none besides."""

import base64

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from plait.mesh.identity.jwk import public_keys


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


def rsa_of(bits):
    """The JWK of an RSA key whose modulus has this many bits."""
    modulus = (1 << bits - 1) + 1
    encoded = base64.urlsafe_b64encode(modulus.to_bytes((bits + 7) // 8, "big")).rstrip(b"=")
    return {"kty": "RSA", "kid": "sized", "use": "sig", "n": encoded.decode(), "e": "AQAB"}


def test_only_public_keys_of_the_kinds_that_sign_tokens_count():
    good, curve = made(), ECKey.generate_key("P-256", auto_kid=True)
    secret = OctKey.generate_key(256, {"kid": "oct"})
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    other = ECKey.generate_key("P-384", {"kid": "p384"})

    keys = public_keys(
        [
            good.as_dict(private=True),  # a mistake, which must not make things worse
            curve.as_dict(private=False),
            secret.as_dict(private=True),
            rsa.as_dict(private=True),
            rsa_of(2047),
            other.as_dict(private=False),
            made().as_dict(private=False) | {"kid": "enc", "use": "enc"},
            {name: value for name, value in made().as_dict(private=False).items() if name != "kid"},
            made().as_dict(private=False) | {"kid": 5},
        ]
    )

    assert set(keys) == {good.kid, curve.kid, "rsa"}
    assert not any(key.is_private for key in keys.values())


@pytest.mark.parametrize(("bits", "counts"), [(2047, False), (2048, True), (2049, True)])
def test_an_rsa_key_needs_its_least_number_of_bits(bits, counts):
    assert ("sized" in public_keys([rsa_of(bits)])) is counts


@pytest.mark.parametrize("broken", [{}, {"n": "A"}, {"e": "AQAB"}])
def test_a_broken_rsa_key_is_named(broken):
    with pytest.raises(ValueError, match="the key 'k1' is broken"):
        public_keys([{"kty": "RSA", "kid": "k1", **broken}])


@pytest.mark.parametrize("broken", [{"x": "!"}, {}, {"x": "AAAA"}])
def test_a_broken_key_is_named(broken):
    with pytest.raises(ValueError, match="the key 'k1' is broken"):
        public_keys([{"kty": "OKP", "crv": "Ed25519", "kid": "k1", **broken}])


def test_no_keys_are_a_key_set_too():
    assert public_keys([]) == {}
