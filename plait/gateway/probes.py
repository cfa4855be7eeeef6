"""A port for probes alone: it answers, whatever clients hold on to at the port for everybody.

The server counts connections, and those that say nothing count as well. Enough of them keep a probe
waiting at the common port; a process that is well would be restarted, and nothing be won.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from plait.gateway.docs.pages import HEALTH, LIVE
from plait.gateway.edge.asgi import App, Receive, Scope, Send
from plait.gateway.server import Connections, serve

SETTING = "PLAIT_HEALTH_PORT"
_CONNECTIONS = Connections(header_timeout=5.0, backlog=16, count=16)


@contextlib.asynccontextmanager
async def answering_probes(app: App, host: str, port: int) -> AsyncGenerator[None]:
    """Let `app` answer probes at a second port while the block lasts; with port 0 nowhere.

    /healthz and /livez are served there, and nothing else.

    Raises:
        CannotListen: the address is taken or not ours.
        ServerStopped: at the end of the block, if the server had ended by itself.
    """
    if not port:
        yield
        return
    stop = asyncio.Event()
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    answering = asyncio.create_task(
        serve(
            _health_of(app),
            host,
            port,
            stop=stop,
            ready=listening.set_result,
            grace=0.0,
            connections=_CONNECTIONS,
            setting=SETTING,
        ),
        name="probes",
    )
    try:
        await asyncio.wait((answering, listening), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            yield
    finally:
        stop.set()
        await answering


def _health_of(app: App) -> App:
    async def health(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"] in {HEALTH, LIVE}:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return health
