"""Requests that are made, checked and shown."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console

from plait.cli.exchange import Request, WalkFailed
from plait.cli.walk import Walk


class Handler(BaseHTTPRequestHandler):
    """Says what it got; /bare says nothing of a trace, /events what the test has put there."""

    status = 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404 if self.path == "/missing" else self.status)
        self.send_header("Content-Type", self.headers.get("Accept", "application/json"))
        if self.path != "/bare":
            self.send_header("X-Trace-Id", "a" * 32)
        self.end_headers()
        events = self.server.events if self.path == "/events" else b""
        self.wfile.write(events or body or self.server.answer)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))

    do_GET = do_POST  # noqa: N815 - http.server calls it so

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        made.seen = []
        made.events = b""
        made.answer = b'{"ok": true}'
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=300)


@pytest.fixture
def walk(server, console):
    made = Walk(
        console,
        gateway=f"http://127.0.0.1:{server.server_port}",
        targets={"a.v1.A": "127.0.0.1:9092"},
        page="http://127.0.0.1:8090",
    )
    made.variables["TOKEN"] = "t1"
    return made


GET = Request(verb="GET", path="/v1/a?b=c%20d", rpc="a.v1.A/Get", message=[{"name": "a"}])


def test_a_step_is_shown_as_curl_as_grpcurl_and_as_a_trace(walk, console, server):
    response = walk.step("Read it", GET)

    lines = console.file.getvalue().splitlines()
    assert response.json == {"ok": True}
    assert lines == [
        "",
        "1. Read it",
        f"curl 'http://127.0.0.1:{server.server_port}/v1/a?b=c%20d'",
        'grpcurl -plaintext -d \'{"name": "a"}\' 127.0.0.1:9092 a.v1.A/Get',
        '-> 200 {"ok": true}',
        f"   http://127.0.0.1:8090/traces/{'a' * 32}",
    ]


def test_the_token_goes_along_and_is_not_shown(walk, console, server):
    walk.step(
        "Write",
        Request(
            verb="POST", path="/v1/a", rpc="a.v1.A/Set", body={"refreshToken": "$TOKEN"}, by="TOKEN"
        ),
    )

    _, _, headers, body = server.seen[0]
    assert headers["Authorization"] == "Bearer t1"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"refreshToken": "t1"}
    assert "t1" not in console.file.getvalue()
    assert "$TOKEN" in console.file.getvalue()


def test_an_unexpected_status_ends_the_walk(walk):
    with pytest.raises(WalkFailed, match=r"step 1 \(Read\): expected the status 200, found 404"):
        walk.step("Read", Request(verb="GET", path="/missing", rpc="a.v1.A/Get"))


def test_an_expected_error_is_fine(walk):
    request = Request(verb="GET", path="/missing", rpc="a.v1.A/Get")

    assert walk.step("Read", request, expect=404).status == 404


def test_an_answer_without_a_trace_ends_the_walk(walk):
    with pytest.raises(WalkFailed, match="has no X-Trace-Id header"):
        walk.step("Read", Request(verb="GET", path="/bare", rpc="a.v1.A/Get"))


def test_what_is_not_as_expected_ends_the_walk(walk):
    walk.step("Read", GET)
    walk.expect("the name", found=1, wanted=1)

    with pytest.raises(WalkFailed, match="step 1: the name: expected 2, found 1"):
        walk.expect("the name", found=1, wanted=2)


def test_a_gateway_that_is_not_there_ends_the_walk(console):
    walk = Walk(console, gateway="http://127.0.0.1:1", targets={}, page="http://127.0.0.1:1")

    with pytest.raises(WalkFailed, match=r"GET /v1/a.*: no answer"):
        walk.silently(GET)
    with pytest.raises(WalkFailed, match=r"GET /v1/a.*: no answer"), walk.stream("Watch", GET):
        pytest.fail("there is no stream")
    with pytest.raises(WalkFailed, match=r"GET /api/mail/latest.*: no answer"):
        walk.mail("Read the mail", "ada@example.org")


WATCH = Request(verb="GET", path="/events", rpc="a.v1.A/Watch", accept="text/event-stream")


def test_a_stream_is_shown_event_by_event(walk, console, server):
    server.events = b': still here\n\nid: 7\ndata: {"n":\ndata: 1}\n\ndata: {"n": 2}\n\n'

    with walk.stream("Watch it", WATCH) as events:
        found = [events.next(), events.next()]

    assert found == [{"n": 1}, {"n": 2}]
    lines = console.file.getvalue().splitlines()
    assert lines[1:3] == [
        "1. Watch it",
        f"curl -N -H 'Accept: text/event-stream' http://127.0.0.1:{server.server_port}/events",
    ]
    assert lines[4] == "-> 200 (a stream)"
    assert lines[6:] == ['   {"n":1}', '   {"n": 2}']


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (b"data: {}\n", "the end of the stream"),
        (b"event: end\ndata: {}\n\n", "the event end: {}"),
        (b'event: error\ndata: {"error": 1}\n\n', 'the event error: {"error": 1}'),
    ],
)
def test_a_stream_that_brings_no_further_message_ends_the_walk(walk, server, events, found):
    server.events = b"data: {}\n\n" + events

    with walk.stream("Watch it", WATCH) as stream:
        stream.next()
        with pytest.raises(WalkFailed, match=f"expected a further message, found {found}"):
            stream.next()


def test_a_stream_that_only_says_that_it_is_there_ends_the_walk(walk, server, monkeypatch):
    server.events = b": still here\n\n" * 1000
    moments = iter(range(0, 1000, 10))
    monkeypatch.setattr("plait.cli.walk.time.monotonic", lambda: next(moments))

    with (
        walk.stream("Watch it", WATCH) as stream,
        pytest.raises(WalkFailed, match="expected a further message within 30 s, found none"),
    ):
        stream.next()


def test_a_stream_that_is_refused_ends_the_walk(walk):
    missing = Request(verb="GET", path="/missing", rpc="a.v1.A/Watch")

    with (
        pytest.raises(WalkFailed, match=r"step 1 \(Watch\): expected the status 200, found 404"),
        walk.stream("Watch", missing),
    ):
        pytest.fail("there is no stream")


def reading(walk, server):
    walk._page = f"http://127.0.0.1:{server.server_port}"
    return walk.mail("Read the mail", "ada@example.org")


def test_a_mail_is_waited_for_at_the_console(walk, server, console):
    mail = {"id": "0a", "subject": "Hello", "preview": "Ada, ...", "text": "Ada, welcome"}
    server.answer = json.dumps(mail).encode()

    assert reading(walk, server) == mail

    page = f"http://127.0.0.1:{server.server_port}"
    assert console.file.getvalue().splitlines()[1:] == [
        "1. Read the mail",
        f"curl '{page}/api/mail/latest?to=ada@example.org&wait=10'",
        "-> Hello: Ada, ...",
        f"   {page}/mail/0a",
    ]


def test_a_mail_that_does_not_come_ends_the_walk(walk, server, monkeypatch):
    monkeypatch.setattr("plait.cli.walk._MAIL", "0")
    monkeypatch.setattr(Handler, "status", 404)

    with pytest.raises(WalkFailed, match=r"step 1 \(Read the mail\): found no mail: "):
        reading(walk, server)


def test_a_line_to_copy_is_shown_as_it_is(walk, console):
    walk.copy("TOKEN=$(plait login --admin --print-token)")

    assert console.file.getvalue() == "TOKEN=$(plait login --admin --print-token)\n"
