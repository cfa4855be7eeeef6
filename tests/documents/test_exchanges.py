"""How a page's HTTP examples are read."""

import pytest

from tests.documents.exchanges import exchanges

REQUEST = "```http\nPOST /v1/a?b=c\nAccept: */*\n\n{}\n```\n"
ANSWER = "```http\nHTTP/1.1 200 OK\nX-Id: a: b\n\nline\n\nline\n```\n"


def test_a_request_is_read_with_the_answer_behind_it():
    (found,) = exchanges(f"# Page\n\n{REQUEST}\n{ANSWER}")

    assert (found.verb, found.path, found.status) == ("POST", "/v1/a?b=c", 200)
    assert (found.request.headers, found.request.body) == ({"accept": "*/*"}, "{}\n")
    assert (found.answer.headers, found.answer.body) == ({"x-id": "a: b"}, "line\n\nline\n")
    assert str(found) == "line-3"


def test_a_message_may_be_a_line_alone():
    (found,) = exchanges("```http\nGET /\n```\n```http\nHTTP/1.1 204 No Content\n```\n")

    assert (found.request.headers, found.request.body) == ({}, "")
    assert (found.status, found.answer.body) == (204, "")


def test_other_blocks_are_not_http():
    assert exchanges("```sh\ncurl x\n```\n```text\nHTTP/1.1 200 OK\n```\n") == []


@pytest.mark.parametrize(
    "page", [REQUEST, ANSWER, REQUEST + REQUEST, ANSWER + REQUEST, REQUEST + ANSWER + REQUEST]
)
def test_what_is_no_pair_is_refused(page):
    with pytest.raises(ValueError, match=r"line \d+: expected"):
        exchanges(page)


@pytest.mark.parametrize("start", ["HTTP/1.1 200 Fine", "HTTP/2 200 OK", "HTTP/1.1 OK"])
def test_a_status_is_written_as_http_writes_it(start):
    (found,) = exchanges(f"{REQUEST}```http\n{start}\n```\n")

    with pytest.raises(AssertionError, match="line 7"):
        _ = found.status
