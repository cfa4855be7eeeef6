"""A service of bytes that does what its requests tell it, served and called by either runtime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from plait.rpc.channel import Channel
from plait.rpc.server import Server

RUNTIMES = ("plait", "grpcio")
PAIRS = [(server, client) for server in RUNTIMES for client in RUNTIMES]
SIZES = [("grpc.max_receive_message_length", 4 * 1024 * 1024)]


class Echo:
    """Handlers of all shapes; `seen` keeps what became of calls."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def unary(self, request: bytes, context: Any) -> bytes:
        command, _, rest = request.partition(b" ")
        match command:
            case b"abort":
                await context.abort(grpc.StatusCode.NOT_FOUND, rest.decode(), (("x-why", "gone"),))
            case b"bug":
                raise ValueError(rest.decode())
            case b"code":
                context.set_code(grpc.StatusCode.ALREADY_EXISTS)
                context.set_details(rest.decode())
            case b"metadata":
                await self._answer_metadata(context)
            case b"hang":
                await self._hang()
            case b"large":
                return b"x" * int(rest)
            case b"left":
                return str(context.time_remaining()).encode()
            case b"peer":
                return str(context.peer()).encode()
        return b"re: " + request

    async def down(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        if request == b"hang":
            yield b"first"
            await self._hang()
        if request == b"fail":
            yield b"first"
            await context.abort(grpc.StatusCode.DATA_LOSS, "broken off")
        size, _, count = request.partition(b" ")
        for number in range(int(count or 0)):
            yield b"%d" % number + b"x" * int(size)

    async def up(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        sizes = []
        async for request in requests:
            if request == b"stop":
                break
            if request == b"hang":
                await self._hang()
            sizes.append(len(request))
        return repr(sizes).encode()

    async def both(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield b"re: " + request

    async def write(self, request: bytes, context: Any) -> None:
        """Write answers instead of yielding them."""
        for number in range(int(request)):
            await context.write(b"%d" % number)

    async def _hang(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise
        finally:
            self.ended.set()

    async def _answer_metadata(self, context: Any) -> None:
        self.seen.extend(context.invocation_metadata())
        await context.send_initial_metadata((("x-head", "1"), ("x-head-bin", b"\0\xff")))
        context.set_trailing_metadata((("x-tail", "2"), ("x-tail-bin", b"\xfe")))

    def handlers(self) -> dict[str, Any]:
        return {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
            "Write": grpc.unary_stream_rpc_method_handler(self.write),
        }


@asynccontextmanager
async def serving(
    runtime: str, echo: Echo, *, port: int = 0, path: Path | None = None, **how: Any
) -> AsyncIterator[str]:
    """Serve on a port, by default a free one, or on a Unix socket; yields the target."""
    server: Any = Server(**how) if runtime == "plait" else grpc.aio.server(options=SIZES)
    generic = grpc.method_handlers_generic_handler("test.Echo", echo.handlers())
    server.add_generic_rpc_handlers((generic,))
    port = server.add_insecure_port(f"unix:{path}" if path else f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def hosting(
    methods: dict[str, Any], tls: Any = None, /, **how: Any
) -> AsyncIterator[tuple[Server, str]]:
    """Serve handlers of `test.Echo` by plait on a free port; yields the server and its target."""
    server = Server(**how)
    server.add_registered_method_handlers("test.Echo", methods)
    place = "127.0.0.1:0"
    port = server.add_secure_port(place, tls) if tls else server.add_insecure_port(place)
    await server.start()
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def unary(act: Any, **how: Any) -> dict[str, Any]:
    return {"Unary": grpc.unary_unary_rpc_method_handler(act, **how)}


def down(act: Any, **how: Any) -> dict[str, Any]:
    return {"Down": grpc.unary_stream_rpc_method_handler(act, **how)}


def up(act: Any, **how: Any) -> dict[str, Any]:
    return {"Up": grpc.stream_unary_rpc_method_handler(act, **how)}


def both(act: Any, **how: Any) -> dict[str, Any]:
    return {"Both": grpc.stream_stream_rpc_method_handler(act, **how)}


class Stub:
    """The methods of the service on a channel."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.unary = channel.unary_unary("/test.Echo/Unary")
        self.down = channel.unary_stream("/test.Echo/Down")
        self.up = channel.stream_unary("/test.Echo/Up")
        self.both = channel.stream_stream("/test.Echo/Both")
        self.write = channel.unary_stream("/test.Echo/Write")
        self.nothing = channel.unary_unary("/test.Echo/Nothing")


@asynccontextmanager
async def calling(runtime: str, target: str, **how: Any) -> AsyncIterator[Stub]:
    channel: Any = (
        Channel(target, **how) if runtime == "plait" else grpc.aio.insecure_channel(target)
    )
    async with channel:
        yield Stub(channel)
