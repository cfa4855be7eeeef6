"""One run of a method, seen from either end, and the one shape of what may surround it."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from plait.clock import Clock
from plait.errors import Code
from plait.mesh.identity.identity import User, Workload
from plait.mesh.method import Method

Metadata = Sequence[tuple[str, str | bytes]]


class Side(Enum):
    """Which end of the call this process is."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a call ended; `details` is a serialized google.rpc.Status where there is more to say."""

    code: Code
    message: str = ""
    details: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment, on a monotonic clock, after which nobody waits for the answer."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        return cls(at=clock.monotonic() + seconds, clock=clock)

    def left(self) -> float:
        """Return the seconds that remain; negative once it has passed."""
        return self.at - self.clock.monotonic()


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """What an interceptor sees and may add to; it lives as long as the call.

    On the server `metadata` is what came in and `trailing` what will be sent after the last
    message; on the client `metadata` is what will be sent, `initial` and `trailing` are what came
    before the first and after the last message of the answer. Keys are lower case; values of keys
    that end in `-bin` are bytes.

    `status` is None while the call runs and set when the observers are left, however it ended: they
    read it after their `yield`, in a `finally`. An error passes through them on its way, at both
    ends, and must be raised on; `error` is the one that `status` speaks of.
    `stopping` is set when the server ends the call because it has no more time to finish it.
    `receive` and `send` see each message on its way, before the handler or the caller does, and
    refuse it by raising an error of `plait.errors`. A message is what the (de)serializer of this
    end deals in: bytes where it has none.
    """

    method: Method
    side: Side
    metadata: list[tuple[str, str | bytes]] = field(default_factory=list)
    initial: list[tuple[str, str | bytes]] = field(default_factory=list)
    trailing: list[tuple[str, str | bytes]] = field(default_factory=list)
    peer: str = ""
    deadline: Deadline | None = None
    user: User | None = None
    workload: Workload | None = None
    status: Status | None = None
    error: BaseException | None = None
    stopping: bool = False
    receive: list[Callable[[Any], None]] = field(default_factory=list)
    send: list[Callable[[Any], None]] = field(default_factory=list)

    def header(self, name: str) -> str:
        """Return the first value of an ASCII metadata key, or the empty string."""
        for key, value in self.metadata:
            if key == name and isinstance(value, str):
                return value
        return ""

    def received(self, message: Any) -> None:
        """Show a message that came in to everyone who wants to see it."""
        for look in self.receive:
            look(message)

    def sending(self, message: Any) -> None:
        """Show a message that is about to go out to everyone who wants to see it."""
        for look in self.send:
            look(message)


Interceptor = Callable[[Call], AbstractAsyncContextManager[None]]
"""Surrounds a call: set up before it, look or clean up after it, raise to refuse it."""

_current: ContextVar[Call | None] = ContextVar("plait_call", default=None)


def current() -> Call | None:
    """Return the server call that this task is handling, or None outside of one."""
    return _current.get()


@contextmanager
def handling(call: Call) -> Generator[None]:
    """Make this the server call that `current()` returns inside the block."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


def is_cancelled() -> bool:
    """Whether this task was told to end.

    A CancelledError in a task that was not comes from something else that was cancelled, and is an
    error like any other.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
