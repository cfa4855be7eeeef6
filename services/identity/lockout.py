"""How often something may be tried: who failed too often waits, longer each time, never for ever.

Three counters stand before a password. Each counts an attempt before the password is looked at, so
that a hundred attempts at once are a hundred attempts; a success takes it back.

* An address from one place: five failures are free, then 30 s, doubling to a quarter of an hour.
  Whoever guesses from one place gets some four guesses an hour.
* An address from everywhere: twenty are free, then 10 s, doubling to one minute only. It slows down
  a guesser with many places. It is short because anybody can fail on purpose: to keep the owner
  of an address out, each of the other's failures needs a place that does not wait itself, so that
  one minute for the owner costs a quarter of an hour of some place. A longer wait would make that
  cheap. Sessions that are open go on.
* A place, for all addresses: fifty are free, one is forgotten each minute. A success does not clear
  it: a guesser would log in to an account of their own between two guesses.

What is refused while it waits is not counted: asking again makes nobody wait longer.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from plait.errors import ResourceExhausted

_MOST_DOUBLINGS = 30  # beyond that every limit's longest wait holds


class TooManyAttempts(ResourceExhausted):
    """It was tried too often; the error says after how many seconds it may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much is free, and how long to wait after that.

    Attributes:
        free: attempts after which there is no wait; the one that reaches it brings the first.
        first: the first wait; each further attempt doubles it.
        longest: no wait is longer.
        forget: one attempt is forgotten for each of these that has passed since the last.
    """

    free: int
    first: timedelta
    longest: timedelta
    forget: timedelta

    def wait(self, count: int) -> timedelta:
        """Return how long to wait after so many attempts."""
        if count < self.free:
            return timedelta(0)
        doubled: int = 2 ** min(count - self.free, _MOST_DOUBLINGS)
        return min(self.first * doubled, self.longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something was tried, and when last."""

    count: int
    last: datetime

    @classmethod
    def nothing(cls, now: datetime) -> Self:
        """Return the count of what was never tried."""
        return cls(count=0, last=now)

    def left(self, limit: Limit, now: datetime) -> timedelta:
        """Return how long there is still to wait; not more than zero if it may be tried."""
        return self.last + limit.wait(self.count) - now

    def after(self, limit: Limit, now: datetime) -> "Count":
        """Return the count with one more attempt, made now."""
        passed = max(now - self.last, timedelta(0))  # two machines' clocks may differ
        return Count(count=max(self.count - passed // limit.forget, 0) + 1, last=now)

    def forgotten(self, limit: Limit) -> datetime:
        """Return when nothing is left of it."""
        return self.last + max(limit.wait(self.count), limit.forget * self.count)


_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

ADDRESS_AT_PLACE = Limit(free=5, first=30 * _SECOND, longest=15 * _MINUTE, forget=_HOUR)
ADDRESS = Limit(free=20, first=10 * _SECOND, longest=_MINUTE, forget=10 * _MINUTE)
PLACE = Limit(free=50, first=30 * _SECOND, longest=15 * _MINUTE, forget=_MINUTE)

RESETS_OF_ADDRESS = Limit(free=3, first=5 * _MINUTE, longest=_HOUR, forget=_HOUR)
RESETS_OF_PLACE = Limit(free=20, first=_MINUTE, longest=_HOUR, forget=3 * _MINUTE)


def sign_ups(free: int) -> Limit:
    """Return how many users may be created from one place; one is forgotten in three minutes."""
    return Limit(free=free, first=_MINUTE, longest=_HOUR, forget=3 * _MINUTE)


def place_of(address: str) -> str:
    """Return the place of a client's address: an IPv6 customer has a whole network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def too_many(left: timedelta) -> TooManyAttempts:
    """Return the refusal of one who has so long to wait."""
    seconds = left.total_seconds()
    return TooManyAttempts(
        f"this was tried too often: try again in {math.ceil(seconds)} s", retry_after=seconds
    )
