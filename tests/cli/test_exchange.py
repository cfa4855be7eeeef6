"""A request and its answer, and how both are shown."""

import shlex

import pytest

from plait.cli.exchange import (
    Request,
    Response,
    WalkFailed,
    curl_of,
    filled,
    grpcurl_of,
    shown,
)

GET = Request(verb="GET", path="/v1/a?b=c%20d", rpc="a.v1.A/Get", message=[{"name": "a"}])


def test_what_is_no_json_ends_the_walk():
    with pytest.raises(WalkFailed, match="expected JSON, found b'<p>'"):
        _ = Response(status=200, body=b"<p>").json


def test_an_error_says_why():
    body = b'{"error": {"details": [{"@type": "x"}, {"reason": "NO_SUCH"}, {"reason": "LATER"}]}}'

    assert Response(status=404, body=body).reason == "NO_SUCH"


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"error": {"details": [{}]}}', b'{"error": 1}'])
def test_an_answer_that_is_no_error_has_no_reason(body):
    with pytest.raises(WalkFailed, match="expected an error with a reason, found "):
        _ = Response(status=404, body=body).reason


@pytest.mark.parametrize("line", [curl_of, grpcurl_of])
def test_a_variable_is_filled_in_by_the_shell_and_nothing_else_is(line):
    value = {"token": "$TOKEN", "old": "$TOKEN_2", "price": "$5 and $HOME", "it's": "`x`"}
    request = Request(verb="POST", path="/a", rpc="a.A/B", message=[value], body=value)

    text = line(request, "http://g", ["TOKEN", "TOKEN_2"])

    (word,) = [word for word in shlex.split(text) if word.startswith("{")]
    assert word == (
        '{"token": "$TOKEN", "old": "$TOKEN_2", "price": "$5 and $HOME", "it\'s": "`x`"}'
    )
    assert """'"$TOKEN"'""" in text
    assert """'"$TOKEN_2"'""" in text
    assert """"$HOME"'""" not in text


def test_a_stream_is_not_held_back_by_curl():
    request = Request(verb="GET", path="/a", rpc="", accept="text/event-stream")

    assert shlex.split(curl_of(request, "http://g"))[:2] == ["curl", "-N"]


def test_without_variables_nothing_is_filled_in():
    assert filled("$TOKEN", [], str.lower) == "$TOKEN"
    assert filled("$TOKEN and $TOKEN_2", ["TOKEN"], str.lower) == "token and $TOKEN_2"


def test_tokens_are_not_shown():
    body = b'{"user": "users/u1", "accessToken": "sesame", "refreshToken":"sesame"}'
    answer = Response(status=201, headers={"content-type": "application/json"}, body=body)

    assert shown(answer) == '{"user": "users/u1", "accessToken": "...", "refreshToken":"..."}'


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
            Request(verb="PUT", path="/a", rpc="", body=b"\x00", content_type="x/y", by="TOKEN"),
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
    request = Request(verb="POST", path="", rpc="a.v1.A/Set", message=[{"a": 1}, {}], by="TOKEN")

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
