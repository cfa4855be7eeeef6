"""Serves an ASGI application over HTTP/1.1 on granian, inside the running loop, with limits set."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from plait.gateway.edge.asgi import App, Receive, Scope, Send

_LAST_WORDS = 1.0  # seconds that a cancelled request gets to say how it ended


class CannotListen(Exception):
    """The address cannot be bound; the text is one sentence that names the setting."""


class ServerStopped(Exception):
    """The HTTP server ended by itself, which it never should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """What the server allows a client to hold on to.

    Attributes:
        header_timeout: seconds for the whole head of a request; also how long an idle connection
            is kept.
        header_bytes: the longest head of a request (request line and headers) that is read at all;
            a longer one is answered 431 and closed. At least 8192.
        backlog: connections that wait to be accepted.
        count: connections at the same time, those that say nothing too; further ones wait to be
            accepted.
    """

    header_timeout: float = 10.0
    header_bytes: int = 64 * 1024
    backlog: int = 1024
    count: int = 1024


async def serve(  # noqa: PLR0913 - each is a decision of the process that serves
    app: App,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    ready: Callable[[int], None] | None = None,
    grace: float = 20.0,
    connections: Connections | None = None,
    setting: str = "PORT",
) -> None:
    """Serve `app` until `stop` is set; then accept no more, let requests finish, and return.

    `port` 0 takes a free one; `ready` is told the port once connections are accepted. Requests
    that still run `grace` seconds after `stop` are cancelled (an ASGI application sees
    CancelledError and may say so to its client). `setting` names what moves the port.

    Lifespan events are not sent: build before, close after.

    Raises:
        CannotListen: the address is taken or not ours.
        ServerStopped: the server ended without being asked to.
    """
    limits = connections or Connections()
    listener = listen(host, port, limits.backlog, setting)
    bound = int(listener.getsockname()[1])
    requests = _Requests(app)
    server = _Granian(requests, listener, limits)
    running = asyncio.create_task(server.serve(), name="http server")
    if ready is not None:
        ready(bound)
    try:
        await _first(running, stop)
        if running.done():
            raise ServerStopped(f"the HTTP server on {host}:{bound} ended by itself")
    except asyncio.CancelledError:
        grace = 0.0  # whoever cancels does not want to wait
        raise
    finally:
        server.end()
        await requests.finish(grace)
        # A client that does not read its answer would keep its connection open for ever.
        await asyncio.wait((running,), timeout=_LAST_WORDS)
        await _end(running)
        listener.close()


async def _first(running: asyncio.Task[None], stop: asyncio.Event) -> None:
    asked = asyncio.create_task(stop.wait(), name="stop asked")
    try:
        await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()


async def _end(running: asyncio.Task[None]) -> None:
    if not running.done():
        running.cancel()
        await asyncio.wait((running,))
    if not running.cancelled() and (failure := running.exception()):
        raise failure


def listen(host: str, port: int, backlog: int, setting: str) -> socket.socket:
    """Return a socket that listens there; `backlog` connections may wait to be accepted.

    Raises:
        CannotListen: the address is taken or not ours; names `setting`, which moves the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Not SO_REUSEPORT, as granian would: a second gateway would share the port in silence.
        listener = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise CannotListen(
            f"cannot listen on {host}:{port}: {reason}; stop the program that uses it,"
            f" or set {setting} to another port"
        ) from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's argument
    return listener


class _Requests:
    """The application, with an eye on what it is doing right now."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._running.discard(task)

    async def finish(self, grace: float) -> None:
        """Wait for the running requests, cancel those that take too long.

        One may have come in just before its connection was told to end: it gets its time as well.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._running:
                    await asyncio.wait(set(self._running))
        late = set(self._running)
        for task in late:
            task.cancel("the server stops")
        if late:
            await asyncio.wait(late, timeout=_LAST_WORDS)


class _Granian(Server):
    """granian's embedded server on a socket of ours; docs/decisions says what was measured."""

    def __init__(self, app: App, listener: socket.socket, limits: Connections) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=limits.backlog,
            backpressure=limits.count,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(limits.header_timeout * 1000),
                max_buffer_size=limits.header_bytes,
            ),
            log_level=LogLevels.error,
            # Incremental and empty: granian must not reset the handlers of the process.
            log_dictconfig={"incremental": True, "handlers": {}, "loggers": {}},
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        is_unix = False
        holder: Any = SocketHolder  # granian's stub leaves out its arguments
        self._shd = holder(self._listener.detach(), is_unix, self.backlog)

    def end(self) -> None:
        """Accept no more connections, close those that are idle, let the others finish."""
        self.interrupt_signal = True
        self.main_loop_interrupt.set()
