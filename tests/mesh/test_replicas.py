"""Promises of calls among replicas: they go round, they avoid who goes, and repeat what may be."""

import asyncio
import gc
import json
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from plait.errors import Cancelled, Unavailable
from plait.mesh.channel import connect
from plait.mesh.method import SideEffects, known_method
from plait.mesh.replicas import (
    ATTEMPTS,
    Follower,
    has_replicas,
    look_up,
    service_config,
    target_of,
)
from plait.testing import serving
from tests.mesh.asking import PATIENCE
from tests.mesh.echo import SERVICE, Echo, EchoRequest, EchoResponse, EchoStub, add_echo
from tests.ports import free_ports


class Replica:
    """One of several servers of the echo; counts its calls, and fails them when told to."""

    def __init__(self):
        self.calls = 0
        self.fails = 0

    async def say(self, request, context):
        self.calls += 1
        if self.fails:
            self.fails -= 1
            raise Unavailable("not now")
        return EchoResponse(text=request.text)

    async def started(self, stack):
        register = add_echo(Echo(Say=self.say))
        running = await stack.enter_async_context(serving(register, name="echo"))
        self.server = running.server
        return running.target


def found(side_effects):
    """What contracts would say if every method had these side effects."""
    return lambda path: replace(known_method(path), side_effects=side_effects)


@pytest.fixture
async def replicas():
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


async def test_no_call_fails_while_one_of_two_goes(echo, replicas):
    stub = await echo(SideEffects.NONE)
    leaving, staying = replicas

    draining = asyncio.ensure_future(leaving.server.drain())
    said = 0
    while not draining.done():
        await stub.Say(EchoRequest(text="hi"))
        said += 1
    leaving.calls = 0
    for _ in range(10):
        await stub.Say(EchoRequest())

    assert said > 0
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


# A name that is followed


class Names:
    """A resolver: `addresses` is what the name stands for now, None if nobody knows it."""

    def __init__(self):
        self.addresses = frozenset()
        self.asked = asyncio.Queue()

    async def looks(self):
        """Wait until whoever follows has seen what the name stands for now, and acted on it."""
        while not self.asked.empty():
            self.asked.get_nowait()
        for _ in range(3):
            await self.asked.get()

    async def look_up(self, host, port):
        self.asked.put_nowait((host, port))
        if self.addresses is None:
            raise OSError(-2, "Name or service not known")
        return self.addresses


@pytest.fixture
def names(monkeypatch):
    monkeypatch.setattr("plait.mesh.replicas.LOOK_UP_EVERY", 0.001)
    return Names()


@pytest.fixture
async def named(names, replicas):
    """A stub of a name, and the addresses of two replicas, of which it stands for the first."""
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        targets = [await replica.started(stack) for replica in replicas]
        names.addresses = frozenset(targets[:1])
        channel = connect(
            "echo",
            target=f"dns:///localhost:{targets[0].rpartition(':')[2]}",
            environ={},
            look_up=names.look_up,
        )
        stub = EchoStub(await stack.enter_async_context(channel))
        stub.channel = channel
        yield stub, targets


async def called(stub, replica):
    """Call until this replica was called."""
    replica.calls = 0
    while not replica.calls:
        await stub.Say(EchoRequest())


async def test_a_replica_that_comes_gets_calls(named, names, replicas):
    stub, targets = named
    await called(stub, replicas[0])

    names.addresses = frozenset(targets)

    await called(stub, replicas[1])
    await called(stub, replicas[0])


async def test_a_replica_that_leaves_its_name_gets_no_more_calls_though_it_would_take_them(
    named, names, replicas
):
    stub, targets = named
    await called(stub, replicas[0])
    names.addresses = frozenset(targets[1:])
    await called(stub, replicas[1])

    replicas[0].calls = 0
    for _ in range(10):
        await stub.Say(EchoRequest())

    assert replicas[0].calls == 0


async def test_the_only_replica_is_replaced_without_a_failed_call(named, names, replicas):
    stub, targets = named
    old, new = replicas
    old.server._settings = old.server._settings.model_copy(update={"drain_delay": 600})
    await called(stub, old)

    names.addresses = frozenset(targets[1:])
    draining = asyncio.ensure_future(old.server.drain())
    await called(stub, new)
    old.server.hurry()
    while not draining.done():
        await stub.Say(EchoRequest())
    await stub.Say(EchoRequest())


