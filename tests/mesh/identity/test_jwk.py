"""Promises of key sets: the public keys that sign tokens here, and none besides."""

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from plait.mesh.identity.jwk import public_keys


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


def test_only_public_keys_that_sign_with_ed25519_or_p256_count():
    good, curve = made(), ECKey.generate_key("P-256", auto_kid=True)
    secret = OctKey.generate_key(256, {"kid": "oct"})
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    other = ECKey.generate_key("P-384", {"kid": "p384"})

    keys = public_keys(
        [
            good.as_dict(private=True),  # a mistake, which must not make things worse
            curve.as_dict(private=False),
            secret.as_dict(private=True),
            rsa.as_dict(private=False),
            other.as_dict(private=False),
            made().as_dict(private=False) | {"kid": "enc", "use": "enc"},
            {name: value for name, value in made().as_dict(private=False).items() if name != "kid"},
            made().as_dict(private=False) | {"kid": 5},
        ]
    )

    assert set(keys) == {good.kid, curve.kid}
    assert not keys[good.kid].is_private


@pytest.mark.parametrize("broken", [{"x": "!"}, {}, {"x": "AAAA"}])
def test_a_broken_key_is_named(broken):
    with pytest.raises(ValueError, match="the key 'k1' is broken"):
        public_keys([{"kty": "OKP", "crv": "Ed25519", "kid": "k1", **broken}])


def test_no_keys_are_a_key_set_too():
    assert public_keys([]) == {}
