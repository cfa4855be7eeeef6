"""How long to wait before a process that ended is started again."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """Doubling pauses with jitter; times in seconds.

    Attributes:
        first: the pause after the first end.
        limit: the longest pause.
        healthy: a process that was healthy for so long begins anew with `first`.
    """

    first: float = 0.1
    limit: float = 10.0
    healthy: float = 10.0

    def pause(self, ends: int, rng: random.Random) -> float:
        """Return the pause after the `ends`-th end in a row (1 is the first).

        Half of it is random, so that processes which fell together do not rise together.
        """
        doublings = min(ends - 1, 30)  # beyond that the limit holds anyway, and floats are finite
        whole = min(self.first * 2.0**doublings, self.limit)
        return whole * (0.5 + rng.random() / 2)

    def ends(self, before: int, healthy_for: float) -> int:
        """Return how many ends in a row it is now, after a life with `healthy_for` of health."""
        return 1 if healthy_for >= self.healthy else before + 1
