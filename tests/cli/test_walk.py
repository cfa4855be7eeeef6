"""Requests that are made, checked and shown."""

import io
import shlex
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console

from plait.cli.walk import Request, Response, Walk, WalkFailed, curl_of, grpcurl_of, shown


class Handler(BaseHTTPRequestHandler):
    """Says what it got; /bare says nothing of a trace."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", self.headers.get("Accept", "application/json"))
        if self.path != "/bare":
            self.send_header("X-Trace-Id", "a" * 32)
        self.end_headers()
        self.wfile.write(body or b'{"ok": true}')
        self.server.seen.append((self.command, self.path, dict(self.headers), body))

    do_GET = do_POST  # noqa: N815 - http.server calls it so

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        made.seen = []
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
    return Walk(
        console,
        gateway=f"http://127.0.0.1:{server.server_port}",
        target="127.0.0.1:9092",
        traces="http://127.0.0.1:8090",
        token="t1",
    )


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
        "Write", Request(verb="POST", path="/v1/a", rpc="a.v1.A/Set", body={"a": 1}, admin=True)
    )

    _, _, headers, body = server.seen[0]
    assert headers["Authorization"] == "Bearer t1"
    assert headers["Content-Type"] == "application/json"
    assert body == b'{"a": 1}'
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
    walk = Walk(console, gateway="http://127.0.0.1:1", target="", traces="", token="")

    with pytest.raises(WalkFailed, match=r"GET /v1/a.*: no answer"):
        walk.silently(GET)


def test_what_is_no_json_ends_the_walk():
    with pytest.raises(WalkFailed, match="expected JSON, found b'<p>'"):
        _ = Response(status=200, body=b"<p>").json


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (GET, ["curl", "http://g/v1/a?b=c%20d"]),
        (
            Request(verb="PATCH", path="/a", rpc="", body={"it's": "é"}),
            [
                *("curl", "-X", "PATCH", "-H", "Content-Type: application/json"),
                *("--data-binary", '{"it\'s": "é"}', "http://g/a"),
            ],
        ),
        (
            Request(
                verb="POST", path="/a", rpc="", body="{}\n{}\n", content_type="x/y", accept="z"
            ),
            [
                *("curl", "-X", "POST", "-H", "Content-Type: x/y", "-H", "Accept: z"),
                *("--data-binary", "{}\n{}\n", "http://g/a"),
            ],
        ),
        (
            Request(verb="PUT", path="/a", rpc="", body=b"\x00", content_type="x/y", admin=True),
            [
                *("echo", "AA==", "|", "base64", "-d", "|", "curl", "-X", "PUT"),
                *("-H", "Authorization: Bearer $TOKEN", "-H", "Content-Type: x/y"),
                *("--data-binary", "@-", "http://g/a"),
            ],
        ),
    ],
)
def test_a_request_as_curl_is_what_a_shell_makes_the_same_of(request_, words):
    assert shlex.split(curl_of(request_, "http://g")) == words


def test_a_request_as_grpcurl_has_each_message():
    request = Request(verb="POST", path="", rpc="a.v1.A/Set", message=[{"a": 1}, {}], admin=True)

    assert shlex.split(grpcurl_of(request, "h:1")) == [
        *("grpcurl", "-plaintext", "-H", "authorization: Bearer $TOKEN"),
        *("-d", '{"a": 1} {}', "h:1", "a.v1.A/Set"),
    ]
    assert grpcurl_of(Request(verb="GET", path="", rpc="a.v1.A/Get"), "h:1") == (
        "grpcurl -plaintext h:1 a.v1.A/Get"
    )


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json", b"", "(no body)"),
        ("application/json", b'{\n  "a": 1}', '{ "a": 1}'),
        ("image/png", b"12345", "(5 bytes of image/png)"),
        ("", b"12345", "(5 bytes of something)"),
        ("text/plain", b"x" * 300, "x" * 300),
        ("text/plain", b"x" * 301, "x" * 300 + " ... (301 bytes)"),
    ],
)
def test_an_answer_is_shown_in_one_line(kind, body, text):
    assert shown(Response(status=200, headers={"content-type": kind}, body=body)) == text
