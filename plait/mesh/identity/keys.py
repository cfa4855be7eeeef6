"""The public keys of an issuer of tokens: a JWKS file (RFC 7517) that may change under us."""

import base64
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import BaseModel, ValidationError

from plait.clock import Clock
from plait.errors import Unavailable

Key = OKPKey | ECKey
PublicKey = Key | RSAKey

MIN_RSA = 2048  # bits (RFC 7518, section 3.3); a shorter one proves nothing
MAX_FILE = 1024 * 1024  # bytes
LOOK_EVERY = 1.0  # seconds between two looks at the file, and between two for unknown key ids


class _KeySet(BaseModel):
    keys: list[dict[str, Any]]


_KINDS: Mapping[tuple[str, str], type[PublicKey]] = {
    ("OKP", "Ed25519"): OKPKey,
    ("EC", "P-256"): ECKey,
    ("RSA", ""): RSAKey,
}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_log = logging.getLogger(__name__)


class KeysUnavailable(Unavailable):
    """The keys that would prove a token were never read."""


class Keys:
    """The keys in one file, read again when it changes.

    Whether it has changed is looked up at most once a second; a key id that is not known leads to
    one more look, no more often than that. Once read, keys are kept when the file vanishes or
    breaks: known keys outlive their issuer. Keys of other kinds than Ed25519, P-256 and RSA are
    passed over.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._keys: dict[str, PublicKey] | None = None
        self._seen: tuple[int, ...] = ()
        self._complaint = ""
        self._looked = float("-inf")
        self._searched = float("-inf")
        self.version = 0  # grows with each change; what was proven by an older one is proven anew

    def refresh(self) -> None:
        """Read the file if it has changed, unless that was looked up a moment ago."""
        now = self._clock.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()

    def find(self, kid: str) -> PublicKey | None:
        """Return the key with this id, None if the issuer has none.

        Raises:
            KeysUnavailable: no keys could be read so far.
        """
        self.refresh()
        if self._keys is None or kid not in self._keys:
            self._search()
        if self._keys is None:
            raise KeysUnavailable(
                f"tokens cannot be checked: {self._missing()}", retry_after=LOOK_EVERY
            )
        return self._keys.get(kid)

    def _search(self) -> None:
        now = self._clock.monotonic()
        if now - self._searched >= LOOK_EVERY:
            self._searched = self._looked = now
            self._look()

    def _look(self) -> None:
        if self._path is None:
            return
        try:
            seen = stamp(self._path)
            if seen == self._seen:
                return
            self._seen = seen
            keys = _read(self._path)
        except (OSError, ValueError) as error:
            self._complain(str(error))
            return
        self._complaint = ""
        self._keys = keys
        self.version += 1

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            self._complaint = reason
            kept = "the known ones are kept" if self._keys else "no token can be checked"
            _log.warning("the keys in %s cannot be read, %s: %s", self._path, kept, reason)

    def _missing(self) -> str:
        if self._path is None:
            return "no file of keys is set (PLAIT_USER_JWKS, PLAIT_WORKLOAD_JWKS)"
        return "the keys of their issuer could not be read"


def stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever the file does; raises OSError where there is none."""
    stat = path.stat()
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


def _read(path: Path) -> dict[str, PublicKey]:
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"it is larger than {MAX_FILE} bytes")
    try:
        entries = _KeySet.model_validate_json(data).keys
    except ValidationError as error:
        raise ValueError('expected a JSON object with a list "keys" (RFC 7517)') from error
    found = (_key(entry) for entry in entries)
    return {str(key.kid): key for key in found if key is not None}


def _key(entry: dict[str, Any]) -> PublicKey | None:
    """Return the key of a JWK; None if it is not one that signs tokens here."""
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
