"""The gateway as a process: it starts, says what is wrong, and drains."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import OKPKey

from plait.clock import SystemClock
from plait.gateway import process
from plait.gateway.process import CannotStart, Exposed, built, run, serve_until
from plait.gateway.server import CannotListen, ServerStopped
from plait.gateway.settings import GatewaySettings
from plait.mesh.identity.tokens import sign_user_token
from tests.gateway.live import BOUND, LIBRARY
from tests.integration.shop import free_ports
from tests.mesh.identity.issuing import GET_JWKS, Identity, issuing
from tests.ports import free_port

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).parents[2]
SERVICES = {LIBRARY: Exposed(name="library", target="127.0.0.1:1")}

PROGRAM = """
import sys
from plait.gateway.process import Exposed, run
from plait.gateway.settings import GatewaySettings
services = {"plait.testing.v1.LibraryService": Exposed(name="library", target="127.0.0.1:1")}
run(GatewaySettings(), services, title="The library", version="1")
"""


@pytest.fixture
def contracts(descriptor_set, tmp_path):
    path = tmp_path / "contracts.binpb"
    path.write_bytes(descriptor_set)
    return path


@pytest.fixture
def settings(contracts):
    return GatewaySettings(contracts=str(contracts), port=0, drain_delay=0, drain_grace=1)


async def test_it_serves_until_it_is_told_to_stop(settings):
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async with built(settings, SERVICES, title="The library", version="1") as gateway:
        serving = asyncio.create_task(serve_until(stop, gateway, settings, port.set_result))
        async with asyncio.timeout(BOUND), httpx.AsyncClient() as client:
            well = await client.get(f"http://127.0.0.1:{await port}/healthz")
            away = await client.get(f"http://127.0.0.1:{await port}/v1/shelves/s1/books/b1")
            stop.set()
            await serving

    assert well.status_code == 200
    assert away.status_code == 503


async def test_while_it_drains_it_is_unhealthy_but_answers(settings):
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    slow = settings.model_copy(update={"drain_delay": 600.0})

    async with built(slow, SERVICES, title="The library", version="1") as gateway:
        serving = asyncio.create_task(serve_until(stop, gateway, slow, port.set_result))
        async with asyncio.timeout(BOUND), httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{await port}"
            await client.get(f"{url}/healthz")
            stop.set()
            while (await client.get(f"{url}/healthz")).status_code == 200:
                pass
            still = await client.get(f"{url}/openapi.json")
            serving.cancel()
            await asyncio.wait((serving,))

    assert still.status_code == 200


async def test_probes_are_answered_at_their_own_port_until_it_has_drained(settings):
    stop, own = asyncio.Event(), free_port()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    slow = settings.model_copy(update={"drain_delay": 600.0, "health_port": own})

    async with built(slow, SERVICES, title="The library", version="1") as gateway:
        serving = asyncio.create_task(serve_until(stop, gateway, slow, port.set_result))
        async with asyncio.timeout(BOUND), httpx.AsyncClient() as client:
            await port
            url = f"http://127.0.0.1:{own}/healthz"
            well = await client.get(url)
            stop.set()
            while (draining := await client.get(url)).status_code == 200:
                pass
            serving.cancel()
            await asyncio.wait((serving,))

    assert well.json() == {"status": "ok"}
    assert draining.json() == {"status": "draining"}


@pytest.mark.parametrize(
    ("services", "changes", "says"),
    [
        (SERVICES, {"contracts": "nowhere.binpb"}, "nowhere.binpb: no such file"),
        ({"shop.v1.Nothing": Exposed(name="x", target="a:1")}, {}, "shop.v1.Nothing"),
        ({LIBRARY: Exposed(name="library", target="")}, {}, "PLAIT_TARGET_LIBRARY"),
        (SERVICES, {"user_jwks": "grpc:nowhere"}, "PLAIT_USER_JWKS"),
    ],
)
async def test_what_cannot_start_says_why(settings, services, changes, says):
    wrong = settings.model_copy(update=changes)

    with pytest.raises(CannotStart, match=says):
        async with built(wrong, services, title="", version=""):
            pass


async def test_it_asks_a_service_for_the_keys_of_users_and_lets_go_of_it(settings, monkeypatch):
    key, stranger = (OKPKey.generate_key("Ed25519", auto_kid=True) for _ in range(2))
    identity = Identity(key)
    trusting = settings.model_copy(update={"user_jwks": f"grpc:identity{GET_JWKS}"})
    found = []
    async with issuing(identity) as running:
        monkeypatch.setenv("PLAIT_TARGET_IDENTITY", running.target)
        async with built(trusting, SERVICES, title="", version="1") as gateway:
            transport = httpx.ASGITransport(gateway)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                for each in (key, stranger):
                    token = sign_user_token(each, "users/u1", life=MINUTE, clock=SystemClock())
                    headers = {"authorization": f"Bearer {token}"}
                    found.append(await client.get("/v1/shelves/s1/books/b1", headers=headers))

    assert [answer.status_code for answer in found] == [503, 401]  # no library is there
    assert len(identity.asked) == 2
    assert gateway._verifier._users._trust.keys._source._channel._inner is None


async def test_without_the_keys_of_users_it_says_so_and_when_to_come_back(settings, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("PLAIT_TARGET_IDENTITY", f"127.0.0.1:{port}")
    trusting = settings.model_copy(update={"user_jwks": f"grpc:identity{GET_JWKS}"})
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    token = sign_user_token(key, "users/u1", life=MINUTE, clock=SystemClock())
    async with built(trusting, SERVICES, title="", version="1") as gateway:
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get(
                "/v1/shelves/s1/books/b1", headers={"authorization": f"Bearer {token}"}
            )

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "KEYS_UNAVAILABLE",
        "domain": "gateway",
    }


async def test_a_taken_port_ends_it(settings):
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async with built(settings, SERVICES, title="", version="1") as gateway:
        serving = asyncio.create_task(serve_until(stop, gateway, settings, port.set_result))
        taken = settings.model_copy(update={"port": await port})

        with pytest.raises(CannotListen, match="set PORT to another port"):
            await serve_until(asyncio.Event(), gateway, taken)

        stop.set()
        async with asyncio.timeout(BOUND):
            await serving


@pytest.fixture
def process_log(monkeypatch):
    """What a process does to its logs is undone afterwards."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = before
    root.setLevel(level)


