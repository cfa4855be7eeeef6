"""The console process: receives telemetry and mail, and shows both."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plait.clock import SystemClock
from plait.console.api import Api, FirstSteps
from plait.console.app import pages_app, receiver_app
from plait.console.golden import GoldenSignals
from plait.console.mail import sink
from plait.console.mail.api import MailApi
from plait.console.mail.mailbox import Mailbox
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a console listens: URLs of pages and receiver, `host:port` of SMTP; empty where off."""

    pages: str
    otlp: str
    smtp: str


async def run(
    settings: ConsoleSettings,
    stop: asyncio.Event,
    ready: Callable[[Addresses], None] | None = None,
) -> None:
    """Serve until `stop` is set; `ready` is told the addresses.

    Raises CannotListen, in a group, if a port is taken.
    """
    store, signals, clock = TraceStore(settings.limits), GoldenSignals(), SystemClock()
    mailbox = Mailbox(clock, Path(settings.mail_folder) if settings.mail_folder else None)
    async with asyncio.TaskGroup() as tasks:
        listeners = _Listeners(settings.host, stop, tasks)
        otlp = smtp = ""
        if settings.otlp:
            app = receiver_app(store, signals, clock, settings.hosts)
            otlp = await listeners.http(app, settings.otlp_port, "PLAIT_OTLP_PORT")
        if settings.smtp_port is not None:
            smtp = await listeners.smtp(mailbox, settings.smtp_port, "PLAIT_SMTP_PORT")
        first_steps = FirstSteps(otlp=otlp, example=settings.console_example)
        apis = (Api(store, signals, clock, first_steps), MailApi(mailbox, smtp))
        pages = await listeners.http(pages_app(apis, settings.hosts), settings.port, "PORT")
        where = Addresses(pages=pages, otlp=otlp, smtp=smtp)
        log.info("console at %s, OTLP/HTTP %s, SMTP %s", pages, otlp or "off", smtp or "off")
        if ready is not None:
            ready(where)
        await stop.wait()
        mailbox.close()


class _Listeners:
    """What the console listens with: a task each, which ends with `stop`."""

    def __init__(self, host: str, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        self._host = host
        self._stop = stop
        self._tasks = tasks

    async def http(self, app: App, port: int, setting: str) -> str:
        """Serve the application; return its URL once it does."""
        bound = self._bound()
        serving = serve(
            app,
            self._host,
            port,
            stop=self._stop,
            ready=bound.set_result,
            grace=_GRACE,
            setting=setting,
        )
        self._tasks.create_task(serving, name=f"console {setting}")
        return f"http://{_address(self._host, await bound)}"

    async def smtp(self, mailbox: Mailbox, port: int, setting: str) -> str:
        """Take mail; return `host:port` once it is taken."""
        bound = self._bound()
        taking = sink.serve(
            mailbox, self._host, port, stop=self._stop, ready=bound.set_result, setting=setting
        )
        self._tasks.create_task(taking, name=f"console {setting}")
        return _address(self._host, await bound)

    def _bound(self) -> "asyncio.Future[int]":
        return asyncio.get_running_loop().create_future()


async def _until_signal(settings: ConsoleSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    main()
