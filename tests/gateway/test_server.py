"""The HTTP server keeps its limits and stops in order: tried on raw sockets."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from plait.gateway.edge.asgi import App
from plait.gateway.server import (
    CannotListen,
    Connections,
    ServerStopped,
    _Granian,
    _Requests,
    serve,
)

BOUND = 10.0  # seconds that any step may take
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Running:
    """A served application: its port, and how to stop it."""

    def __init__(self, port: int, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.port = port
        self.stop = stop
        self.task = task

    async def ask(self, request: bytes) -> bytes:
        """Send bytes, return all that comes until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(BOUND):
                writer.write(request)
                await writer.drain()
                return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def answer(self, request: bytes = GET) -> bytes:
        """Send a request and return its answer; the connection is closed."""
        return await self.ask(request.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))


@asynccontextmanager
async def served(app: App, *, grace: float = 5.0, **limits) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            app,
            "127.0.0.1",
            0,
            stop=stop,
            ready=port.set_result,
            grace=grace,
            connections=Connections(**limits),
        )
    )
    try:
        async with asyncio.timeout(BOUND):
            yield Running(await port, stop, task)
    finally:
        stop.set()
        async with asyncio.timeout(BOUND):
            await task


async def hello(scope, receive, send) -> None:
    await say(send, b"hello")


async def say(send, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def test_it_serves_on_a_free_port_and_says_which():
    async with served(hello) as running:
        answer = await running.answer()

    assert running.port > 0
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"hello")


async def test_a_taken_port_is_one_sentence_that_names_the_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CannotListen) as refused:
            await serve(hello, "127.0.0.1", port, stop=asyncio.Event(), setting="PLAIT_X_PORT")

    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port}: address already in use; stop the program that uses"
        " it, or set PLAIT_X_PORT to another port"
    )


async def test_a_second_server_does_not_share_a_port_in_silence():
    async with served(hello) as running:
        with pytest.raises(CannotListen):
            await serve(hello, "127.0.0.1", running.port, stop=asyncio.Event())


async def test_a_port_is_free_again_after_the_stop():
    async with served(hello) as running:
        await running.answer()

    with socket.create_server(("127.0.0.1", running.port)):
        pass


