"""The spans of a call as a tree."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from plait.cli import trace as module
from plait.cli.trace import traced, tree
from plait.mesh.call import Call, Side
from plait.mesh.method import Method


def row(name: str, depth: int, service: str, **more):
    return {"name": name, "depth": depth, "service": service, "duration_nanos": 1_500_000, **more}


def found(*rows, complete: bool = True):
    return {"complete": complete, "spans": len(rows), "waterfall": {"rows": list(rows)}}


CLIENT = row("a.v1.A/Get", 0, "plait call")
SERVER = row("a.v1.A/Get", 1, "a", error=True, code="NOT_FOUND")


class Collector(BaseHTTPRequestHandler):
    """A console that answers what it is told to, one answer after the other."""

    def do_GET(self):
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def console(monkeypatch):
    monkeypatch.setattr(module, "_LOOK", 0.001)
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    with HTTPServer(("127.0.0.1", 0), Collector) as made:
        made.answers = [(404, {})]
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def address(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def act(stack) -> int:
    """Make two calls: to reflection, which is not traced, and to a service."""

    async def calls() -> None:
        for service in ("grpc.reflection.v1alpha.ServerReflection", "a.v1.A"):
            method = Method(
                service=service, name="Get", client_streaming=False, server_streaming=False
            )
            async with stack[0](Call(method=method, side=Side.CLIENT)):
                pass

    asyncio.run(calls())
    return 1


def run(console, page: str = "") -> int:
    return traced((page or address(console), address(console)), act)


def test_the_spans_are_a_tree_with_durations_services_and_errors():
    lost = {"depth": 2, "duration_nanos": 0}

    assert tree(found(CLIENT, SERVER, lost)) == (
        "  a.v1.A/Get              1.500 ms  plait call\n"
        "    a.v1.A/Get            1.500 ms  a  NOT_FOUND\n"
        "      (not received)      0.000 ms  \n"
    )


def test_a_trace_is_waited_for_until_it_is_complete_and_does_not_grow(console, capsys):
    console.answers = [
        (404, {}),
        (200, found(CLIENT)),
        (200, found(CLIENT, SERVER)),
        (200, found(CLIENT, SERVER)),
    ]

    code = run(console)

    said = capsys.readouterr().out
    assert code == 1
    assert said.count("a.v1.A/Get") == 2
    assert said.startswith(f"trace {address(console)}/traces/")
    assert said.count("trace ") == 1  # none of reflection


def test_what_is_there_after_some_seconds_is_shown(console, capsys):
    console.answers = [(200, found(CLIENT, complete=False))]

    run(console)

    assert "plait call" in capsys.readouterr().out


def test_spans_that_do_not_arrive_leave_the_link(console, capsys):
    run(console)

    said = capsys.readouterr().out
    assert "its spans have not arrived yet; later: http://127.0.0.1:" in said


@pytest.mark.parametrize("status", [403, 500])
def test_a_console_that_refuses_is_named(console, capsys, status):
    console.answers = [(status, {})]

    run(console)

    assert f"does not answer (it answers {status}" in capsys.readouterr().out


def test_a_console_that_is_not_there_is_named(console, capsys):
    assert run(console, "http://127.0.0.1:1") == 1

    assert "the console at http://127.0.0.1:1 does not answer" in capsys.readouterr().out
