"""Calls servers: keeps a connection, opens one when it is needed, and makes calls on it."""

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import grpc
import grpc.aio

from plait.rpc.call import Call, ConnectFailed
from plait.rpc.calls import StreamStreamCall, StreamUnaryCall, UnaryStreamCall, UnaryUnaryCall
from plait.rpc.clientlink import ClientLink, ClientMethod
from plait.rpc.http2.settings import Settings
from plait.rpc.lifetime import Lifetimes
from plait.rpc.metadata import Pair
from plait.rpc.server import MAX_MESSAGE, MAX_METADATA, WINDOW
from plait.rpc.target import target_of

_CONNECT_SECONDS = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH, _JITTER = 0.1, 5.0, 1.6, 0.2


class Channel(grpc.aio.Channel):
    """A gRPC channel on asyncio, with the shape of grpc.aio's; generated stubs are built on it.

    Args:
        target: where the server is (`plait.rpc.target`).
        tls: what to speak TLS with; without it the connection is plaintext.
        authority: what `:authority` says and the certificate must name, in place of the target.
        max_message: bytes of a message that is received, and of what it inflates to.
        max_metadata: bytes of an answer's metadata, as RFC 9113 section 6.5.2 counts them.
        lifetimes: how long connections may be silent, unused and old.
        rng: what the pauses between attempts to connect are jittered by.
    """

    def __init__(  # noqa: PLR0913 - each can be said for one channel
        self,
        target: str,
        *,
        tls: ssl.SSLContext | None = None,
        authority: str = "",
        max_message: int = MAX_MESSAGE,
        max_metadata: int = MAX_METADATA,
        lifetimes: Lifetimes | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.target = target_of(target)
        self.authority = authority or self.target.authority
        self.max_message = max_message
        self.calls: set[Call] = set()
        self.settings = Settings(
            enable_push=False, initial_window_size=WINDOW, max_header_list_size=max_metadata
        )
        self.lifetimes = lifetimes or Lifetimes()
        self._tls = tls
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._link: ClientLink | None = None
        self._links: set[ClientLink] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[tuple[asyncio.Future[None], bool]] = []
        self._pause = _FIRST_PAUSE
        self._failure = ""
        self._state = grpc.ChannelConnectivity.IDLE
        self._watching: list[asyncio.Future[None]] = []

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._callable(UnaryUnaryCall, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._callable(UnaryStreamCall, method, request_serializer, response_deserializer)

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._callable(StreamUnaryCall, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - generated code passes it
    ) -> Any:
        return self._callable(StreamStreamCall, method, request_serializer, response_deserializer)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - grpc's own signature
        if try_to_connect and self._state is grpc.ChannelConnectivity.IDLE:
            self._connect()
        return self._state

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        while self._state is last_observed_state:
            change = asyncio.get_running_loop().create_future()
            self._watching.append(change)
            await change

    async def channel_ready(self) -> None:
        await self.connected(wait_for_ready=True)

    async def close(self, grace: float | None = None) -> None:
        """Refuse new calls, let the running ones finish for `grace` seconds, then cancel them."""
        self._to(grpc.ChannelConnectivity.SHUTDOWN)
        if self._connecting is not None:
            self._connecting.cancel()
        if grace and self.calls:
            ends = [asyncio.ensure_future(call.code()) for call in self.calls]
            await asyncio.wait(ends, timeout=grace)
            for end in ends:
                end.cancel()
        for call in tuple(self.calls):
            call.cancel()
        for link in tuple(self._links):
            link.connection.go_away()
            link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    def is_secure(self) -> bool:
        return self._tls is not None

    def ready(self) -> "ClientLink | None":
        """Return the connection if a call can begin on it now."""
        link = self._link
        return link if link is not None and link.has_room() else None

    async def connected(self, *, wait_for_ready: bool) -> "ClientLink":
        """Return a connection on which a call can begin.

        Raises:
            ConnectFailed: there is none and `wait_for_ready` is not set, or the channel is closed.
        """
        while (link := self.ready()) is None:
            if self._state is grpc.ChannelConnectivity.SHUTDOWN:
                raise ConnectFailed("the channel is closed")
            if self._state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and not wait_for_ready:
                raise ConnectFailed(self._failure)
            if self._link is None:
                self._connect()
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((turn, wait_for_ready))
            await turn
        return link

    def settled(self, link: "ClientLink") -> None:
        """Hear that a connection can be used, or has room again."""
        if link is self._link:
            self._wake()

    def came(self, link: "ClientLink") -> None:
        """Hear of a new connection, which `close` closes if nothing else does."""
        self._links.add(link)

    def lost(self, link: "ClientLink") -> None:
        """Hear that a connection takes no more calls."""
        self._links.discard(link)
        if link is self._link:
            self._link = None
            if self._state is not grpc.ChannelConnectivity.SHUTDOWN:
                self._to(grpc.ChannelConnectivity.IDLE)
            self._wake()

    def retire(self, link: "ClientLink") -> None:
        """Hear that a connection finishes its calls and takes no new ones."""
        if link is self._link:
            self._link = None
            self._to(grpc.ChannelConnectivity.IDLE)
            self._wake()

    def _callable(
        self,
        kind: type[Call],
        path: str,
        serialize: Callable[[Any], bytes] | None,
        parse: Callable[[bytes], Any] | None,
    ) -> Any:
        method = ClientMethod(path, serialize or _as_it_is, parse or _as_it_is)

        def call(request: Any = None, **how: Any) -> Any:
            return kind(request, self, method, **_options(**how))  # type: ignore[arg-type]

        return call

    def _connect(self) -> None:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.get_running_loop().create_task(self._keep_connecting())

    async def _keep_connecting(self) -> None:
        """Try until there is a connection, or nobody waits for one."""
        while True:
            self._to(grpc.ChannelConnectivity.CONNECTING)
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    self._link = await self._connected_once()
            except (OSError, TimeoutError) as error:
                self._failure = f"failed to connect to {self.target.authority}: {error}"
            else:
                self._pause = _FIRST_PAUSE
                self._to(grpc.ChannelConnectivity.READY)
                self._wake()
                return
            self._to(grpc.ChannelConnectivity.TRANSIENT_FAILURE)
            self._fail_those_who_do_not_wait()
            await asyncio.sleep(self._pause * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
            self._pause = min(self._pause * _GROWTH, _LONGEST_PAUSE)
            if not self._waiting:
                self._to(grpc.ChannelConnectivity.IDLE)
                return

    async def _connected_once(self) -> "ClientLink":
        loop = asyncio.get_running_loop()
        make = partial(ClientLink, loop, self)
        if self.target.path:
            _, link = await loop.create_unix_connection(make, self.target.path, ssl=self._tls)
            await link.greeted
            return link
        errors: list[OSError] = []
        for host, port in await self.target.addresses():
            try:
                _, link = await loop.create_connection(
                    make,
                    host,
                    port,
                    ssl=self._tls,
                    server_hostname=self.authority.rpartition(":")[0] if self._tls else None,
                )
                await link.greeted
            except OSError as error:
                errors.append(error)
            else:
                return link
        raise errors[-1]

    def _fail_those_who_do_not_wait(self) -> None:
        patient = [each for each in self._waiting if each[1] and not each[0].done()]
        for turn, wait in self._waiting:
            if not wait and not turn.done():
                turn.set_result(None)
        self._waiting = patient

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn, _ in waiting:
            if not turn.done():
                turn.set_result(None)

    def _to(self, state: grpc.ChannelConnectivity) -> None:
        if self._state is grpc.ChannelConnectivity.SHUTDOWN:
            return
        self._state = state
        if state is grpc.ChannelConnectivity.SHUTDOWN:
            self._wake()
        watching, self._watching = self._watching, []
        for change in watching:
            if not change.done():
                change.set_result(None)


def _options(
    *,
    timeout: float | None = None,
    metadata: Sequence[Pair] | None = None,
    credentials: None = None,
    wait_for_ready: bool | None = None,
    compression: grpc.Compression | None = None,
) -> dict[str, Any]:
    """Return what a call is made with, of what grpc.aio's callables take."""
    if credentials is not None:
        raise TypeError("credentials of a call are not supported: send metadata, or use tls")
    return {
        "metadata": tuple(metadata or ()),
        "timeout": timeout,
        "wait_for_ready": bool(wait_for_ready),
        "compression": compression or grpc.Compression.NoCompression,
    }


def _as_it_is(data: Any) -> Any:
    return data
