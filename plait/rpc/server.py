"""Serves gRPC: listens, takes connections in, and ends them in order."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
import grpc.aio

from plait.rpc import framing, listening
from plait.rpc.http2.patience import Limits
from plait.rpc.http2.settings import Settings
from plait.rpc.lifetime import Lifetimes
from plait.rpc.options import server_options
from plait.rpc.registry import Registry
from plait.rpc.serverlink import ServerLink
from plait.rpc.threads import Threads

MAX_MESSAGE = 4 * 1024 * 1024  # bytes
MAX_METADATA = 16 * 1024  # bytes
MAX_STREAMS = 10_000
MAX_UNREAD = 64 * 1024 * 1024  # bytes
WINDOW = 64 * 1024  # bytes, at first

_THREADS = 8  # for handlers that are plain functions
_LAST_WORDS = 1.0  # seconds, for connections to close when their calls have ended
_CLEANING_UP = 5.0  # seconds, for handlers that were cancelled
_log = logging.getLogger(__name__)


class Server(grpc.aio.Server):
    """A gRPC server on asyncio, with the shape of grpc.aio's; generated code registers on it.

    Args:
        max_message: bytes of a message that is received, and of what it inflates to.
        max_answer: bytes of a message that is sent.
        max_metadata: bytes of a call's metadata, as RFC 9113 section 6.5.2 counts them.
        max_streams: calls at the same time on one connection.
        max_unread: bytes of answers that a client may leave unread on one connection before
            handlers of further calls have to wait.
        compression: of answers, where the caller takes it and the handler does not choose.
        limits: what a peer may ask for beyond that.
        lifetimes: how long connections may be silent, unused and old.
        reuse_port: whether other processes may listen at the same ports (SO_REUSEPORT).
        handlers: generic handlers, as `add_generic_rpc_handlers` takes them.
        options: grpcio's names for some of these, and what it knows beside; see
            `plait.rpc.options`. They count for more than the other arguments.
        interceptors: refused. What surrounds calls is `plait.mesh`'s.

    Raises:
        ValueError: an option is not known.
        TypeError: there are interceptors of grpc.aio.
    """

    def __init__(  # noqa: PLR0913 - each can be said for one server
        self,
        *,
        max_message: int = MAX_MESSAGE,
        max_answer: int = framing.LARGEST,
        max_metadata: int = MAX_METADATA,
        max_streams: int = MAX_STREAMS,
        max_unread: int = MAX_UNREAD,
        compression: grpc.Compression | None = None,
        limits: Limits | None = None,
        lifetimes: Lifetimes | None = None,
        reuse_port: bool = False,
        handlers: Iterable[Any] = (),
        options: Iterable[tuple[str, Any]] = (),
        interceptors: Sequence[Any] = (),
    ) -> None:
        if interceptors:
            raise TypeError(
                "interceptors of grpc.aio do not run here "
                f"({', '.join(type(each).__name__ for each in interceptors)}): "
                "write them as those of plait.mesh"
            )
        said = server_options(options)
        self.max_message: int = said.get("max_message", max_message)
        self.max_answer: int = said.get("max_answer", max_answer)
        self.max_unread = max_unread
        self.encoding = framing.ENCODINGS[compression or grpc.Compression.NoCompression]
        self.settings = Settings(
            max_concurrent_streams=said.get("max_streams", max_streams),
            initial_window_size=WINDOW,
            max_header_list_size=said.get("max_metadata", max_metadata),
        )
        self.limits = limits or Limits()
        self.lifetimes: Lifetimes = said.get("lifetimes", lifetimes or Lifetimes())
        self.registry = Registry()
        self.threads = Threads(_THREADS)
        self.links: set[ServerLink] = set()
        self.stopping = False
        self._reuse_port: bool = said.get("reuse_port", reuse_port)
        self._places: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._listening: list[asyncio.Server] = []
        self._files: list[str] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._unused = asyncio.Event()  # no connection is left
        self._stopped = asyncio.Event()
        self.add_generic_rpc_handlers(handlers)

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[Any]) -> None:
        for generic in generic_rpc_handlers:
            self.registry.add_generic(generic)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Any]
    ) -> None:
        self.registry.add(service_name, method_handlers)

    def add_insecure_port(self, address: str) -> int:
        """Listen at `host:port`, `[ipv6]:port` or `unix:path`; return the port, 0 for a path.

        Raises:
            OSError: the address is taken, or none of this machine.
            ValueError: it is no address.
        """
        return self._add(address, None)

    def add_secure_port(self, address: str, server_credentials: Any) -> int:
        """Listen as `add_insecure_port` does, for TLS by an `ssl.SSLContext` (`plait.rpc.tls`)."""
        if not isinstance(server_credentials, ssl.SSLContext):
            raise TypeError(
                "server_credentials must be an ssl.SSLContext (plait.rpc.tls makes one), found "
                f"{type(server_credentials).__name__}: grpcio's credentials cannot be read"
            )
        return self._add(address, server_credentials)

    def add_unix_port(self, path: str) -> None:
        """Listen at a Unix socket; its file is removed when the server stops."""
        self._add(f"unix:{path}", None)

    async def start(self) -> None:
        """Take connections in.

        Raises:
            RuntimeError: the server was stopped before.
        """
        if self.stopping:
            raise RuntimeError("the server was stopped: make another one")
        loop = asyncio.get_running_loop()
        places, self._places = self._places, []
        for place, tls in places:
            unix = place.family == socket.AF_UNIX
            listen = loop.create_unix_server if unix else loop.create_server
            listening_there = await listen(
                partial(ServerLink, loop, self),
                sock=place,
                ssl=tls,
                ssl_handshake_timeout=self.lifetimes.greeting if tls else None,
                ssl_shutdown_timeout=_LAST_WORDS if tls else None,
            )
            self._listening.append(listening_there)

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls, let the running ones finish for `grace` seconds, then end them.

        The ones that are ended so are told UNAVAILABLE: another server may answer. Returns when
        connections are closed and handlers have ended.
        """
        self.stopping = True
        for server in self._listening:
            server.close()
        self._close_places()
        for link in tuple(self.links):
            link.end()
        await self._until_unused(grace or 0.0)
        for link in tuple(self.links):
            link.stop()
        await self._until_unused(_LAST_WORDS)
        for link in tuple(self.links):
            link.abort()
        await self._until_unused(_LAST_WORDS)
        await self._until_handlers_ended()
        self.threads.close()
        self._stopped.set()

    async def wait_for_termination(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - grpc's own signature
        """Wait until the server has stopped; return whether the wait timed out."""
        try:
            async with asyncio.timeout(timeout):
                await self._stopped.wait()
        except TimeoutError:
            return True
        return False

    # What connections tell.

    def came(self, link: ServerLink) -> None:
        """Hear of a new connection."""
        self.links.add(link)
        self._unused.clear()

    def left(self, link: ServerLink) -> None:
        """Hear that a connection is gone."""
        self.links.discard(link)
        if not self.links:
            self._unused.set()

    def leaves(self, task: asyncio.Task[None]) -> None:
        """Hear that a handler was cancelled, and keep it until it has ended."""
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _add(self, address: str, tls: ssl.SSLContext | None) -> int:
        place = listening.bound(address, reuse_port=self._reuse_port)
        self._places.append((place, tls))
        if path := listening.left(place):
            self._files.append(path)
        return listening.port_of(place)

    def _close_places(self) -> None:
        for place, _ in self._places:
            place.close()
        for path in self._files:
            listening.remove(path)
        self._places, self._files = [], []

    async def _until_unused(self, seconds: float) -> None:
        if self.links and seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._unused.wait()

    async def _until_handlers_ended(self) -> None:
        if self._leaving:
            _, left = await asyncio.wait(self._leaving, timeout=_CLEANING_UP)
            for task in left:
                _log.warning("a handler that was cancelled goes on: %s", task)
