"""New identifiers: unique without asking anyone, sortable by the time they were made."""

import secrets
import uuid
from typing import Protocol

from plait.clock import Clock, SystemClock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_CHARS, _RANDOM_CHARS = 9, 11  # 45 bits of milliseconds (until the year 3084), 55 random bits


class NewId(Protocol):
    """A source of ids; one method, so that a test hands over a counter."""

    def __call__(self) -> str:
        """Return an id that was never returned before."""
        ...


def new_id(clock: Clock | None = None) -> str:
    """Return 20 lower-case characters that sort by time and fit a resource name (AIP-122)."""
    now = (clock or SystemClock()).now()
    return _base32(int(now.timestamp() * 1000), _TIME_CHARS) + _base32(
        secrets.randbits(5 * _RANDOM_CHARS), _RANDOM_CHARS
    )


def request_id(namespace: uuid.UUID, name: str) -> str:
    """Return the one request id of this act: the same for the same act, for ever (AIP-155)."""
    return str(uuid.uuid5(namespace, name))


def _base32(value: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