async def test_a_call_that_runs_ends_where_it_began(names, replicas):
    go = asyncio.Event()

    async def slow(request, context):
        await go.wait()
        return EchoResponse(text="done")

    async with (
        asyncio.timeout(PATIENCE),
        AsyncExitStack() as stack,
        serving(add_echo(Echo(Say=slow)), name="echo") as old,
    ):
        target = await replicas[1].started(stack)
        names.addresses = frozenset([old.target])
        name = f"dns:///localhost:{old.target.rpartition(':')[2]}"
        async with connect("echo", target=name, environ={}, look_up=names.look_up) as channel:
            stub = EchoStub(channel)
            said = asyncio.ensure_future(stub.Say(EchoRequest(), timeout=PATIENCE))
            told = stub.Tell(EchoRequest(text="x", count=2))
            assert (await anext(told)).text == "x0"

            names.addresses = frozenset([target])
            await names.looks()
            go.set()

            assert (await said).text == "done"
            assert (await anext(told)).text == "x1"
            with pytest.raises(StopAsyncIteration):
                await anext(told)
            del said, told
            gc.collect()
            assert len(channel._left) == 0  # nothing stays of the addresses that were left


async def test_closing_ends_the_calls_at_addresses_that_were_left(names, replicas):
    waiting = asyncio.Event()

    async def endless(request, context):
        await waiting.wait()

    async with (
        asyncio.timeout(PATIENCE),
        AsyncExitStack() as stack,
        serving(add_echo(Echo(Say=endless)), name="echo") as old,
    ):
        target = await replicas[1].started(stack)
        names.addresses = frozenset([old.target])
        name = f"dns:///localhost:{old.target.rpartition(':')[2]}"
        channel = connect("echo", target=name, environ={}, look_up=names.look_up)
        said = asyncio.ensure_future(EchoStub(channel).Say(EchoRequest(), timeout=PATIENCE))
        await names.looks()
        names.addresses = frozenset([target])
        await names.looks()

        await channel.close()

        with pytest.raises(Cancelled):
            await said
        waiting.set()


@pytest.mark.parametrize("addresses", [None, frozenset()])
async def test_where_nobody_knows_the_name_any_more_calls_stay_where_they_are(
    named, names, replicas, addresses
):
    stub, _ = named
    await called(stub, replicas[0])

    names.addresses = addresses
    await names.looks()

    await called(stub, replicas[0])


async def test_where_nobody_can_be_reached_at_the_new_addresses_calls_stay_where_they_are(
    named, names, replicas, monkeypatch
):
    monkeypatch.setattr("plait.mesh.grpcio._REACHED_WITHIN", 0.01)
    stub, targets = named
    await called(stub, replicas[0])
    [nobody] = free_ports(1)

    names.addresses = frozenset([f"127.0.0.1:{nobody}"])
    await names.looks()
    await called(stub, replicas[0])
    names.addresses = frozenset(targets[1:])

    await called(stub, replicas[1])


async def test_a_name_is_asked_for_by_its_host_and_port(named, names, replicas):
    stub, targets = named

    await called(stub, replicas[0])

    assert await names.asked.get() == ("localhost", int(targets[0].rpartition(":")[2]))


async def test_addresses_that_stay_the_same_change_nothing(named, names, replicas):
    stub, _ = named
    await called(stub, replicas[0])
    await names.looks()
    inner = stub.channel.opened()

    await names.looks()

    assert stub.channel.opened() is inner


async def test_the_systems_resolver_knows_the_names_of_this_machine():
    assert await look_up("127.0.0.1", 80) == {"127.0.0.1:80"}
    assert await look_up("localhost", 80) <= {"127.0.0.1:80", "[::1]:80"}
    assert await look_up("[::1]", 80) == {"[::1]:80"}
    with pytest.raises(OSError, match=r".+"):
        await look_up("no-such-name.invalid", 80)


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        (["10.0.0.2:90", "10.0.0.1:90"], "ipv4:10.0.0.1:90,10.0.0.2:90"),
        (["[::2]:90", "[::1]:90"], "ipv6:[::1]:90,[::2]:90"),
    ],
)
def test_addresses_make_a_target(addresses, target):
    assert target_of(frozenset(addresses)) == target


@pytest.mark.parametrize(
    ("target", "follows"),
    [
        ("dns:///catalog.shop.svc.cluster.local:9090", True),
        ("dns:catalog:9090", True),
        ("dns:///[::1]:9090", True),
        ("dns:///catalog", False),
        ("dns://8.8.8.8/catalog:9090", False),
        ("ipv4:127.0.0.1:1", False),
        ("127.0.0.1:9090", False),
    ],
)
def test_a_name_with_a_port_is_followed(target, follows):
    async def never(_):
        raise AssertionError

    assert Follower(target, look_up, never).follows is follows


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
    assert json.loads(service_config([])) == {"loadBalancingConfig": [{"round_robin": {}}]}


def test_a_clients_stream_is_not_repeated():
    find = found(SideEffects.NONE)
    methods = [find(f"/{SERVICE}/{name}") for name in ("Say", "Tell", "Gather", "Talk")]

    [policy] = json.loads(service_config(methods))["methodConfig"]

    assert [name["method"] for name in policy["name"]] == ["Say", "Tell"]
