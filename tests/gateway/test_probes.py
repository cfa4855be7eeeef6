"""Probes have a port of their own, which clients cannot fill."""

import asyncio

import httpx
import pytest

from plait.gateway.edge.asgi import App
from plait.gateway.probes import answering_probes
from plait.gateway.server import CannotListen, Connections, serve
from tests.gateway.live import BOUND
from tests.ports import free_port


async def says_its_path(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["raw_path"]})


async def silent(port: int) -> asyncio.StreamWriter:
    """Open a connection that the server has let in, and say nothing more on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")
    await reader.readuntil(b"/x")
    return writer


async def served(app: App, stop: asyncio.Event, count: int) -> tuple[int, asyncio.Task[None]]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    limits = Connections(count=count)
    serving = serve(app, "127.0.0.1", 0, stop=stop, ready=port.set_result, connections=limits)
    task = asyncio.create_task(serving)
    return await port, task


async def test_a_probe_is_answered_while_silent_clients_hold_all_connections():
    own, stop = free_port(), asyncio.Event()
    port, serving = await served(says_its_path, stop, count=3)
    async with answering_probes(says_its_path, "127.0.0.1", own), httpx.AsyncClient() as client:
        async with asyncio.timeout(BOUND):
            held = [await silent(port) for _ in range(3)]
            waiting = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/healthz"))

            answers = [await client.get(f"http://127.0.0.1:{own}/healthz") for _ in range(20)]

            alive = await client.get(f"http://127.0.0.1:{own}/livez")

            assert {answer.text for answer in answers} == {"/healthz"}
            assert alive.text == "/livez"
            assert not waiting.done()
            for each in held:
                each.transport.abort()
            assert (await waiting).status_code == 200
            stop.set()
            await serving


async def test_the_port_for_probes_serves_nothing_else():
    own = free_port()
    async with answering_probes(says_its_path, "127.0.0.1", own), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{own}/v1/products")

    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_taken_port_for_probes_is_a_sentence_that_names_its_setting():
    own = free_port()
    async with answering_probes(says_its_path, "127.0.0.1", own):
        with pytest.raises(CannotListen, match="PLAIT_HEALTH_PORT"):
            async with answering_probes(says_its_path, "127.0.0.1", own):
                pass


async def test_without_a_port_probes_have_none():
    before = asyncio.all_tasks()

    async with answering_probes(says_its_path, "127.0.0.1", 0):
        assert asyncio.all_tasks() == before


async def test_the_port_is_free_again_after_the_block():
    own = free_port()
    for _ in range(2):
        async with answering_probes(says_its_path, "127.0.0.1", own), httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{own}/healthz")).status_code == 200
