"""gRPC's health protocol (grpc.health.v1), honest: each answer asks whether calls can be served."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.errors import NotFound, Unavailable

Ready = Callable[[], Awaitable[bool]]
"""Whether calls can be served now; raising means no, and is logged."""

LIVENESS = "plait.liveness"
"""The name to ask by whether the process runs at all: SERVING as long as it can answer, also while
it drains and without its database. Who restarts processes asks this, never the others: a restart
mends no database, and would cut off the calls that are drained."""

PATIENCE = 1.0  # seconds in which a process that can serve must be able to say so
LOOK_EVERY = 1.0  # seconds between two looks of a Watch

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_log = logging.getLogger(__name__)


class ServiceUnknown(NotFound):
    """No service of this name is served here."""


class Health(health_pb2_grpc.HealthServicer):
    """Answers for each service by its name, for all by the empty one, for the process by LIVENESS.

    Args:
        services: the names of the services, as they are when asked.
        ready: asked at each Check, and each second while somebody watches.
    """

    def __init__(self, services: Collection[str], ready: Ready) -> None:
        self._services = services
        self._ready = ready
        self._draining = asyncio.Event()
        self._stopping = asyncio.Event()
        self._complaint = ""

    def drain(self) -> None:
        """Say NOT_SERVING from now on."""
        self._draining.set()

    def stop(self) -> None:
        """End the watches: they would keep a stopping server waiting."""
        self._draining.set()
        self._stopping.set()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:  # noqa: N802 - from the contract
        del context
        status = await self._status(request.service)
        if status == _UNKNOWN:
            known = ", ".join(sorted(self._services))
            raise ServiceUnknown(f"there is no service {request.service!r} here, only {known}")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802 - from the contract
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        del context
        last = None
        while True:
            status = await self._status(request.service)
            if status != last:
                last = status
                yield health_pb2.HealthCheckResponse(status=status)
            if self._stopping.is_set():
                raise Unavailable("the server is stopping", reason="SERVER_STOPPING")
            await self._pause()

    async def _status(self, service: str) -> int:
        if service == LIVENESS:
            return _SERVING
        if service and service not in self._services:
            return _UNKNOWN
        if self._draining.is_set() or not await self._is_ready():
            return _NOT_SERVING
        return _SERVING

    async def _is_ready(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                ready = await self._ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, calls cannot be served
            self._complain(f"{type(error).__name__}: {error}")
            return False
        self._complain("" if ready else "it says that it is not ready")
        return ready

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            self._complaint = reason
            if reason:
                _log.warning("not ready to serve: %s", reason)
            else:
                _log.info("ready to serve again")

    async def _pause(self) -> None:
        """Wait for the next look, or for the server to drain or stop, whichever is first."""
        event = self._stopping if self._draining.is_set() else self._draining
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await event.wait()
        except TimeoutError:
            return
