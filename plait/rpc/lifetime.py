"""How long a connection lives: decided once a second, by times that are handed in."""

import math
from dataclasses import dataclass
from enum import Enum

FOREVER = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long a connection may be silent, unused, old; all in seconds.

    Args:
        greeting: until what the peer has begun has come: its preface and settings, a header block.
        keepalive: of silence, after which a PING asks whether the peer is there.
        keepalive_timeout: until its answer.
        keepalive_without_calls: whether a connection without calls is asked as well.
        idle: without a call, after which it is ended.
        age: after which it takes no new calls.
        age_grace: that running calls get then.
    """

    greeting: float = 10.0
    keepalive: float = 7200.0
    keepalive_timeout: float = 20.0
    keepalive_without_calls: bool = False
    idle: float = FOREVER
    age: float = FOREVER
    age_grace: float = FOREVER


class Do(Enum):
    """What to do with a connection now."""

    NOTHING = "nothing"
    PING = "ask whether the peer is there"
    END = "take no new calls, and close after the last"
    DROP = "close at once"


class Lifetime:
    """What one connection has lived through."""

    __slots__ = ("_asked", "_began", "_ending", "_heard", "_limits", "_owed", "_used")

    def __init__(self, limits: Lifetimes, now: float) -> None:
        self._limits = limits
        self._began = self._heard = self._used = now
        self._asked: float | None = None
        self._ending: float | None = None
        self._owed: float | None = now

    def heard(self, now: float) -> None:
        """Note that bytes have come."""
        self._heard = now
        self._asked = None

    def next(self, now: float, *, calls: int, owes: bool) -> Do:
        """Return what to do now; to be asked about once a second.

        `owes` is whether the peer has begun something that it must finish before all else.
        """
        limits = self._limits
        if calls:
            self._used = now
        if owes:
            self._owed = now if self._owed is None else self._owed
            return Do.DROP if now - self._owed >= limits.greeting else Do.NOTHING
        self._owed = None
        if self._asked is not None and now - self._asked >= limits.keepalive_timeout:
            return Do.DROP
        if self._ending is not None:
            return Do.DROP if now - self._ending >= limits.age_grace else self._ask(now, calls)
        if now - self._began >= limits.age or now - self._used >= limits.idle:
            self._ending = now
            return Do.END
        return self._ask(now, calls)

    def _ask(self, now: float, calls: int) -> Do:
        wanted = calls or self._limits.keepalive_without_calls
        if self._asked is None and wanted and now - self._heard >= self._limits.keepalive:
            self._asked = now
            return Do.PING
        return Do.NOTHING
