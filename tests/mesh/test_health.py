"""Promises of health: what it says is so, at the moment when it is asked."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.errors import NotFound, Unavailable
from plait.mesh import health
from plait.testing import serving
from tests.mesh.asking import PATIENCE
from tests.mesh.echo import SERVICE, Echo, add_echo

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Database:
    """Something without which nothing can be served; `state` is what it answers or raises."""

    def __init__(self):
        self.state = True

    async def is_ready(self):
        if isinstance(self.state, Exception):
            raise self.state
        if self.state is None:
            await asyncio.Event().wait()
        return self.state


@pytest.fixture
def database():
    return Database()


@pytest.fixture
async def running(database, monkeypatch):
    monkeypatch.setattr(health, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    async with (
        asyncio.timeout(PATIENCE),
        serving(add_echo(Echo()), name="echo", ready=database.is_ready) as running,
    ):
        yield running


@pytest.fixture
def stub(running):
    return health_pb2_grpc.HealthStub(running.channel)


async def check(stub, service=""):
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


@pytest.mark.parametrize("service", ["", SERVICE, "grpc.health.v1.Health"])
async def test_a_server_that_can_serve_says_so_for_each_service(stub, service):
    assert await check(stub, service) == SERVING


async def test_a_service_that_is_not_here_is_not_found(stub):
    with pytest.raises(NotFound, match=SERVICE) as raised:
        await check(stub, "no.such.Service")

    assert raised.value.reason == "SERVICE_UNKNOWN"


@pytest.mark.parametrize("state", [False, None, OSError("no database")])
async def test_a_server_whose_database_is_gone_says_so_at_once(stub, database, state):
    assert await check(stub, SERVICE) == SERVING

    database.state = state
    assert await check(stub, SERVICE) == NOT_SERVING
    assert await check(stub) == NOT_SERVING

    database.state = True
    assert await check(stub, SERVICE) == SERVING


@pytest.mark.parametrize("state", [False, None, OSError("no database")])
async def test_a_process_without_its_database_is_alive(stub, database, state):
    database.state = state

    assert await check(stub, health.LIVENESS) == SERVING


async def test_a_process_that_drains_is_alive_and_does_not_serve(database):
    checked = health.Health([SERVICE], database.is_ready)

    checked.drain()

    for name, status in ((health.LIVENESS, SERVING), ("", NOT_SERVING), (SERVICE, NOT_SERVING)):
        answer = await checked.Check(health_pb2.HealthCheckRequest(service=name), None)
        assert answer.status == status, name


async def test_why_it_cannot_serve_is_logged_once_each_time(stub, database, caplog):
    caplog.set_level("INFO", "plait.mesh.health")
    for state in (OSError("no database"), OSError("no database"), True, True, False, True):
        database.state = state
        await check(stub)

    assert caplog.messages == [
        "not ready to serve: OSError: no database",
        "ready to serve again",
        "not ready to serve: it says that it is not ready",
        "ready to serve again",
    ]


async def test_who_watches_hears_of_each_change(stub, database):
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    heard = [(await anext(watch)).status]
    for state in (False, True, OSError()):
        database.state = state
        heard.append((await anext(watch)).status)
    await watch.aclose()

    assert heard == [SERVING, NOT_SERVING, SERVING, NOT_SERVING]


async def test_who_watches_what_is_not_here_hears_so_and_may_wait(stub):
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"))

    assert (await anext(watch)).status == UNKNOWN
    await watch.aclose()


async def test_who_watches_a_server_that_stops_hears_so_and_is_let_go(running, monkeypatch):
    monkeypatch.setattr(health, "LOOK_EVERY", 600)
    stub = health_pb2_grpc.HealthStub(running.connect())
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert (await anext(watch)).status == SERVING

    stopping = asyncio.ensure_future(running.server.stop())

    heard = [(await anext(watch)).status]
    with pytest.raises(Unavailable) as raised:
        await anext(watch)
    await stopping
    assert (heard, raised.value.reason) == ([NOT_SERVING], "SERVER_STOPPING")


async def test_a_probe_needs_no_token_and_a_bad_one_does_not_hurt(running):
    async with grpc.aio.insecure_channel(running.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(), metadata=(("authorization", "nonsense"),)
        )

    assert answer.status == SERVING
