"""How long: a deadline for every unary call, passed on with a margin, refused when spent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plait.clock import Clock
from plait.errors import DeadlineExceeded
from plait.mesh.call import Call, Deadline, Interceptor, Side, current

DEFAULT = 2.0  # seconds for a unary call where neither caller nor contract says otherwise
MARGIN = 0.01  # seconds kept back from a callee: the way back, and our own answer


class DeadlineSpent(DeadlineExceeded):
    """Nobody waits for the answer any more, so the work was not begun."""


def deadline(clock: Clock) -> Interceptor:
    """Return the interceptor that gives `call.deadline` a value and holds the call to it.

    On the server: a unary call without one gets the contract's, else 2 s; a stream the contract's,
    else none. A call whose deadline has passed is refused; a handler that is still running then is
    cancelled. On the client: the caller's `timeout`, without one as on the server, but never more
    than what is left, less 10 ms, of the call that this process is serving. What has no time left
    is not sent.

    Raises DeadlineExceeded, with reason DEADLINE_SPENT where nothing was begun.
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        if call.deadline is None:
            call.deadline = _default(call, clock)
        if call.side is Side.CLIENT:
            call.deadline = _earlier(call.deadline, _inherited())
        left = None if call.deadline is None else call.deadline.left()
        if left is not None and left <= 0:
            raise DeadlineSpent(f"no time is left for {call.method.path}; it was not begun")
        if left is None or call.side is Side.CLIENT:  # the client's wire keeps the time itself
            yield
            return
        limit = asyncio.timeout(left)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceeded(f"{call.method.path} did not end within its deadline") from error

    return around


def _default(call: Call, clock: Clock) -> Deadline | None:
    seconds = call.method.deadline
    if seconds is None and not call.method.streams:
        seconds = DEFAULT
    return None if seconds is None else Deadline.after(seconds, clock)


def _inherited() -> Deadline | None:
    serving = current()
    if serving is None or serving.deadline is None:
        return None
    return Deadline(at=serving.deadline.at - MARGIN, clock=serving.deadline.clock)


def _earlier(one: Deadline | None, other: Deadline | None) -> Deadline | None:
    if one is None or other is None:
        return one or other
    return one if one.left() <= other.left() else other
