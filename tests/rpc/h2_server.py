"""A server of plain HTTP/2 on the runtime's own connections, for judges that speak no gRPC.

`python -m tests.rpc.h2_server 8088` serves until its input ends.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.headers import NO_LENGTH, check_fields, request_head
from plait.rpc.http2.hpack import Header
from plait.rpc.http2.settings import Settings
from plait.rpc.http2.stream import Stream
from plait.rpc.lifetime import Lifetimes
from plait.rpc.transport import Link

OURS = Settings(
    max_concurrent_streams=100, initial_window_size=65_536, max_header_list_size=16 * 1024
)


@dataclass
class Head:
    method: bytes
    length: int = NO_LENGTH
    interim: bool = False


class Responder(Stream):
    """Reads the body of a request and answers with one as long."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        super().__init__(connection, stream_id)
        self.body = b""

    def on_head(self, head: Any, *, end: bool) -> None:
        self.method = head.method
        if end:
            self.respond()

    def on_data(self, data: bytes, *, end: bool) -> None:
        self.body += data
        self.consumed(len(data))
        if end:
            self.respond()

    def on_trailers(self, trailers: Any) -> None:
        self.respond()

    def respond(self) -> None:
        body = b"the body was: " + self.body
        length = (b"content-length", b"%d" % len(body))
        silent = self.method == b"HEAD"
        self.send_head([(b":status", b"200"), length], end=silent)
        if not silent:
            self.send_data(body, end=True)


class HttpLink(Link):
    """A connection of a client that speaks plain HTTP."""

    lingers = True

    def made(self) -> Connection:
        return Connection(self, server=True, ours=OURS)

    def first(self, headers: list[Header]) -> Head:
        head = request_head(headers)
        return Head(head.pseudo[b":method"], head.length)

    def last(self, headers: list[Header]) -> list[Header]:
        check_fields(headers)
        return headers

    def accept(self, stream_id: int) -> Stream:
        return Responder(self.connection, stream_id)

    def gone(self, last_stream: int, code: ErrorCode, debug: bytes) -> None:
        """The client closes when it has what it wants."""

    def settled(self) -> None:
        pass


@asynccontextmanager
async def plain_http(port: int = 0) -> AsyncIterator[int]:
    """Serve; yields the port."""
    loop = asyncio.get_running_loop()
    links = []

    def make() -> HttpLink:
        links.append(HttpLink(loop, Lifetimes()))
        return links[-1]

    server = await loop.create_server(make, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for link in links:
            link.abort()


async def main() -> None:
    async with plain_http(int(sys.argv[1])):
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
