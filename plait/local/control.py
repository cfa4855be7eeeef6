"""The supervisor's control socket: a request a connection, in lines of JSON, this user's only."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from plait.local.mistake import NOT_RUNNING, USAGE, Mistake

NAME = "supervisor.sock"
_LINE_LIMIT = 1024 * 1024  # bytes

Answer = Callable[[Mapping[str, Any]], AsyncGenerator[Mapping[str, Any], None]]
"""Answers one request with any number of messages; raises Mistake for a request that is wrong."""


@contextlib.asynccontextmanager
async def listening(folder: Path, answer: Answer) -> AsyncGenerator[None]:
    """Answer requests on the socket in `folder` while the block lasts.

    A socket that a killed supervisor left behind is replaced: the caller holds the lock.
    """
    answering: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_answer(reader, writer, answer), name="control")
        answering.add(task)
        task.add_done_callback(answering.discard)

    server = await asyncio.start_unix_server(serve, sock=_bound(folder), limit=_LINE_LIMIT)
    try:
        yield
    finally:
        server.close()
        for task in answering:
            task.cancel()  # who watches sees the end
        await asyncio.gather(*answering, return_exceptions=True)
        (folder / NAME).unlink(missing_ok=True)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
) -> None:
    try:
        async with contextlib.aclosing(_messages(await reader.readline(), answer)) as messages:
            async for message in messages:
                writer.write(json.dumps(message).encode() + b"\n")
                await writer.drain()
    except ConnectionError:
        return  # who asked went away
    finally:
        writer.close()


async def _messages(line: bytes, answer: Answer) -> AsyncGenerator[Mapping[str, Any], None]:
    try:
        async with contextlib.aclosing(answer(json.loads(line))) as messages:
            async for message in messages:
                yield message
    except Mistake as mistake:
        yield {"error": str(mistake), "code": mistake.code}
    except ValueError as error:
        yield {"error": f"expected a line of JSON: {error}", "code": USAGE}


async def ask(folder: Path, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Send a request to the supervisor of `folder` and yield what it answers, until it ends.

    Raises:
        Mistake: no supervisor runs there, or it refuses the request.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(
            sock=_connected(folder), limit=_LINE_LIMIT
        )
    except OSError as error:
        raise Mistake(
            f"plait does not run in {folder.parent.parent}: start it with `plait up`",
            code=NOT_RUNNING,
        ) from error
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        while line := await reader.readline():
            message = json.loads(line)
            if "error" in message:
                raise Mistake(message["error"], code=message.get("code", 1))
            yield message
    except ConnectionError:
        return  # it was killed: the same as its end
    finally:
        writer.close()


async def ask_once(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request that has one answer and return that.

    Raises:
        Mistake: as `ask`, or the supervisor ended before it answered.
    """
    async with contextlib.aclosing(ask(folder, request)) as messages:
        async for message in messages:
            return message
    raise Mistake("the supervisor ended before it answered", code=NOT_RUNNING)


def _bound(folder: Path) -> socket.socket:
    (folder / NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.chdir(folder):  # a path of more than 107 bytes is none for a socket
        listener.bind(NAME)
        Path(NAME).chmod(0o600)
    return listener


def _connected(folder: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.chdir(folder):
            client.connect(NAME)
    except OSError:
        client.close()
        raise
    client.settimeout(0)
    return client
