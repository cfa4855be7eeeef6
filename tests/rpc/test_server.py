"""A server: what it is made of, how it begins, how it ends."""

import asyncio
import logging
import socket
from contextlib import suppress

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from plait.rpc import tls
from plait.rpc.channel import Channel
from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.frames import Type
from plait.rpc.lifetime import Lifetimes
from plait.rpc.server import Server
from tests.rpc.certificates import Authority
from tests.rpc.echo import Echo, calling, down, hosting, serving, unary, up
from tests.rpc.peer import peer

PATIENCE = 10.0  # seconds


async def act(request, context):
    return request


class Gate:
    """A handler that waits until it is let go; `ended` is what became of it."""

    def __init__(self):
        self.began, self.go = asyncio.Event(), asyncio.Event()
        self.ended = ""

    async def __call__(self, request, context):
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "answered"
        return b"done"


# What it is made of.


def test_it_is_a_server_of_grpcio():
    assert isinstance(Server(), grpc.aio.Server)


def test_interceptors_of_grpcio_are_refused_by_name():
    class Tracing(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, handler_call_details):
            return await continuation(handler_call_details)

    with pytest.raises(TypeError, match=r"do not run here \(Tracing\)"):
        Server(interceptors=[Tracing()])


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(ValueError, match=r"grpc\.nothing"):
        Server(options=[("grpc.nothing", 1)])


def test_options_count_for_more_than_arguments():
    server = Server(
        max_message=1,
        max_answer=1,
        max_metadata=1,
        max_streams=1,
        lifetimes=Lifetimes(age=1),
        options=[
            ("grpc.max_receive_message_length", 2),
            ("grpc.max_send_message_length", 3),
            ("grpc.max_metadata_size", 4),
            ("grpc.max_concurrent_streams", 5),
            ("grpc.max_connection_age_ms", 6000),
        ],
    )

    assert (server.max_message, server.max_answer) == (2, 3)
    assert server.settings.max_header_list_size == 4
    assert server.settings.max_concurrent_streams == 5
    assert server.lifetimes.age == 6


async def test_generated_code_registers_on_it():
    server = Server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    reflection.enable_server_reflection(["grpc.health.v1.Health"], server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    await server.stop(None)

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


# Where it listens.


async def test_it_listens_at_several_places(tmp_path, echo):
    server = Server()
    server.add_registered_method_handlers("test.Echo", echo.handlers())
    ports = [server.add_insecure_port("127.0.0.1:0") for _ in range(2)]
    server.add_unix_port(str(tmp_path / "s"))
    await server.start()

    targets = [*(f"127.0.0.1:{port}" for port in ports), f"unix:{tmp_path}/s"]
    for target in targets:
        async with calling("plait", target) as stub:
            assert await stub.unary(b"a", timeout=5) == b"re: a"
    async with calling("grpcio", targets[-1]) as stub:
        assert await stub.unary(b"peer", timeout=5) == b"unix:"
    await server.stop(None)

    assert not (tmp_path / "s").exists()


async def test_a_server_that_never_started_leaves_nothing_behind(tmp_path):
    server = Server()
    port = server.add_insecure_port("127.0.0.1:0")
    server.add_insecure_port(f"unix:{tmp_path}/s")

    await server.stop(None)

    assert not (tmp_path / "s").exists()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


async def test_a_server_that_was_stopped_does_not_start_again():
    server = Server()
    await server.stop(None)

    with pytest.raises(RuntimeError, match="make another one"):
        await server.start()


async def test_several_servers_may_share_a_port():
    first, second = Server(reuse_port=True), Server(options=[("grpc.so_reuseport", 1)])
    port = first.add_insecure_port("127.0.0.1:0")

    assert second.add_insecure_port(f"127.0.0.1:{port}") == port
    await first.stop(None)
    await second.stop(None)


# How it ends.


async def test_running_calls_finish_and_new_ones_are_not_taken():
    gate = Gate()
    async with hosting(unary(gate)) as (server, target), peer(target) as one:
        running = one.call()
        await asyncio.wait_for(gate.began.wait(), PATIENCE)
        stopping = asyncio.ensure_future(server.stop(PATIENCE))
        await one.until(Type.GOAWAY)
        one.send(frames.ping((await one.until(Type.PING)).payload, ack=True))
        last = frames.goaway_of((await one.until(Type.GOAWAY)).payload)[0]
        late = one.call()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*target.split(":"))

        gate.go.set()
        answer = await one.answer(running)

        assert (answer.data, answer.status, gate.ended) == (framed(b"done"), "0", "answered")
        assert last == running < late
        assert await one.ended()
        await stopping


