"""A gateway as a process: settings in, a drained and silent exit out."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.clock import Clock, SystemClock
from plait.gateway.app import Gateway
from plait.gateway.contracts import ContractError, Contracts, load
from plait.gateway.docs.pages import Pages
from plait.gateway.edge.observe import ALLOWED, Observer
from plait.gateway.probes import answering_probes
from plait.gateway.server import CannotListen, ServerStopped, serve
from plait.gateway.settings import GatewaySettings
from plait.gateway.threads import wait_for_foreign_threads
from plait.gateway.upstream import Upstream
from plait.mesh.channel import connect
from plait.mesh.identity.identity import GATEWAY
from plait.mesh.identity.tokens import Verifier
from plait.mesh.identity.trust import TrustError, verifier
from plait.telemetry import setup

_log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The gateway cannot be built; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A service that is shown outside: its short name, and its usual address."""

    name: str
    target: str


def run(
    settings: GatewaySettings,
    services: Mapping[str, Exposed],
    *,
    title: str,
    version: str,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; returns when everything is closed.

    Draining: /healthz says 503 at once; requests are still answered for `settings.drain_delay`
    seconds, then no more are accepted; those that run get `settings.drain_grace` seconds, after
    that they end with UNAVAILABLE; telemetry is flushed. A second signal stops at once.

    Args:
        settings: where to listen, what to allow, how to drain.
        services: what to show outside, by the full names of services in the contracts.
        title: of the API, in OpenAPI and on the page at /docs.
        version: of the API.

    Raises:
        SystemExit: with code 1 and a sentence on stderr where the contracts cannot be served, it is
            not known where a service is, or the port is taken.
    """
    setup.setup(GATEWAY, log_level=settings.log_level, allowed=ALLOWED)
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_until_signal(settings, services, title, version))
    except (CannotStart, CannotListen) as error:
        raise _ended(f"cannot start: {error}") from None
    except ServerStopped as error:
        raise _ended(f"has ended: {error}") from None
    finally:
        setup.shutdown()
        wait_for_foreign_threads()


@contextlib.asynccontextmanager
async def built(
    settings: GatewaySettings,
    services: Mapping[str, Exposed],
    *,
    title: str,
    version: str,
    clock: Clock | None = None,
) -> AsyncGenerator[Gateway]:
    """Build the application and what it stands on; closes its channels at the end.

    Raises:
        CannotStart: see its text.
    """
    clock = clock or SystemClock()
    contracts = _contracts(Path(settings.contracts), services)
    trusted = _trusted(settings, clock)
    upstream = _upstream(settings, contracts, services, clock)
    try:
        yield Gateway(
            contracts,
            upstream,
            trusted,
            pages=Pages(contracts, title=title, version=version),
            observer=Observer(clock),
            edge=settings.edge,
            clock=clock,
        )
    finally:
        await upstream.close()
        await trusted.close()


async def serve_until(
    stop: asyncio.Event,
    gateway: Gateway,
    settings: GatewaySettings,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until `stop` is set, then drain as `run` says; raises what `server.serve` does.

    Probes are answered at a port of their own too, where the settings name one.
    """
    async with answering_probes(gateway, settings.host, settings.health_port):
        await _serve_until(stop, gateway, settings, ready or _say)


async def _serve_until(
    stop: asyncio.Event,
    gateway: Gateway,
    settings: GatewaySettings,
    ready: Callable[[int], None],
) -> None:
    refuse = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            gateway,
            settings.host,
            settings.port,
            stop=refuse,
            ready=ready,
            grace=settings.drain_grace,
            connections=settings.connections,
        ),
        name="gateway",
    )
    asked = asyncio.create_task(stop.wait(), name="stop asked")
    try:
        await asyncio.wait((serving, asked), return_when=asyncio.FIRST_COMPLETED)
        gateway.drain()
        await asyncio.wait((serving,), timeout=settings.drain_delay)
        refuse.set()
        await serving
    finally:
        serving.cancel()
        asked.cancel()
        await asyncio.wait((serving, asked))


async def _until_signal(
    settings: GatewaySettings, services: Mapping[str, Exposed], title: str, version: str
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    me = asyncio.current_task()
    assert me is not None

    def end() -> None:
        if stop.is_set():
            me.cancel("asked twice")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        async with built(settings, services, title=title, version=version) as gateway:
            await serve_until(stop, gateway, settings)
    except asyncio.CancelledError:
        _log.warning("stopped at once, as asked twice; running requests were cut off")


def _ended(why: str) -> SystemExit:
    sys.stderr.write(f"{GATEWAY} {why}\n")
    return SystemExit(1)


def _contracts(path: Path, services: Mapping[str, Exposed]) -> Contracts:
    try:
        return load(path.read_bytes(), list(services))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotStart(
            f"the contracts cannot be read from {path}: {reason}; run `plait generate`, or set"
            " PLAIT_CONTRACTS to another file"
        ) from error
    except ContractError as error:
        raise CannotStart(f"the contracts in {path} cannot be served:\n{error}") from error


def _trusted(settings: GatewaySettings, clock: Clock) -> Verifier:
    try:
        return verifier(settings, GATEWAY, clock)
    except TrustError as error:
        raise CannotStart(str(error)) from error


def _upstream(
    settings: GatewaySettings,
    contracts: Contracts,
    services: Mapping[str, Exposed],
    clock: Clock,
) -> Upstream:
    known = {method.rpc.path: method.rpc for method in contracts.methods}
    try:
        channels = {
            exposed: connect(
                exposed.name,
                settings,
                target=exposed.target,
                clock=clock,
                find_method=known.get,
                methods=known.values(),
            )
            for exposed in set(services.values())
        }
    except ValueError as error:
        raise CannotStart(str(error)) from error
    return Upstream({name: channels[exposed] for name, exposed in services.items()})


def _say(port: int) -> None:
    _log.info("listening on port %d", port)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - it does not install everywhere
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
