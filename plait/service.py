"""The chassis of a process that serves gRPC: settings in, a drained and silent exit out."""

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

import grpc.aio
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from plait.background import Background, Chore
from plait.clock import Clock, SystemClock
from plait.mesh import grpcio
from plait.mesh.access import PROBES, ContractError, served_method
from plait.mesh.call import Interceptor
from plait.mesh.health import Health, Ready
from plait.mesh.identity.tokens import Verifier
from plait.mesh.identity.trust import TrustError, verifier
from plait.mesh.method import Method
from plait.mesh.stack import probe_stack, server_stack
from plait.settings import Settings
from plait.telemetry import setup

Register = Callable[[grpc.aio.Server], None]
"""Adds servicers: `lambda server: add_CatalogServiceServicer_to_server(service, server)`."""

Close = Callable[[], Awaitable[None]]
"""Closes what `main.py` has opened (database, channels), after the last call."""

_log = logging.getLogger(__name__)


class PortTaken(Exception):
    """The process cannot listen where its settings say; the message names the setting."""


def serve(  # noqa: PLR0913 - the one place where a process is put together
    settings: Settings,
    register: Register,
    *,
    name: str,
    ready: Ready | None = None,
    on_close: Close | None = None,
    background: Sequence[Chore] = (),
    observers: Sequence[Interceptor] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; returns when everything is closed.

    Sets up telemetry, runs the event loop (uvloop), adds health and reflection, and surrounds every
    call with `plait.mesh.stack.server_stack`. Where `settings.health_port` is set, health is served
    there as well, and nothing else. Draining: health says NOT_SERVING at once; new calls are still
    served for `settings.drain_delay` seconds, then refused and the background cancelled; running
    ones get `settings.drain_grace` seconds, after that they end with UNAVAILABLE; telemetry is
    flushed and `on_close` awaited. A second signal stops at once.

    Args:
        settings: where to listen, whom to trust, how to drain.
        register: adds the generated servicers to the server.
        name: the service's short name (`catalog`): telemetry's `service.name`, the audience of the
            workload tokens that it accepts, and the head of the domain in its errors.
        ready: whether calls can be served now, for example whether the database answers.
        on_close: closes what the caller has opened.
        background: what is done beside the calls, from when the server listens until it refuses new
            calls; each is started again if it fails (`plait.background`).
        observers: what the service itself wants to see of each call, also of those that are refused
            before they reach it (`plait.mesh.interceptors.audit`).

    Raises:
        SystemExit: with code 1 and a sentence on stderr where the port is taken, a contract does
            not let a method be served, or it is not known where keys are.
    """
    setup.setup(name, log_level=settings.log_level)
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            server = Server(
                settings,
                register,
                name=name,
                ready=ready,
                background=background,
                observers=observers,
            )
            runner.run(_serve(server, on_close))
    except (PortTaken, ContractError, TrustError) as error:
        sys.stderr.write(f"{name} cannot start: {error}\n")
        raise SystemExit(1) from None
    finally:
        setup.shutdown()  # again, for what was said while closing


class Server:
    """What `serve` runs, without process and signals: for tests, and for several in one process."""

    def __init__(  # noqa: PLR0913 - as `serve`
        self,
        settings: Settings,
        register: Register,
        *,
        name: str,
        ready: Ready | None = None,
        clock: Clock | None = None,
        background: Sequence[Chore] = (),
        observers: Sequence[Interceptor] = (),
    ) -> None:
        self._settings = settings
        self._register = register
        self._name = name
        self._domain = f"{name}.{settings.domain}"
        self._ready = ready or _always
        self._clock = clock or SystemClock()
        self._background = Background(background, clock=self._clock)
        self._observers = tuple(observers)
        self._hurried = asyncio.Event()
        self._drained: asyncio.Task[None] | None = None
        self._health: Health
        self._grpc: grpcio.Server
        self._trusted: Verifier
        self._probes: grpcio.Server | None = None

    async def start(self) -> int:
        """Listen; returns the port.

        Raises:
            PortTaken: something else listens there.
            ContractError: a method cannot be served as its contract is.
            TrustError: the settings do not say where keys are.
        """
        self._trusted = verifier(self._settings, self._name, self._clock)
        self._grpc = grpcio.Server(
            find_method=served_method, stack_of=self._stacks(), clock=self._clock
        )
        self._register(self._grpc)
        self._health = Health(self._grpc.services, self._ready)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        if self._settings.reflection:
            names = [*self._grpc.services, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._grpc)
        port = self._listen(self._grpc, self._settings.port, "PORT")
        if self._settings.health_port:
            self._probes = self._probe_server()
            await self._probes.start()
        await self._grpc.start()
        self._background.start()
        _log.info("listening on %s", _address(self._settings.host, port))
        return port

    async def drain(self) -> None:
        """End in order: NOT_SERVING at once, wait, refuse new calls, let running ones finish."""
        if self._drained is None:
            self._drained = asyncio.ensure_future(self._drain())
        await asyncio.shield(self._drained)

    async def stop(self) -> None:
        """End at once, or what is left of draining at once: running calls end with UNAVAILABLE."""
        self.hurry()
        await self.drain()

    def hurry(self) -> None:
        """Wait no longer: neither before calls are refused nor for those that run."""
        self._hurried.set()

    async def _drain(self) -> None:
        _log.info("draining")
        self._health.drain()
        await self._unless_hurried(self._settings.drain_delay)
        self._health.stop()
        self._background.cancel()
        stopping = asyncio.ensure_future(self._grpc.stop(self._settings.drain_grace))
        hurried = asyncio.ensure_future(self._hurried.wait())
        await asyncio.wait([stopping, hurried], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await self._grpc.stop(0)
        hurried.cancel()
        await stopping
        await self._background.ended()
        await self._trusted.close()
        if self._probes is not None:  # last: until then a probe is told that the process lives
            await self._probes.stop(0)
        _log.info("stopped")

    async def _unless_hurried(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            return

    def _probe_server(self) -> grpcio.Server:
        """Return a second server on a port of its own, with nothing but health."""
        stack = probe_stack(domain=self._domain, clock=self._clock)
        server = grpcio.Server(
            find_method=served_method, stack_of=lambda _: stack, clock=self._clock
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self._listen(server, self._settings.health_port, "PLAIT_HEALTH_PORT")
        return server

    def _stacks(self) -> Callable[[Method], Sequence[Interceptor]]:
        full = server_stack(
            domain=self._domain,
            verifier=self._trusted,
            clock=self._clock,
            observers=self._observers,
        )
        probes = probe_stack(domain=self._domain, clock=self._clock)
        return lambda method: probes if method.service in PROBES else full

    def _listen(self, server: grpcio.Server, port: int, setting: str) -> int:
        host = self._settings.host
        try:
            _try_to_bind(host, port)  # gRPC does not say why it cannot
            return server.add_insecure_port(_address(host, port))
        except (OSError, RuntimeError) as error:
            raise PortTaken(_why(host, port, setting, error)) from error


async def _serve(server: Server, on_close: Close | None) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def end() -> None:
        if asked.is_set():
            server.hurry()
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        await server.start()
        await asked.wait()
        await server.drain()
        await asyncio.to_thread(setup.shutdown)
    finally:
        if on_close is not None:
            await on_close()


async def _always() -> bool:
    return True


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - it does not install everywhere
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _try_to_bind(host: str, port: int) -> None:
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _why(host: str, port: int, setting: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        zero = "takes a free one" if setting == "PORT" else "serves none"
        return (
            f"port {port} on {host} is taken: stop what listens there, or set {setting} to another "
            f"port (0 {zero})"
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"it cannot listen on {_address(host, port)} (PLAIT_HOST and {setting}): {reason}"
