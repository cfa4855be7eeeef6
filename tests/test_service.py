"""Promises of the chassis: it serves, says what it serves, and goes without losing a call."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from plait.errors import Cancelled, Code, Error, Unavailable
from plait.mesh.access import ContractError
from plait.mesh.channel import connect
from plait.mesh.health import LIVENESS
from plait.service import PortTaken, Server, serve
from plait.settings import Settings
from tests.mesh.asking import PATIENCE, Watched
from tests.mesh.echo import PACKAGE, SERVICE, Echo, EchoRequest, EchoResponse, EchoStub, add_echo
from tests.ports import free_ports

ROOT = Path(__file__).parents[1]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
PROCESS = """
import asyncio, sys
from plait.service import serve
from plait.settings import settings_from_environment, Settings
from tests.mesh.echo import Echo, EchoResponse, add_echo

async def tell(request, context):
    yield EchoResponse(text="begun")
    await asyncio.Event().wait()

async def close():
    print("closed", flush=True)

serve(settings_from_environment(Settings), add_echo(Echo(Tell=tell)), name="echo", on_close=close)
print("gone", flush=True)
"""


@pytest.fixture(autouse=True)
async def in_time():
    async with asyncio.timeout(30):
        yield


@pytest.fixture
def process_log(monkeypatch):
    """What `serve` does to the logs of a process is undone afterwards."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


class Running:
    """A server with a channel, begun and ended by a test."""

    def __init__(self, *, ready=None, acts=None, **settings):
        self.server = Server(
            Settings(**settings), add_echo(Echo(**acts or {})), name="echo", ready=ready
        )

    async def __aenter__(self):
        port = await self.server.start()
        self.channel = connect("echo", target=f"127.0.0.1:{port}", environ={})
        self.stub = EchoStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)
        return self

    async def __aexit__(self, *_):
        await self.channel.close()
        await self.server.stop()

    async def status(self):
        return (await self.health.Check(health_pb2.HealthCheckRequest())).status


