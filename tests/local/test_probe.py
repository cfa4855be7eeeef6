"""Health, asked over real sockets."""

import asyncio
import contextlib

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from plait.local import probe as module
from plait.local.probe import GrpcProbe, HttpProbe


@contextlib.asynccontextmanager
async def answering(data: bytes | None):
    """Serve connections that all get the same answer, or none."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if data is None:
            await reader.read()  # until the other end gives up
        else:
            writer.write(data)
        writer.close()
        ended.set()

    ended = asyncio.Event()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with asyncio.timeout(20):
        yield server.sockets[0].getsockname()[1]
        await ended.wait()
    server.close()


async def nobody() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "/healthz answers 503"),
        (b"", "/healthz answers nothing"),
        (b"\x00" * 4096, "/healthz does not answer HTTP"),
    ],
)
async def test_http_is_healthy_if_it_answers_200(answer, problem):
    async with answering(answer) as port:
        assert await HttpProbe("127.0.0.1", port)() == problem


async def test_http_that_does_not_listen_refuses():
    probe = HttpProbe("127.0.0.1", await nobody())

    assert await probe() == "refuses connections"
    await probe.close()


async def test_http_that_never_answers_is_unhealthy(monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT", 0.05)
    async with answering(None) as port:
        assert await HttpProbe("127.0.0.1", port)() == "no answer within 0.05 s"


async def test_grpc_is_healthy_as_its_health_service_says():
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    probe = GrpcProbe("127.0.0.1", port)

    assert await probe() == ""
    await servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    assert await probe() == "NOT_SERVING"
    await server.stop(None)
    assert (await probe()).startswith("health check: ")
    await probe.close()


async def test_grpc_that_does_not_listen_refuses():
    probe = GrpcProbe("127.0.0.1", await nobody())

    assert await probe() == "refuses connections"
    await probe.close()
