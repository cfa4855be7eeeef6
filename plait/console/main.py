"""The console process: receives telemetry and shows it."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

from plait.clock import SystemClock
from plait.console.api import FirstSteps
from plait.console.app import pages_app, receiver_app
from plait.console.golden import GoldenSignals
from plait.console.settings import ConsoleSettings
from plait.console.store import TraceStore
from plait.gateway.edge.asgi import App
from plait.gateway.server import CannotListen, serve
from plait.gateway.threads import wait_for_foreign_threads
from plait.settings import settings_from_environment
from plait.telemetry import logs

_GRACE = 1.0  # seconds that running requests get on stop: the longest is a page's poll

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit with 1 and a sentence if a port is taken."""
    settings = settings_from_environment(ConsoleSettings)
    logs.configure("console", level=settings.log_level)
    refused: list[str] = []
    try:
        asyncio.run(_until_signal(settings))
    except* CannotListen as failed:
        # An exit from here would itself become a group.
        refused = [f"console: {error}" for error in failed.exceptions]
    finally:
        wait_for_foreign_threads()
    if refused:
        sys.exit("\n".join(refused))


async def run(
    settings: ConsoleSettings,
    stop: asyncio.Event,
    ready: Callable[[str, str], None] | None = None,
) -> None:
    """Serve until `stop` is set; `ready` is told the addresses of pages and receiver.

    The receiver's address is empty where `settings.otlp` is off. Raises CannotListen, in a group,
    if a port is taken.
    """
    store, signals, clock = TraceStore(settings.limits), GoldenSignals(), SystemClock()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:

        async def listening(app: App, port: int, setting: str) -> str:
            bound: asyncio.Future[int] = loop.create_future()
            serving = serve(
                app,
                settings.host,
                port,
                stop=stop,
                ready=bound.set_result,
                grace=_GRACE,
                setting=setting,
            )
            tasks.create_task(serving, name=f"console {setting}")
            return _address(settings.host, await bound)

        otlp = ""
        if settings.otlp:
            app = receiver_app(store, signals, clock, settings.hosts)
            otlp = await listening(app, settings.otlp_port, "PLAIT_OTLP_PORT")
        first_steps = FirstSteps(otlp=otlp, example=settings.console_example)
        app = pages_app(store, signals, clock, settings.hosts, first_steps)
        pages = await listening(app, settings.port, "PORT")
        log.info("console at %s, OTLP/HTTP %s", pages, f"at {otlp}" if otlp else "off")
        if ready is not None:
            ready(pages, otlp)


async def _until_signal(settings: ConsoleSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
