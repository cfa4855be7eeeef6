"""How a call ended: what was raised inside becomes the status that observers and the caller see."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plait.errors import Cancelled, Code, DeadlineExceeded, Error, Internal, Unavailable
from plait.mesh.call import Call, Interceptor, Side, Status, is_cancelled
from plait.mesh.status import INTERNAL_MESSAGE, to_status

_log = logging.getLogger(__name__)
_SLACK = 0.05  # seconds; the timers of two peers never agree to the millisecond
_ROUNDING = 0.01  # `grpc-timeout` has few digits: a long deadline arrives up to 1 % longer


class ServerStopping(Unavailable):
    """The server ended the call because it stops; another one may answer."""


def status(domain: str) -> Interceptor:
    """Return the interceptor that sets `call.status` from what is raised inside, and raises it on.

    On the server an error of `plait.errors` becomes a google.rpc.Status; anything else, and an
    `Internal`, is a bug, logged here with its traceback and INTERNAL without its text for the
    caller. On the client the status that came over the wire stays. A cancelled call counts as
    DEADLINE_EXCEEDED if its deadline has passed, because the other end's timer may have been
    the faster one.

    Args:
        domain: who says it, for errors that do not say so themselves, for example `catalog.shop`.
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            yield
        except (asyncio.CancelledError, Exception) as error:
            if call.side is Side.SERVER or call.status is None:
                call.status = _status(call, error, loop.time() - started, domain)
            call.error = error
            raise
        call.status = call.status or Status(code=Code.OK)

    return around


def _status(call: Call, error: BaseException, lasted: float, domain: str) -> Status:
    gone = isinstance(error, asyncio.CancelledError) and is_cancelled()
    if gone or isinstance(error, Cancelled):
        return _told(_cut_off(call, lasted), domain)
    is_bug = not isinstance(error, Error) or error.code is Code.INTERNAL
    if is_bug and call.side is Side.SERVER:
        _log.error("a bug ended %s", call.method.path, exc_info=error)
    return _told(error, domain)


def _told(error: BaseException, domain: str) -> Status:
    known = error if isinstance(error, Error) else Internal(INTERNAL_MESSAGE)
    told = to_status(known, domain)
    return Status(code=known.code, message=told.message, details=told.SerializeToString())


def _cut_off(call: Call, lasted: float) -> Error:
    """Return why a call was cancelled."""
    if call.stopping:
        return ServerStopping("the server is stopping; try again")
    slack = _SLACK + _ROUNDING * lasted
    if call.deadline is not None and call.deadline.left() <= slack:
        return DeadlineExceeded("the deadline has passed")
    return Cancelled("the caller went away")