class Signals(logging.Handler):
    """Sends this process signals as soon as it says that it listens."""

    def __init__(self, *numbers: signal.Signals) -> None:
        super().__init__()
        self.numbers = numbers
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        if record.getMessage().startswith("listening on port"):
            for number in self.numbers:
                asyncio.get_running_loop().call_soon(signal.raise_signal, number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal(process_log, settings, number):
    signals = Signals(number)
    process_log.addHandler(signals)

    run(settings, SERVICES, title="The library", version="1")

    assert "asked twice" not in " ".join(signals.said)


def test_a_second_signal_ends_the_waiting(process_log, settings):
    signals = Signals(signal.SIGTERM, signal.SIGINT)
    process_log.addHandler(signals)
    slow = settings.model_copy(update={"drain_delay": 600.0})

    run(slow, SERVICES, title="The library", version="1")

    assert any("asked twice" in said for said in signals.said)


def test_without_uvloop_the_loop_of_python_serves(process_log, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    process_log.addHandler(Signals(signal.SIGTERM))

    run(settings, SERVICES, title="The library", version="1")


@pytest.mark.usefixtures("process_log")
@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (CannotStart("no contracts"), "gateway cannot start: no contracts\n"),
        (CannotListen("port taken"), "gateway cannot start: port taken\n"),
        (ServerStopped("by itself"), "gateway has ended: by itself\n"),
    ],
)
def test_a_failure_is_one_sentence_and_exit_code_1(settings, monkeypatch, capsys, failure, says):
    async def fails(*_):
        raise failure

    monkeypatch.setattr(process, "serve_until", fails)

    with pytest.raises(SystemExit) as ended:
        run(settings, SERVICES, title="", version="1")

    assert ended.value.code == 1
    assert capsys.readouterr().err.endswith(says)


async def started(**environment: str) -> asyncio.subprocess.Process:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PLAIT_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={
            **keep,
            "PORT": "0",
            "PLAIT_DRAIN_DELAY": "0",
            "PLAIT_DRAIN_GRACE": "1",
            **environment,
        },
    )


async def test_a_process_drains_on_sigterm_and_exits_in_silence(contracts):
    running = await started(PLAIT_CONTRACTS=str(contracts))
    assert running.stderr is not None
    try:
        async with asyncio.timeout(30):
            while b"listening on port" not in await running.stderr.readline():
                pass

            running.send_signal(signal.SIGTERM)

            rest = await running.stderr.read()
            assert await running.wait() == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    assert b"Traceback" not in rest


async def test_a_process_that_cannot_start_says_so_in_one_sentence():
    running = await started(PLAIT_CONTRACTS="nowhere.binpb")
    async with asyncio.timeout(30):
        _, said = await running.communicate()

    assert running.returncode == 1
    assert said.decode().startswith("gateway cannot start: the contracts cannot be read from")
    assert b"Traceback" not in said