async def test_a_call_that_was_on_its_way_is_still_taken():
    async with hosting(unary(act)) as (server, target), peer(target) as one:
        assert (await one.answer(one.call(b"a"))).data == framed(b"a")
        stopping = asyncio.ensure_future(server.stop(PATIENCE))
        await one.until(Type.GOAWAY)
        asked = (await one.until(Type.PING)).payload

        late = one.call(b"late")
        one.send(frames.ping(asked, ack=True))

        assert (await one.answer(late)).data == framed(b"late")
        await stopping


async def test_calls_that_outlive_the_grace_are_told_that_another_server_may_answer():
    gate = Gate()
    async with hosting(unary(gate)) as (server, target), calling("grpcio", target) as stub:
        call = stub.unary(b"", timeout=PATIENCE)
        await asyncio.wait_for(gate.began.wait(), PATIENCE)

        await server.stop(0.05)

        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert await call.details() == "the server is stopping"
        assert gate.ended == "cancelled"


@pytest.mark.parametrize("shape", [up, down])
async def test_without_grace_calls_end_at_once_and_nothing_is_left(shape):
    ended, began = [], asyncio.Event()

    async def hang(request, context):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    path = "/test.Echo/Up" if shape is up else "/test.Echo/Down"
    async with hosting(shape(hang)) as (server, target), peer(target) as one:
        stream = one.head(path)
        one.data(stream, framed(b"a"), end=shape is down)
        await asyncio.wait_for(began.wait(), PATIENCE)

        await server.stop(None)

        assert ended == ["cleaned up"]
        assert (await one.answer(stream)).status == "14"
        assert server.links == set()


async def test_a_handler_that_was_cancelled_before_is_waited_for_as_well():
    began, cancelled, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

    async def slow_to_leave(request, context):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            await go.wait()
            ended.append("left")

    async with hosting(unary(slow_to_leave)) as (server, target), peer(target) as one:
        stream = one.call()
        await asyncio.wait_for(began.wait(), PATIENCE)
        one.send(frames.reset(stream, ErrorCode.CANCEL))
        await asyncio.wait_for(cancelled.wait(), PATIENCE)

        stopping = asyncio.ensure_future(server.stop(None))
        asyncio.get_running_loop().call_later(0.01, go.set)
        await stopping

    assert ended == ["left"]


async def test_a_handler_that_does_not_leave_is_named(monkeypatch, caplog):
    monkeypatch.setattr("plait.rpc.server._CLEANING_UP", 0.01)
    began, go = asyncio.Event(), asyncio.Event()

    async def stubborn(request, context):
        began.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    async with hosting(unary(stubborn)) as (server, target), peer(target) as one:
        one.call()
        await asyncio.wait_for(began.wait(), PATIENCE)

        await server.stop(None)
        go.set()

    assert "a handler that was cancelled goes on" in caplog.text


async def test_a_handler_may_stop_its_server():
    stopped = asyncio.Event()

    async def shut_down(request, context):
        await server.stop(None)
        stopped.set()

    async with hosting(unary(shut_down)) as (server, target), peer(target) as one:
        answer = await one.answer(one.call())
        await asyncio.wait_for(stopped.wait(), PATIENCE)

    assert answer.status == "14"


