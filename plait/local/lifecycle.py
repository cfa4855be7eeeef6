"""One process as the supervisor sees it: its states, and what each event makes of it."""

import random
import signal
from dataclasses import dataclass, replace
from enum import Enum

from plait.local.backoff import BackOff

CRASHES = 3  # ends in a row from which on a process counts as failed, not as restarting


class State(Enum):
    """Where a process is between its first start and its end."""

    WAITING = "waiting"
    MIGRATING = "migrating"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process now; times are seconds of a monotonic clock.

    `ends` counts the ends in a row without `BackOff.healthy` seconds of health between them;
    `restarts` all starts but the first. `said` is what there is to know of this life, `problem`
    what a health check found, while it lasts. `busy` is set while its database is being seeded.
    """

    name: str
    address: str
    state: State = State.WAITING
    pid: int = 0
    starts: int = 0
    started: float = 0.0
    healthy_since: float | None = None
    ends: int = 0
    said: str = ""
    problem: str = ""
    busy: bool = False

    @property
    def restarts(self) -> int:
        return max(0, self.starts - 1)

    @property
    def note(self) -> str:
        """What a person should know of it now."""
        return self.problem or self.said

    @property
    def settled(self) -> bool:
        """Whether it is as ready, or as failed, as it gets."""
        return (self.state is State.READY and not self.busy) or self.state is State.FAILED

    def migrating(self) -> "Process":
        return replace(self, state=State.MIGRATING, said="", problem="")

    def born(self, pid: int, now: float) -> "Process":
        return replace(
            self,
            state=State.STARTING,
            pid=pid,
            starts=self.starts + 1,
            started=now,
            healthy_since=None,
            said="",
            problem="",
        )

    def answered(self, problem: str, now: float) -> "Process":
        """Take in the answer of a health check; an empty `problem` means healthy."""
        if self.state in {State.STOPPING, State.STOPPED}:
            return self
        if not problem:
            if self.state is State.READY:
                return self
            return replace(self, state=State.READY, healthy_since=now, problem="")
        if self.state is State.STARTING:
            return self
        return replace(self, state=State.UNREADY, healthy_since=None, problem=problem)

    def hangs(self, limit: float, now: float) -> bool:
        """Whether it has been starting for `limit` seconds, and that is too long."""
        return self.state is State.STARTING and now - self.started >= limit

    def ended(self, what: str, now: float, back_off: BackOff) -> "Process":
        """Take in an end that nobody asked for; `what` says how it ended."""
        healthy = 0.0 if self.healthy_since is None else now - self.healthy_since
        ends = back_off.ends(self.ends, healthy)
        state = State.FAILED if ends >= CRASHES else State.RESTARTING
        return replace(
            self, state=state, pid=0, ends=ends, healthy_since=None, said=what, problem=""
        )

    def pause(self, back_off: BackOff, rng: random.Random) -> float:
        """Return the seconds until it is started again."""
        return back_off.pause(max(1, self.ends), rng)

    def renewed(self) -> "Process":
        """Take in a restart that somebody asked for: what was before does not count."""
        return replace(
            self,
            state=State.RESTARTING,
            pid=0,
            ends=0,
            healthy_since=None,
            said="",
            problem="",
        )

    def stopping(self) -> "Process":
        return replace(self, state=State.STOPPING, said="", problem="")

    def stopped(self) -> "Process":
        return replace(self, state=State.STOPPED, pid=0, healthy_since=None, busy=False)

    def noted(self, note: str, *, busy: bool) -> "Process":
        return replace(self, said=note, busy=busy)


def how_it_ended(code: int) -> str:
    """Say in words what an exit code (negative: a signal's number) means."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
