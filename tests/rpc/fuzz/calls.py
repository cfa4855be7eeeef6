"""Bytes of a client at a whole server: its calls, its handlers, their ends."""

import asyncio
import atexit
import logging
import random
from functools import cache
from typing import Any

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.server import Server
from plait.rpc.serverlink import ServerLink
from tests.rpc.clock import FakeTransport
from tests.rpc.echo import both, down, unary, up
from tests.rpc.fuzz.mutate import cut

GREETING = frames.PREFACE + frames.settings({})


async def _echo(request: bytes, context: Any) -> bytes:
    return request


async def _twice(request: bytes, context: Any) -> Any:
    yield request
    await asyncio.sleep(0)
    yield request


async def _sum(requests: Any, context: Any) -> bytes:
    return b"%d" % sum([len(request) async for request in requests])


async def _each(requests: Any, context: Any) -> Any:
    async for request in requests:
        if request == b"stop":
            return
        yield request


class Bugs(logging.Handler):
    """Keeps what is logged with a trace: no bytes of a client are a reason for one."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(record)


@cache
def _world() -> tuple[asyncio.AbstractEventLoop, Server, Bugs]:
    server, bugs = Server(max_message=1000), Bugs()
    server.add_registered_method_handlers(
        "test.Echo", {**unary(_echo), **down(_twice), **up(_sum), **both(_each)}
    )
    logging.getLogger("plait").addHandler(bugs)
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop, server, bugs


def calls(data: bytes, rng: random.Random) -> None:
    """Serve; nothing is left when the client is gone, and nobody has failed."""
    loop, server, bugs = _world()
    bugs.found.clear()
    loop.run_until_complete(_serve(server, data, rng))
    assert not bugs.found, bugs.found.pop().getMessage()
    assert not server.links


async def _serve(server: Server, data: bytes, rng: random.Random) -> None:
    link = ServerLink(asyncio.get_running_loop(), server)
    transport = FakeTransport(link)
    link.connection_made(transport)
    link.data_received(GREETING)
    for part in cut(rng, data):
        link.data_received(part)
        if not rng.randrange(3):
            await asyncio.sleep(0)
    for _ in range(4):
        await asyncio.sleep(0)
    link.abort()
    transport.lose()
    for _ in range(8):
        if len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
    assert link.connection.unsent == 0
    assert not link.connection.streams


def _head(stream: int, method: str, *more: bytes, end: bool = False) -> bytes:
    path = b"/test.Echo/" + method.encode()
    block = b"\x83\x86\x44" + bytes((len(path),)) + path + b"\x5f\x10application/grpc"
    return frames.headers(stream, block + b"".join(more), end=end, largest=16384)


def _data(stream: int, *sent: bytes, end: bool = True) -> bytes:
    return frames.frame(0, 1 if end else 0, stream, b"".join(map(framed, sent)))


_TIMEOUT = b"\x00\x0cgrpc-timeout\x0299"
_GZIP = b"\x00\x0dgrpc-encoding\x04gzip"
SEEDS = (
    _head(1, "Unary") + _data(1, b"hello") + _head(3, "Unary", _GZIP) + _data(3, b"again"),
    _head(1, "Down") + _data(1, b"hello") + frames.reset(1, 8) + _head(3, "Nothing", end=True),
    _head(1, "Up") + _data(1, b"a", b"bb", end=False) + _data(1, b"c") + frames.window_update(0, 9),
    _head(1, "Both") + _data(1, b"a", end=False) + _data(1, b"stop", b"late", end=False),
    _head(1, "Unary", _TIMEOUT + b"n") + _head(3, "Unary", b"\x00\x0cgrpc-timeout\x021S"),
    frames.settings({4: 3}) + _head(1, "Down") + _data(1, b"hello") + frames.window_update(1, 2),
)
