"""JSON Web Keys (RFC 7517): those among them that may sign tokens here."""

from collections.abc import Iterable, Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

Key = OKPKey | ECKey

_KINDS: Mapping[tuple[str, str], type[Key]] = {("OKP", "Ed25519"): OKPKey, ("EC", "P-256"): ECKey}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def public_keys(entries: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """Return the public keys of a key set, by key id.

    Keys without an id, with another use than signing, and of other kinds than Ed25519 (RFC 8037)
    and P-256 are passed over; a private half is left behind.

    Raises:
        ValueError: a key of these kinds is broken.
    """
    found = (_key(entry) for entry in entries)
    return {str(key.kid): key for key in found if key is not None}


def _key(entry: Mapping[str, Any]) -> Key | None:
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    kind = _KINDS.get((str(entry.get("kty")), str(entry.get("crv"))))
    if kind is None:
        return None
    public = {name: value for name, value in entry.items() if name not in _PRIVATE}
    try:
        return kind.import_key(public)
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"the key {entry['kid']!r} is broken: {error}") from error