async def reflected(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = await anext(stub.ServerReflectionInfo([request]))
    return {service.name for service in answer.list_services_response.service}


async def test_a_server_tells_what_it_serves():
    async with Running() as running:
        names = await reflected(running.channel)

    assert names == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_a_contract_can_be_read_from_the_server():
    async with Running() as running:
        stub = reflection_pb2_grpc.ServerReflectionStub(running.channel)
        request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
        answer = await anext(stub.ServerReflectionInfo([request]))

    [file] = [
        data
        for data in answer.file_descriptor_response.file_descriptor_proto
        if b"EchoService" in data
    ]
    assert PACKAGE.encode() in file


async def test_reflection_can_be_turned_off():
    async with Running(reflection=False) as running:
        with pytest.raises(Exception, match="not found") as raised:
            await reflected(running.channel)

    assert raised.value.code.name == "UNIMPLEMENTED"


async def test_draining_goes_in_order():
    go = asyncio.Event()
    short, long = Watched("Say", go.wait), Watched("Tell")
    acts = {"Say": short.method, "Tell": long.method}
    async with Running(acts=acts, drain_delay=600, drain_grace=600) as running:
        said = asyncio.ensure_future(running.stub.Say(EchoRequest(), timeout=PATIENCE))
        told = asyncio.ensure_future(anext(running.stub.Tell(EchoRequest())))
        await asyncio.gather(short.begun.wait(), long.begun.wait())
        assert await running.status() == SERVING

        draining = asyncio.ensure_future(running.server.drain())
        async with asyncio.timeout(PATIENCE):
            while await running.status() != NOT_SERVING:
                pass
        still_served = await running.stub.Gather([EchoRequest(text="hi")])
        go.set()
        finished = await said
        assert not draining.done()

        running.server.hurry()
        with pytest.raises(Unavailable) as raised:
            await told
        await draining
        with pytest.raises(Unavailable):
            await running.stub.Gather([EchoRequest(text="hi")])

    assert (still_served.text, finished.text) == ("hi", "done")
    assert raised.value.reason == "SERVER_STOPPING"


async def test_a_call_that_runs_is_finished_while_new_ones_are_refused():
    go = asyncio.Event()
    slow = Watched("Say", go.wait)
    async with Running(acts={"Say": slow.method}, drain_delay=0, drain_grace=PATIENCE) as running:
        said = asyncio.ensure_future(running.stub.Say(EchoRequest(), timeout=PATIENCE))
        await slow.begun.wait()
        draining = asyncio.ensure_future(running.server.drain())
        async with asyncio.timeout(PATIENCE):
            refused = await refusal(running.stub)

        go.set()

        assert (await said).text == "done"
        await draining
    assert isinstance(refused, Unavailable)


async def refusal(stub):
    """Call until it is refused; returns the error."""
    while True:
        try:
            await stub.Gather([EchoRequest()])
        except Unavailable as error:
            return error
        except Cancelled:  # grpcio's word for a call that comes in while it closes the door
            continue


async def test_a_handler_that_takes_too_long_is_ended_with_a_word_to_the_caller():
    long = Watched("Say")
    async with Running(acts={"Say": long.method}, drain_delay=0, drain_grace=0.05) as running:
        said = asyncio.ensure_future(running.stub.Say(EchoRequest(), timeout=PATIENCE))
        await long.begun.wait()

        await running.server.drain()

        with pytest.raises(Unavailable, match="server is stopping"):
            await said


async def test_draining_twice_is_draining_once(caplog):
    caplog.set_level(logging.INFO)

    async with Running(drain_delay=0) as running:
        await asyncio.gather(running.server.drain(), running.server.drain())
        await running.server.stop()

    said = [record.message for record in caplog.records]
    assert (said.count("draining"), said.count("stopped")) == (1, 1)


async def test_readiness_is_asked_for():
    async def gone():
        return False

    async with Running(ready=gone) as running:
        assert await running.status() == NOT_SERVING


@pytest.fixture
async def probed():
    """Open the port for probes; its channel outlives the server's other port."""
    [port] = free_ports(1)
    async with connect("echo", target=f"127.0.0.1:{port}", environ={}) as channel:
        yield port, channel


async def probe(channel, name=""):
    stub = health_pb2_grpc.HealthStub(channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status


async def test_a_port_for_probes_answers_for_the_services_and_serves_nothing_else(probed):
    port, channel = probed
    async with Running(health_port=port):
        statuses = [await probe(channel, name) for name in ("", SERVICE, LIVENESS)]
        with pytest.raises(Error) as raised:
            await EchoStub(channel).Say(EchoRequest())

    assert statuses == [SERVING] * 3
    assert raised.value.code is Code.UNIMPLEMENTED


async def test_a_port_for_probes_says_what_the_other_one_says(probed):
    port, channel = probed

    async def gone():
        return False

    async with Running(health_port=port, ready=gone) as running:
        assert await running.status() == NOT_SERVING
        assert await probe(channel) == NOT_SERVING
        assert await probe(channel, LIVENESS) == SERVING


async def test_while_calls_are_drained_a_probe_hears_that_the_process_lives(probed):
    port, channel = probed
    long = Watched("Say")
    settings = {"health_port": port, "drain_delay": 0, "drain_grace": 600}
    async with Running(acts={"Say": long.method}, **settings) as running:
        said = asyncio.ensure_future(running.stub.Say(EchoRequest(), timeout=PATIENCE))
        await long.begun.wait()
        draining = asyncio.ensure_future(running.server.drain())
        await refusal(running.stub)

        assert await probe(channel) == NOT_SERVING
        assert await probe(channel, LIVENESS) == SERVING
        assert not draining.done()

        running.server.hurry()
        await draining
        with pytest.raises(Unavailable):
            await said
        with pytest.raises(Unavailable):
            await probe(channel, LIVENESS)


async def test_a_taken_port_for_probes_names_its_setting(taken):
    server = Server(Settings(health_port=taken), add_echo(Echo()), name="echo")

    with pytest.raises(
        PortTaken, match=rf"{taken} .* is taken.* PLAIT_HEALTH_PORT .*0 serves none"
    ):
        await server.start()


async def test_a_taken_port_names_the_setting(taken):
    server = Server(Settings(port=taken), add_echo(Echo()), name="echo")

    with pytest.raises(PortTaken, match=rf"port {taken} on 127\.0\.0\.1 is taken.*PORT"):
        await server.start()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
async def test_an_address_that_is_not_ours_names_the_setting(host):
    server = Server(Settings(host=host), add_echo(Echo()), name="echo")

    with pytest.raises(PortTaken, match="PLAIT_HOST and PORT"):
        await server.start()


async def test_a_method_without_access_ends_the_start():
    def register(server):
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: None)
        server.add_registered_method_handlers(f"{PACKAGE}.BrokenService", {"NoAccess": handler})

    with pytest.raises(ContractError, match=r"BrokenService\.NoAccess"):
        await Server(Settings(), register, name="echo").start()


def signalled(register, *signals):
    """Return a registration that also sends this process signals, once its loop runs."""

    def act(server):
        register(server)
        for number in signals:
            asyncio.get_running_loop().call_soon(signal.raise_signal, number)

    return act


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_at_a_signal_and_closes_what_was_opened(process_log, number):
    closed = []

    async def close():
        closed.append(asyncio.get_running_loop().is_running())

    settings = Settings(drain_delay=0, drain_grace=0)
    serve(settings, signalled(add_echo(Echo()), number), name="echo", on_close=close)

    assert closed == [True]


def test_serve_does_its_chores_until_it_is_told_to_end(process_log):
    seen = []

    async def chore():
        seen.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    async def close():
        seen.append("closed")

    register = signalled(add_echo(Echo()), signal.SIGTERM)
    settings = Settings(drain_delay=0, drain_grace=0)
    serve(settings, register, name="echo", on_close=close, background=[chore])

    assert seen == ["begun", "ended", "closed"]


def test_a_second_signal_ends_the_waiting(process_log):
    settings = Settings(drain_delay=600, drain_grace=600)

    serve(settings, signalled(add_echo(Echo()), signal.SIGTERM, signal.SIGTERM), name="echo")

    assert threading.current_thread() is threading.main_thread()


def test_serve_without_its_port_says_so_in_one_line_and_exits(process_log, taken, capsys):
    closed = []

    async def close():
        closed.append(True)

    with pytest.raises(SystemExit) as raised:
        serve(Settings(port=taken), add_echo(Echo()), name="echo", on_close=close)

    said = capsys.readouterr().err
    assert raised.value.code == 1
    assert said.startswith(f"echo cannot start: port {taken}")
    assert (said.count("\n"), closed) == (1, [True])


def test_serve_without_a_place_for_keys_says_so_in_one_line_and_exits(process_log, capsys):
    settings = Settings(user_jwks="grpc:nowhere")

    with pytest.raises(SystemExit) as raised:
        serve(settings, add_echo(Echo()), name="echo")

    said = capsys.readouterr().err
    assert raised.value.code == 1
    assert said.startswith("echo cannot start: PLAIT_USER_JWKS is 'grpc:nowhere'")
    assert said.count("\n") == 1


def test_without_uvloop_the_loop_of_python_serves(process_log, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loops = []

    def register(server):
        loops.append(type(asyncio.get_running_loop()).__module__)
        signalled(add_echo(Echo()), signal.SIGTERM)(server)

    serve(Settings(drain_delay=0), register, name="echo")

    assert loops[0].startswith("asyncio.")


class Process:
    """A real process that serves the echo; its stderr is read as it comes."""

    def __init__(self, tmp_path, **settings):
        script = tmp_path / "echo_main.py"
        script.write_text(PROCESS)
        self._running = subprocess.Popen(
            [sys.executable, str(script)],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}",
                **settings,
            },
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []

    async def said(self, text):
        """Wait until a message of the log has this text in it; returns the message."""
        while line := await asyncio.to_thread(self._running.stderr.readline):
            self.log.append(line)
            message = json.loads(line)["message"]
            if text in message:
                return message
        raise AssertionError(self.log)

    def signal(self, number):
        self._running.send_signal(number)

    async def ended(self):
        """Wait for the end; returns the exit code and what was printed."""
        out, _ = await asyncio.to_thread(self._running.communicate, timeout=PATIENCE)
        return self._running.returncode, out.split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._running.poll() is None:
            self._running.kill()
            self._running.communicate(timeout=PATIENCE)


async def test_a_process_drains_at_the_first_signal_and_goes_at_the_second(tmp_path):
    with Process(tmp_path, PLAIT_DRAIN_DELAY="600", PLAIT_DRAIN_GRACE="600") as process:
        target = (await process.said("listening on")).removeprefix("listening on ")
        async with connect("echo", target=target, environ={}) as channel:
            stub, health = EchoStub(channel), health_pb2_grpc.HealthStub(channel)
            told = stub.Tell(EchoRequest())
            assert (await anext(told)) == EchoResponse(text="begun")

            process.signal(signal.SIGTERM)
            await process.said("draining")
            served = await stub.Say(EchoRequest(text="hi"))
            answer = await health.Check(health_pb2.HealthCheckRequest())

            process.signal(signal.SIGTERM)
            with pytest.raises(Unavailable) as raised:
                await anext(told)

        assert await process.ended() == (0, ["closed", "gone"])
    assert served.text == "hi"
    assert answer.status == NOT_SERVING
    assert raised.value.reason == "SERVER_STOPPING"


async def test_a_process_whose_port_is_taken_says_so_without_a_traceback(tmp_path, taken):
    with Process(tmp_path, PORT=str(taken)) as process:
        out, err = await asyncio.to_thread(process._running.communicate, timeout=PATIENCE)

    assert process._running.returncode == 1
    assert out == "closed\n"
    assert err == (
        f"echo cannot start: port {taken} on 127.0.0.1 is taken: stop what listens there, or set "
        f"PORT to another port (0 takes a free one)\n"
    )
