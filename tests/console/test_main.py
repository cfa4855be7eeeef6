import asyncio
import os
import signal
import smtplib
import socket
import subprocess
import sys

import httpx
import pytest

from plait.console.mail.mailbox import Mailbox
from plait.console.main import run
from plait.console.settings import ConsoleSettings

BOUND = 20
TAKEN = [("port", "PORT"), ("otlp_port", "PLAIT_OTLP_PORT"), ("smtp_port", "PLAIT_SMTP_PORT")]


async def test_pages_and_receiver_answer_on_their_ports(console):
    assert (await console.client.get("/healthz")).json() == {"status": "ok"}
    assert (await console.export(b"")).status_code == 200
    assert (await console.client.get("/api/traces")).json()["otlp_endpoint"] == console.otlp


async def test_a_page_of_the_web_reaches_neither_of_them(console):
    foreign = {"host": "evil.example"}

    assert (await console.client.get("/api/traces", headers=foreign)).status_code == 421
    assert (await console.export(b"", **foreign)).status_code == 421


async def test_without_the_receiver_only_the_pages_are_there(start_console):
    console = await start_console(otlp=False)

    assert console.otlp == ""
    assert (await console.client.get("/api/traces")).json()["otlp_endpoint"] == ""


async def test_without_a_port_for_it_no_mail_is_taken(console):
    assert console.smtp == ""
    assert (await console.client.get("/api/mail")).json()["smtp"] == ""


async def send(address: str, text: str) -> None:
    host, _, port = address.rpartition(":")

    def act() -> None:
        with smtplib.SMTP(host, int(port), timeout=BOUND) as client:
            client.sendmail("shop@x", ["ada@x"], text)

    await asyncio.to_thread(act)


async def test_mail_is_taken_shown_and_outlives_the_console(start_console, tmp_path):
    mailbox = {"smtp_port": 0, "mail_folder": str(tmp_path / "mail")}
    first = await start_console(**mailbox)

    await send(first.smtp, "Subject: Hello\n\nAda")

    latest = await first.client.get("/api/mail/latest", params={"to": "ada@x"})
    assert latest.json()["subject"] == "Hello"
    again = await start_console(**mailbox)
    assert (await again.client.get("/api/mail")).json()["mails"][0]["subject"] == "Hello"


async def test_whoever_waits_for_mail_does_not_hold_up_the_end(monkeypatch):
    asked, ready, stop = (
        asyncio.Event(),
        asyncio.get_running_loop().create_future(),
        asyncio.Event(),
    )

    class Watched(Mailbox):
        async def arrival(self, **wanted):
            asked.set()
            return await super().arrival(**wanted)

    monkeypatch.setattr("plait.console.main.Mailbox", Watched)
    serving = asyncio.create_task(run(ConsoleSettings(port=0, otlp=False), stop, ready.set_result))
    pages = (await ready).pages
    async with httpx.AsyncClient(timeout=BOUND) as client, asyncio.timeout(BOUND):
        waiting = asyncio.create_task(client.get(f"{pages}/api/mail/latest?wait=30"))
        await asked.wait()

        stop.set()

        assert (await waiting).status_code == 404
        await serving


@pytest.mark.parametrize(("taken", "setting"), TAKEN)
async def test_a_taken_port_is_an_error_that_names_the_setting(taken, setting):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"port": 0, "otlp_port": 0, "smtp_port": 0, taken: other.getsockname()[1]}

        async with asyncio.timeout(BOUND):
            with pytest.raises(ExceptionGroup) as failed:
                await run(ConsoleSettings(**ports), asyncio.Event())

    (error,) = failed.value.exceptions
    assert f"set {setting} to another port" in str(error)


async def test_ipv6_loopback_is_written_with_brackets(start_console):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    console = await start_console(host="::1")

    assert console.otlp.startswith("http://[::1]:")
    assert (await console.client.get("/healthz")).status_code == 200


def start(**environment: str) -> subprocess.Popen[str]:
    keep = {
        name: value for name, value in os.environ.items() if not name.startswith(("PLAIT_", "PORT"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "plait.console.main"],
        env=keep | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_until_it_is_asked_to_stop(number):
    process = start(PORT="0", PLAIT_OTLP_PORT="0")
    try:
        said = process.stderr.readline()
        address = said.partition("console at ")[2].partition(",")[0]
        assert httpx.get(f"{address}/healthz", timeout=BOUND).status_code == 200

        process.send_signal(number)

        assert process.wait(BOUND) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("name", "value"), [("PORT", "none"), ("PLAIT_CONSOLE_BYTES", "1")])
def test_a_wrong_setting_ends_the_process_with_a_sentence_that_names_it(name, value):
    process = start(**{"PORT": "0", "PLAIT_OTLP_PORT": "0", name: value})

    _, said = process.communicate(timeout=BOUND)

    assert process.returncode == 2
    assert said.startswith(f"{name}: ")
    assert said.count("\n") == 1


def test_a_taken_port_ends_the_process_with_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = start(PORT=str(other.getsockname()[1]), PLAIT_OTLP_PORT="0")

        _, said = process.communicate(timeout=BOUND)

    assert process.returncode == 1
    assert said.startswith("console: cannot listen on 127.0.0.1:")
    assert said.count("\n") == 1