async def test_two_may_stop_a_server_at_the_same_time():
    gate = Gate()
    async with hosting(unary(gate)) as (server, target), peer(target) as one:
        one.call()
        await asyncio.wait_for(gate.began.wait(), PATIENCE)
        patient = asyncio.ensure_future(server.stop(PATIENCE))
        await asyncio.sleep(0)

        await server.stop(None)
        await asyncio.wait_for(patient, PATIENCE)

    assert gate.ended == "cancelled"


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr("plait.rpc.server._LAST_WORDS", 0.05)

    async def large(request, context):
        return b"x" * 20_000_000

    wide = {4: 2**31 - 1}
    async with (
        hosting(unary(large)) as (server, target),
        peer(target, wide, limit=1024) as one,
    ):
        one.send(frames.window_update(0, 2**31 - 65_536))
        one.call()
        await one.until(Type.HEADERS)

        await server.stop(None)

        assert server.links == set()


async def test_a_connection_whose_handshake_ends_too_late_is_dropped(tmp_path):
    authority = Authority(tmp_path)
    identity = authority.issue("server")
    context = tls.server(identity.certificate, identity.key)
    async with hosting(unary(act), context) as (server, target):
        host, port = target.split(":")
        plain = socket.create_connection((host, int(port)))
        plain.setblocking(False)  # noqa: FBT003 - its only argument
        assert await called(target, authority)  # so the other one was accepted by now
        await server.stop(None)

        reader, writer = await asyncio.open_connection(
            sock=plain, ssl=tls.client(authority.roots), server_hostname="127.0.0.1"
        )
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(1), PATIENCE) == b""
        writer.close()

        assert server.links == set()


async def called(target, authority):
    async with Channel(target, tls=tls.client(authority.roots)) as channel:
        return await channel.unary_unary("/test.Echo/Unary")(b"a", timeout=5)


async def test_termination_is_waited_for():
    server = Server()
    waiting = asyncio.ensure_future(server.wait_for_termination())

    assert await server.wait_for_termination(0.01)
    await server.stop(None)

    assert not await waiting
    assert not await server.wait_for_termination(1)


# Many.


async def test_thousands_of_calls_run_at_the_same_time_on_one_connection():
    gate = Gate()
    async with hosting(unary(gate)) as (_, target), peer(target, {4: 2**20}) as one:
        streams = [one.call() for _ in range(3000)]
        await asyncio.wait_for(gate.began.wait(), PATIENCE)
        one.send(frames.ping(b"whatever"))
        await one.until(Type.PING)
        gate.go.set()
        ended = 0
        async for frame in one.frames():
            ended += frame.ends
            if ended == len(streams):
                break

    assert ended == 3000


async def test_more_calls_than_agreed_are_refused_and_may_be_sent_again():
    gate = Gate()
    async with hosting(unary(gate), max_streams=2) as (_, target), peer(target) as one:
        streams = [one.call() for _ in range(3)]
        refused = await one.answer(streams[2])
        gate.go.set()

        assert refused.reset is ErrorCode.REFUSED_STREAM
        assert (await one.answer(streams[0])).status == "0"


async def test_an_old_connection_is_ended_and_its_call_finishes():
    gate = Gate()
    old = Lifetimes(age=0.0)
    async with hosting(unary(gate), lifetimes=old) as (_, target), peer(target) as one:
        stream = one.call()
        await asyncio.wait_for(gate.began.wait(), PATIENCE)
        await one.until(Type.GOAWAY)
        one.send(frames.ping((await one.until(Type.PING)).payload, ack=True))
        gate.go.set()

        assert (await one.answer(stream)).status == "0"
        assert await one.ended()


async def test_a_log_of_an_ordinary_day_is_empty(caplog):
    caplog.set_level(logging.INFO, "plait")
    async with serving("plait", Echo()) as target:
        for client in ("plait", "grpcio"):
            async with calling(client, target) as stub:
                assert await stub.unary(b"a", timeout=5) == b"re: a"

    assert [record for record in caplog.records if record.name.startswith("plait")] == []
