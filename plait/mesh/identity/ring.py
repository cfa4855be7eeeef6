"""The keys that are known of an issuer, and when to read them again: no clock and no I/O."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from plait.mesh.identity.jwk import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often keys are read, in seconds.

    Attributes:
        max_age: after which known keys are read again.
        search: between two reads for the sake of a key id that is not known.
        retry: after a read that failed.
        in_background: whether known keys are used while they are read again.
    """

    max_age: float
    search: float
    retry: float
    in_background: bool


class Step(Enum):
    """What to do before a key is looked up."""

    USE = "use what is known"
    USE_AND_READ = "use what is known and read it again meanwhile"
    READ = "read, and wait for it"


class Ring:
    """What was read of an issuer's keys.

    Keys stay known until others were read: they outlive their issuer.

    Attributes:
        keys: by key id; None until they were read once.
        version: grows with each change; what was proven by an older one is proven anew.
        failing: whether the last read failed.
        due: when to read again, in seconds of a monotonic clock.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.due = -math.inf
        self._searched = -math.inf
        self.keys: Mapping[str, PublicKey] | None = None
        self.version = 0
        self.failing = False

    def step(self, now: float) -> Step:
        """Return what to do at `now`, in seconds of a monotonic clock."""
        if now < self.due:
            return Step.USE
        if self.keys is None or not self._pace.in_background:
            return Step.READ
        return Step.USE_AND_READ

    def may_search(self, now: float) -> bool:
        """Whether a key id that is not known is worth a read; if so, the next is not for a while.

        Anyone can make up key ids, so they must not decide how often the issuer is asked.
        """
        if now - self._searched < self._pace.search:
            return False
        self._searched = now
        return True

    def got(self, keys: Mapping[str, PublicKey] | None, now: float) -> None:
        """Take in what was read: all keys by key id, or None where nothing has changed."""
        self.failing = False
        self.due = now + self._pace.max_age
        if keys is not None and _as_data(keys) != _as_data(self.keys):
            self.keys = keys
            self.version += 1

    def failed(self, now: float) -> bool:
        """Note that a read failed; return whether that is news."""
        news = not self.failing
        self.failing = True
        self.due = now + self._pace.retry
        return news


def _as_data(keys: Mapping[str, PublicKey] | None) -> object:
    return None if keys is None else {kid: key.as_dict(private=False) for kid, key in keys.items()}