async def test_headers_that_never_end_are_closed_after_the_header_timeout():
    async with served(hello, header_timeout=0.2) as running:
        answer = await running.ask(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ")

    assert b"200" not in answer


async def test_a_connection_that_says_nothing_is_closed_after_the_header_timeout():
    async with served(hello, header_timeout=0.2) as running:
        answer = await running.ask(b"")

    assert answer == b""


async def test_an_idle_connection_is_closed_after_the_header_timeout():
    async with served(hello, header_timeout=0.2) as running:
        answer = await running.ask(GET)

    assert answer.endswith(b"hello")


async def test_silent_connections_count_and_further_ones_wait_for_their_place():
    async with served(hello, count=2) as running:
        silent = [await held(running.port) for _ in range(2)]
        answer = asyncio.create_task(running.answer())
        reader, writer = silent[0]
        for _ in range(20):  # the server answers, but not whom it has not let in
            writer.write(GET)
            await reader.readuntil(b"hello")

        assert not answer.done()

        for _, each in silent:
            each.transport.abort()
        assert (await answer).endswith(b"hello")


async def held(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that the server has accepted: it has answered once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    await reader.readuntil(b"hello")
    return reader, writer


async def test_a_head_below_the_limit_is_read():
    async with served(hello, header_bytes=8192) as running:
        answer = await running.answer(b"GET / HTTP/1.1\r\nx: " + b"y" * 7000 + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_head_above_the_limit_is_refused_and_closed():
    async with served(hello, header_bytes=8192) as running:
        answer = await running.ask(b"GET / HTTP/1.1\r\nx: " + b"y" * 20000 + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431")


async def test_what_is_not_http_is_refused_and_closed():
    async with served(hello) as running:
        answer = await running.ask(b"\x16\x03\x01\x00\x00 nonsense\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")


async def test_on_stop_a_running_request_finishes_and_new_connections_are_refused():
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send) -> None:
        entered.set()
        await leave.wait()
        await say(send, b"late")

    async with served(slow) as running:
        answer = asyncio.create_task(running.answer())
        await entered.wait()
        running.stop.set()
        await refused(running.port)
        leave.set()

        assert (await answer).endswith(b"late")


async def refused(port: int) -> None:
    """Wait until nobody accepts connections any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_on_stop_an_idle_connection_is_closed():
    async with served(hello) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(GET)
        await reader.readuntil(b"hello")

        running.stop.set()

        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_comes_in_at_the_last_moment_is_finished_as_well():
    leave = {name: asyncio.Event() for name in ("first", "second")}
    finished = []

    async def app(scope, receive, send) -> None:
        await leave[scope["name"]].wait()
        finished.append(scope["name"])

    requests = _Requests(app)
    first = asyncio.create_task(requests({"name": "first"}, None, None))
    await asyncio.sleep(0)
    finishing = asyncio.create_task(requests.finish(BOUND))
    await asyncio.sleep(0)
    second = asyncio.create_task(requests({"name": "second"}, None, None))
    await asyncio.sleep(0)

    leave["first"].set()
    await first
    leave["second"].set()
    await asyncio.wait((second, finishing), timeout=BOUND)

    assert finished == ["first", "second"]
    assert finishing.done()


async def test_a_request_that_outlives_the_grace_is_cancelled_and_may_say_so():
    entered = asyncio.Event()

    async def endless(scope, receive, send) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await say(send, b"the server stops")
            raise

    async with served(endless, grace=0.05) as running:
        answer = asyncio.create_task(running.answer())
        await entered.wait()
        running.stop.set()

        assert (await answer).endswith(b"the server stops")


async def test_a_client_that_does_not_read_cannot_keep_the_server_from_stopping():
    sent = asyncio.Event()

    async def flood(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                sent.set()

    async with served(flood, grace=0.05) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1024)
        writer.write(GET)
        await sent.wait()

        running.stop.set()
        await running.task

        writer.transport.abort()
        assert reader is not None


async def test_a_response_waits_for_a_client_that_reads_slowly():
    sent: list[int] = []
    quiet = asyncio.Event()

    async def flood(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(2000):  # 128 MiB
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            sent.append(number)
            quiet.set()
        await send({"type": "http.response.body", "body": b""})

    async with served(flood, grace=0.05) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=1024)
        writer.write(GET)
        with contextlib.suppress(TimeoutError):
            while True:  # until nothing more goes out
                quiet.clear()
                await asyncio.wait_for(quiet.wait(), 0.3)

        assert 0 < len(sent) < 500
        writer.transport.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
async def test_stopping_leaves_no_thread_and_no_task_behind():
    before = threads()
    tasks = asyncio.all_tasks()

    async with served(hello) as running:
        await running.answer()

    assert asyncio.all_tasks() == tasks
    async with asyncio.timeout(BOUND):
        while threads() - before:  # noqa: ASYNC110 - foreign threads tell nobody
            await asyncio.sleep(0.01)


def threads() -> set[str]:
    """The ids of this process' threads, foreign ones too."""
    return {task.name for task in Path("/proc/self/task").iterdir()}


async def test_a_server_that_ends_by_itself_is_an_error(monkeypatch):
    async def ends(self) -> None:
        return

    monkeypatch.setattr(_Granian, "serve", ends)

    with pytest.raises(ServerStopped, match="ended by itself"):
        await serve(hello, "127.0.0.1", 0, stop=asyncio.Event())


FORKED = """
import asyncio, os, signal, sys
import uvloop
from plait.gateway.server import serve

async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"from the child"})

async def run():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(hello, "127.0.0.1", 0, stop=stop, ready=lambda port: print(port, flush=True))

if child := os.fork():
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        try:
            _, status = os.waitpid(child, 0)
            break
        except InterruptedError:
            continue
    sys.exit(os.waitstatus_to_exitcode(status))
uvloop.run(run())
"""


async def test_it_serves_in_a_process_that_was_forked_after_the_imports():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FORKED, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        async with asyncio.timeout(30):
            assert process.stdout is not None
            port = int(await process.stdout.readline())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            answer = await reader.readuntil(b"from the child")
            writer.close()

            process.terminate()

            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert answer.startswith(b"HTTP/1.1 200")
