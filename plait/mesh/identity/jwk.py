"""JSON Web Keys (RFC 7517): those among them that may sign tokens here."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = OKPKey | ECKey
"""What signs a token here."""

PublicKey = Key | RSAKey
"""What may prove one; whether RSA counts is said by whoever trusts it (`Trust.algorithms`)."""

MIN_RSA = 2048  # bits (RFC 7518, section 3.3); a shorter one proves nothing

_KINDS: Mapping[tuple[str, str], type[PublicKey]] = {
    ("OKP", "Ed25519"): OKPKey,
    ("EC", "P-256"): ECKey,
    ("RSA", ""): RSAKey,
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def public_keys(entries: Iterable[Mapping[str, Any]]) -> dict[str, PublicKey]:
    """Return the public keys of a key set, by key id.

    Keys without an id, with another use than signing, of other kinds than Ed25519 (RFC 8037),
    P-256 and RSA, and RSA keys of less than 2048 bits are passed over; a private half is left
    behind.

    Raises:
        ValueError: a key of these kinds is broken.
    """
    found = (_key(entry) for entry in entries)
    return {str(key.kid): key for key in found if key is not None}


def _key(entry: Mapping[str, Any]) -> PublicKey | None:
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    kind = _KINDS.get((str(entry.get("kty")), str(entry.get("crv", ""))))
    if kind is None:
        return None
    public = {name: value for name, value in entry.items() if name not in _PRIVATE}
    try:
        if kind is RSAKey and _bits(str(public["n"])) < MIN_RSA:
            return None
        return kind.import_key(public)
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"the key {entry['kid']!r} is broken: {error}") from error


def _bits(modulus: str) -> int:
    """Return the length of an RSA key; joserfc takes a short one with no more than a warning."""
    data = base64.urlsafe_b64decode(f"{modulus}==")
    return int.from_bytes(data, "big").bit_length()
