"""The workload tokens of this process: a file for each service that it calls."""

import logging
import re
from pathlib import Path

from plait.clock import Clock
from plait.mesh.identity.key_file import stamp
from plait.mesh.identity.tokens import MAX_TOKEN

LOOK_EVERY = 1.0  # seconds between two looks at a file

_CALLEE = re.compile(r"[a-z][a-z0-9-]{0,62}")
_log = logging.getLogger(__name__)


class WorkloadTokens:
    """Reads `folder/<callee>`; whoever issues the tokens replaces the files before they expire."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._files: dict[str, _TokenFile] = {}

    def token(self, callee: str) -> str:
        """Return the token to show to `callee`; empty if there is none, and the callee decides.

        Raises:
            ValueError: the name is none of a service.
        """
        if callee not in self._files:
            if not _CALLEE.fullmatch(callee):
                raise ValueError(f"{callee!r} is not the name of a service")
            self._files[callee] = _TokenFile(self._folder / callee, self._clock)
        return self._files[callee].read()


class _TokenFile:
    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._looked = float("-inf")
        self._seen: tuple[int, ...] = ()
        self._token = ""

    def read(self) -> str:
        now = self._clock.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()
        return self._token

    def _look(self) -> None:
        try:
            seen = stamp(self._path)
            if seen != self._seen:
                self._seen = seen
                self._token = _read(self._path)
        except FileNotFoundError:
            self._seen, self._token = (), ""
        except (OSError, ValueError) as error:
            _log.warning("the workload token in %s cannot be read: %s", self._path, error)


def _read(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        token = file.read(MAX_TOKEN + 1).strip()
    if len(token) > MAX_TOKEN:
        raise ValueError(f"it is longer than {MAX_TOKEN} bytes")
    return token
