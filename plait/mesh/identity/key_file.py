"""Keys in a file: a JWKS (RFC 7517) that whoever issues tokens replaces when its keys change."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from plait.mesh.identity.jwk import PublicKey, public_keys
from plait.mesh.identity.ring import Pace

MAX_FILE = 1024 * 1024  # bytes
LOOK_EVERY = 1.0  # seconds between two looks at the file, and between two for unknown key ids


class _KeySet(BaseModel):
    keys: list[dict[str, Any]]


class KeyFile:
    """A source of keys that looks at a file once a second, and reads it if it has changed."""

    pace = Pace(max_age=LOOK_EVERY, search=LOOK_EVERY, retry=LOOK_EVERY, in_background=False)

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    def __str__(self) -> str:
        return str(self._path)

    async def read(self) -> dict[str, PublicKey] | None:
        """Return the keys, None if the file is the one that was read before.

        Raises:
            OSError: there is no file that can be read.
            ValueError: it is no JWKS, too large, or a key in it is broken.
        """
        seen = stamp(self._path)
        if seen == self._seen:
            return None
        keys = _read(self._path)
        self._seen = seen
        return keys

    async def close(self) -> None:
        """Do nothing: no file stays open."""


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
    return public_keys(entries)
