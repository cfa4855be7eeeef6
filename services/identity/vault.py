"""What the service's one secret protects: sealed keys, and tokens of which only digests are kept.

From the secret comes a key for each purpose (HKDF, RFC 5869), so that what is kept for one proves
nothing for another. Who has the database alone can neither sign nor use a token that is in it.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LEAST_SECRET = 32  # bytes
REFRESH, ONE_TIME = "refresh-token", "one-time-token"

_KEY_BYTES, _NONCE_BYTES, _TOKEN_BYTES, _SUBJECT_BYTES = 32, 12, 32, 16


class SealBroken(Exception):
    """It was sealed with another secret, for something else, or damaged."""


class Vault:
    """Seals, opens and digests with keys that are made of a secret.

    Args:
        secret: at least 32 bytes that nobody can guess.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_SECRET:
            raise ValueError(f"expected a secret of at least {LEAST_SECRET} bytes")
        self._secret = secret
        self._cipher = AESGCM(self._key("signing-key"))
        self._keys = {
            purpose: self._key(purpose)
            for purpose in (REFRESH, ONE_TIME, "one-time-token-text", "subject", "claim")
        }

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, content: bytes, about: str) -> bytes:
        """Return the content encrypted and bound to what it is about (AES-256-GCM)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed.

        Raises:
            SealBroken: with another secret, about something else, or it was changed since.
        """
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, content, about.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken("it cannot be opened with this secret") from error

    def digest(self, purpose: str, token: str) -> str:
        """Return what is kept of a token (HMAC-SHA-256): REFRESH or ONE_TIME."""
        return self._mac(purpose, token.encode()).hex()

    def one_time_token(self, letter: str) -> str:
        """Return the token that a letter carries: always the same, and kept nowhere.

        So a letter that has to be sent again carries the same one, and what waits to be sent holds
        none.
        """
        return _text(self._mac("one-time-token-text", letter.encode()))

    def subject(self, kind: str, *parts: str) -> str:
        """Return the name under which attempts are counted: nothing can be read from it."""
        content = "\0".join((kind, *parts)).encode(errors="surrogatepass")
        return self._mac("subject", content)[:_SUBJECT_BYTES].hex()

    def fingerprint(self, content: bytes) -> bytes:
        """Return a fingerprint of a request that holds a password, from which it cannot be guessed.

        The plain hash of such a request would be a fast hash of the password.
        """
        return self._mac("claim", content)

    def _key(self, purpose: str) -> bytes:
        label = f"plait identity {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=label).derive(
            self._secret
        )

    def _mac(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self._keys[purpose], content, hashlib.sha256)


def new_token() -> str:
    """Return 256 random bits as 43 characters that fit anywhere."""
    return _text(secrets.token_bytes(_TOKEN_BYTES))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
