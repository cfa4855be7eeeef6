"""How a call ended, as the three observers see it from outside of `status`."""

import asyncio

from plait.errors import Code, Error
from plait.mesh.call import Call, Side

_SERVER_FAULTS = frozenset(
    {
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    }
)


def outcome(call: Call, error: BaseException | None) -> Code:
    """Return the call's status code; where nobody has set one, what the exception amounts to."""
    if call.status is not None:
        return call.status.code
    if error is None:
        return Code.OK
    if isinstance(error, Error):
        return error.code
    # A stream that nobody reads any more is closed from outside, by GeneratorExit.
    gone = isinstance(error, asyncio.CancelledError | GeneratorExit)
    return Code.CANCELLED if gone else Code.UNKNOWN


def bug(call: Call, error: BaseException | None) -> BaseException | None:
    """Return the exception that nobody meant to raise, if that is how the call ended.

    An INTERNAL of the other end is its own bug, and recorded there.
    """
    found = call.error or error
    own = call.side is Side.SERVER and outcome(call, found) is Code.INTERNAL
    meant = isinstance(found, Error | asyncio.CancelledError | GeneratorExit)
    return found if own or not meant else None


def is_failure(side: Side, code: Code) -> bool:
    """Whether this side failed (OpenTelemetry's conventions for gRPC, status codes and span kinds).

    A client failed whenever it did not get what it asked for; a server only where the fault is its
    own: a wrong request is not.
    """
    return code in _SERVER_FAULTS if side is Side.SERVER else code is not Code.OK
