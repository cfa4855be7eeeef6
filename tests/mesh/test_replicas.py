"""Promises of calls among replicas: they go round, they avoid who goes, and repeat what may be."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.errors import Unavailable
from plait.mesh import health
from plait.mesh.channel import connect
from plait.mesh.health import CALLS
from plait.mesh.method import SideEffects, known_method
from plait.mesh.replicas import ATTEMPTS, has_replicas, service_config
from plait.testing import serving
from tests.mesh.asking import PATIENCE
from tests.mesh.echo import SERVICE, Echo, EchoRequest, EchoResponse, EchoStub, add_echo

SERVING = health_pb2.HealthCheckResponse.SERVING


class Replica:
    """One of several servers of the echo; counts its calls, and fails them when told to."""

    def __init__(self):
        self.calls = 0
        self.fails = 0
        self.ready = True

    async def say(self, request, context):
        self.calls += 1
        if self.fails:
            self.fails -= 1
            raise Unavailable("not now")
        return EchoResponse(text=request.text)

    async def is_ready(self):
        return self.ready

    async def started(self, stack):
        register = add_echo(Echo(Say=self.say))
        running = await stack.enter_async_context(
            serving(register, name="echo", ready=self.is_ready)
        )
        self.server = running.server
        return running.target


def found(side_effects):
    """What contracts would say if every method had these side effects."""
    return lambda path: replace(known_method(path), side_effects=side_effects)


@pytest.fixture
async def replicas(monkeypatch):
    monkeypatch.setattr(health, "LOOK_EVERY", 0.01)
    return [Replica(), Replica()]


@pytest.fixture
async def echo(replicas):
    """A stub of all replicas at once, for a contract with these side effects."""
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        targets = [await replica.started(stack) for replica in replicas]

        async def stub(side_effects=SideEffects.UNKNOWN):
            channel = connect(
                "echo",
                target=f"ipv4:{','.join(targets)}",
                environ={},
                find_method=found(side_effects),
            )
            stub = EchoStub(await stack.enter_async_context(channel))
            stub.channel = channel
            while not all(replica.calls for replica in replicas):  # until both are connected
                await stub.Say(EchoRequest())
            for replica in replicas:
                replica.calls = 0
            return stub

        yield stub


async def test_calls_go_round(echo, replicas):
    stub = await echo()

    for _ in range(10):
        await stub.Say(EchoRequest())

    assert [replica.calls for replica in replicas] == [5, 5]


async def test_a_replica_that_drains_is_left_alone_before_it_refuses(echo, replicas):
    stub = await echo()
    leaving, staying = replicas
    slow(leaving.server)

    draining = asyncio.ensure_future(leaving.server.drain())
    leaving.calls = 10
    while leaving.calls:  # the word of it needs a moment
        leaving.calls = 0
        for _ in range(10):
            await stub.Say(EchoRequest())

    assert staying.calls >= 10
    assert not draining.done()
    await leaving.server.stop()


def slow(server):
    """Let the server drain for ever, unless it is hurried."""
    server._settings = server._settings.model_copy(update={"drain_delay": 600})


async def test_replicas_that_are_all_not_ready_answer_for_themselves(echo, replicas):
    stub = await echo()
    for replica in replicas:
        replica.ready = False
    health_of = health_pb2_grpc.HealthStub(stub.channel)
    while (await health_of.Check(health_pb2.HealthCheckRequest())).status == SERVING:
        pass

    for _ in range(10):
        await stub.Say(EchoRequest())

    assert [replica.calls for replica in replicas] == [5, 5]


async def test_no_call_fails_while_one_of_two_drains_and_goes(echo, replicas):
    stub = await echo()
    leaving, staying = replicas
    leaving.server._settings = leaving.server._settings.model_copy(update={"drain_delay": 0.5})

    draining = asyncio.ensure_future(leaving.server.drain())
    said = 0
    while not draining.done():
        await stub.Say(EchoRequest(text="hi"))
        said += 1
    leaving.calls = 0
    for _ in range(10):
        await stub.Say(EchoRequest())

    assert said > 10
    assert (leaving.calls, staying.calls >= 10) == (0, True)


@pytest.mark.parametrize("side_effects", [SideEffects.NONE, SideEffects.IDEMPOTENT])
async def test_what_may_be_repeated_is_tried_again(echo, replicas, side_effects):
    stub = await echo(side_effects)
    for replica in replicas:
        replica.fails = 1

    answer = await stub.Say(EchoRequest(text="hi"))

    assert answer.text == "hi"
    assert sum(replica.calls for replica in replicas) == ATTEMPTS


async def test_it_is_not_tried_for_ever(echo, replicas):
    stub = await echo(SideEffects.NONE)
    for replica in replicas:
        replica.fails = ATTEMPTS

    with pytest.raises(Unavailable, match="not now"):
        await stub.Say(EchoRequest())

    assert sum(replica.calls for replica in replicas) == ATTEMPTS


async def test_what_may_have_happened_is_not_repeated(echo, replicas):
    stub = await echo(SideEffects.UNKNOWN)
    for replica in replicas:
        replica.fails = 1

    with pytest.raises(Unavailable, match="not now"):
        await stub.Say(EchoRequest())

    assert sum(replica.calls for replica in replicas) == 1


async def test_methods_may_be_named_where_no_stub_is_built(replicas):
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        target = await replicas[0].started(stack)
        replicas[0].fails = 1
        find = found(SideEffects.NONE)
        say = f"/{SERVICE}/Say"
        channel = connect(
            "echo",
            target=f"ipv4:{target}",
            environ={},
            find_method=find,
            methods=[find(say)],
        )
        await stack.enter_async_context(channel)
        await channel.unary_unary(say)(b"")

    assert replicas[0].calls == 2


@pytest.mark.parametrize(
    ("target", "several"),
    [
        ("dns:///catalog.shop.svc.cluster.local:9090", True),
        ("dns:catalog:9090", True),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", True),
        ("ipv6:[::1]:1", True),
        ("127.0.0.1:9092", False),
        ("catalog:9092", False),
        ("unix:/run/catalog.sock", False),
        ("dns", False),
    ],
)
def test_a_scheme_says_that_there_may_be_several(target, several):
    assert has_replicas(target) is several


def test_without_anything_to_repeat_there_is_no_policy_to_repeat():
    assert json.loads(service_config([])) == {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": CALLS},
    }


def test_a_clients_stream_is_not_repeated():
    find = found(SideEffects.NONE)
    methods = [find(f"/{SERVICE}/{name}") for name in ("Say", "Tell", "Gather", "Talk")]

    [policy] = json.loads(service_config(methods))["methodConfig"]

    assert [name["method"] for name in policy["name"]] == ["Say", "Tell"]
