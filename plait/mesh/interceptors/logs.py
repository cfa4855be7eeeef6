"""One line for each call that ended: what was called, how it ended, how long it took, by whom."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plait.clock import Clock, SystemClock
from plait.errors import Code
from plait.mesh.call import Call, Interceptor, Side
from plait.mesh.interceptors.outcome import is_failure, outcome

_logger = logging.getLogger("plait.calls")


def logs(clock: Clock | None = None) -> Interceptor:
    """Return the interceptor that writes down a call that has ended, on the logger `plait.calls`.

    A call that this process served is INFO, or WARNING where the fault is the server's own; probes
    and reflection (`grpc.*`) are DEBUG unless they fail, and so are the calls that this process
    makes. Fields: method, code, duration (seconds), peer, and the names of user and workload.
    """
    time = clock or SystemClock()

    @asynccontextmanager
    async def surround(call: Call) -> AsyncGenerator[None]:
        began = time.monotonic()
        try:
            yield
        except BaseException as error:
            _write(call, outcome(call, error), time.monotonic() - began)
            raise
        _write(call, outcome(call, None), time.monotonic() - began)

    return surround


def _write(call: Call, code: Code, seconds: float) -> None:
    level = _level(call, code)
    if not _logger.isEnabledFor(level):
        return
    method = f"{call.method.service}/{call.method.name}"
    fields = {
        "method": method,
        "code": code.name,
        "duration": round(seconds, 6),
        "peer": call.peer,
        "user": call.user.name if call.user else "",
        "workload": call.workload.name if call.workload else "",
    }
    known = {name: value for name, value in fields.items() if value != ""}
    _logger.log(level, "%s %s", method, code.name, extra=known)


def _level(call: Call, code: Code) -> int:
    if call.side is Side.CLIENT:
        return logging.DEBUG
    if is_failure(call.side, code):
        return logging.WARNING
    return logging.DEBUG if call.method.service.startswith("grpc.") else logging.INFO
