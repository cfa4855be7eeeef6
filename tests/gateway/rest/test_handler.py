"""Requests over HTTP become calls, and their answers HTTP again: the rules of REST, one by one."""

import asyncio
import json

import pytest

from plait.errors import Aborted, AlreadyExists, Code, Internal, ResourceExhausted, error_class
from plait.gateway.app import Edge
from plait.gateway.edge.headers import networks
from plait.gateway.edge.limits import Limits
from plait.gateway.rest.handler import Passing
from tests.gateway.live import BOUND, live

BOOK = "/v1/shelves/s1/books/b1"


@pytest.fixture
async def shop(library, message_class, tmp_path):
    async with live(library, message_class, tmp_path) as running:
        yield running


@pytest.fixture
def with_edge(library, message_class, tmp_path):
    """Run a gateway with another edge."""
    return lambda **parts: live(library, message_class, tmp_path, edge=Edge(**parts))


def reason(answer) -> str:
    """The reason of an error in the form of AIP-193."""
    return answer.json()["error"]["details"][0]["reason"]


async def test_a_get_is_a_call_and_its_message_is_json(shop):
    answer = await shop.client.get(BOOK)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"name": "shelves/s1/books/b1", "title": "Emma", "etag": "e1"}


async def test_head_is_get_without_the_body(shop):
    get, head = await shop.client.get(BOOK), await shop.client.head(BOOK)

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


async def test_head_of_a_stream_has_its_headers_and_ends_the_call(shop):
    ended = asyncio.Event()

    async def endless(request, asked):
        try:
            while True:
                yield asked.make("WatchBooksResponse", book={"title": "again"})
        finally:
            ended.set()

    shop.on("WatchBooks", endless)

    answer = await shop.client.head("/v1/shelves/s1/books:watch")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content == b""
    async with asyncio.timeout(BOUND):
        await ended.wait()


async def test_options_answers_by_itself_with_allow(shop):
    answer = await shop.client.options(BOOK)

    assert answer.status_code == 204
    assert set(answer.headers["allow"].split(", ")) == {
        "DELETE",
        "GET",
        "HEAD",
        "OPTIONS",
        "PATCH",
    }
    assert shop.backend.calls == []


async def test_an_unknown_route_is_404(shop):
    answer = await shop.client.get("/v1/nothing/here")

    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"
    assert reason(answer) == "ROUTE_NOT_FOUND"


async def test_options_of_an_unknown_route_is_404(shop):
    assert (await shop.client.options("/v1/nothing/here")).status_code == 404


async def test_the_wrong_method_is_405_with_allow(shop):
    answer = await shop.client.put(BOOK, json={})

    assert answer.status_code == 405
    assert "PATCH" in answer.headers["allow"]
    assert answer.json()["error"]["code"] == 405


async def test_a_method_without_an_http_rule_is_not_reachable(shop):
    for path in ("/plait.testing.v1.LibraryService/Reindex", "/v1/reindex"):
        assert (await shop.client.post(path, json={})).status_code == 404


async def test_a_service_that_is_not_listed_is_not_reachable(shop):
    assert (await shop.client.get("/v1/secrets/x")).status_code == 404


async def test_a_trailing_slash_is_another_path(shop):
    assert (await shop.client.get(f"{BOOK}/")).status_code == 404


async def test_an_encoded_slash_stays_within_its_segment(shop):
    answer = await shop.client.get("/v1/files/a/b%2Fc")

    assert answer.json() == {"path": "a/b%2Fc"}


async def test_a_malformed_escape_is_400(shop):
    answer = await shop.raw(b"GET /v1/files/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"MALFORMED_PATH" in answer


async def test_a_create_is_201_with_location(shop):
    answer = await shop.client.post(
        "/v1/shelves/s1/books?bookId=b2", json={"title": "Persuasion"}, headers=shop.token()
    )

    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/shelves/s1/books/b2"
    assert answer.json()["title"] == "Persuasion"


async def test_a_long_running_act_is_202(shop):
    shop.on("ArchiveBook", shop.backend.acts["GetBook"])

    answer = await shop.client.post(f"{BOOK}:archive", json={}, headers=shop.token())

    assert answer.status_code == 202


async def test_a_delete_is_204_without_a_body(shop):
    answer = await shop.client.delete(BOOK, headers=shop.token("librarian"))

    assert answer.status_code == 204
    assert answer.content == b""
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers


async def test_a_field_goes_into_a_header_and_comes_from_a_header_and_a_cookie(shop):
    answer = await shop.client.get(
        "/v1/preferences?language=de", headers={"x-tenant": "t1", "cookie": "theme=3"}
    )

    assert answer.json() == {"tenant": "t1", "theme": 3, "language": "de"}
    assert answer.headers["x-revision"] == "7"


async def test_a_line_break_in_a_field_does_not_break_out_of_its_header(shop):
    async def hostile(request, asked):
        body = asked.message("google.api.HttpBody")
        return body(content_type="text/plain\r\nx-injected: 1", data=b"x")

    shop.on("GetCover", hostile)

    answer = await shop.client.get(f"{BOOK}/cover")

    assert answer.status_code == 200
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize(
    ("code", "http"),
    [
        (Code.INVALID_ARGUMENT, 400),
        (Code.UNAUTHENTICATED, 401),
        (Code.PERMISSION_DENIED, 403),
        (Code.NOT_FOUND, 404),
        (Code.ALREADY_EXISTS, 409),
        (Code.ABORTED, 409),
        (Code.FAILED_PRECONDITION, 400),
        (Code.OUT_OF_RANGE, 400),
        (Code.RESOURCE_EXHAUSTED, 429),
        (Code.CANCELLED, 499),
        (Code.UNIMPLEMENTED, 501),
        (Code.UNAVAILABLE, 503),
        (Code.DEADLINE_EXCEEDED, 504),
    ],
)
async def test_an_error_of_a_service_has_its_http_status_and_keeps_its_details(shop, code, http):
    async def fails(request, asked):
        raise error_class(code)("it went wrong", reason="WRONG", resource="books/1")

    shop.on("GetBook", fails)

    answer = await shop.client.get(BOOK)

    assert answer.status_code == http
    error = answer.json()["error"]
    assert (error["code"], error["status"], error["message"]) == (http, code.name, "it went wrong")
    assert reason(answer) == "WRONG"
    assert error["details"][0]["domain"] == "library.test"


async def test_a_bug_of_a_service_says_nothing_of_itself(shop):
    async def fails(request, asked):
        raise Internal("password=hunter2 at 10.0.0.1")

    shop.on("GetBook", fails)

    answer = await shop.client.get(BOOK)

    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_an_error_is_a_problem_for_those_who_accept_problems(shop):
    answer = await shop.client.get(
        "/v1/shelves/s1/books/b9", headers={"accept": "application/problem+json"}
    )

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404
    assert answer.json()["reason"] == "BOOK_NOT_FOUND"


async def test_a_violated_constraint_names_field_and_rule(shop):
    answer = await shop.client.post(
        "/v1/shelves/s1/books",
        json={"title": "x" * 201, "authors": ["a"]},
        headers=shop.token(),
    )

    violations = answer.json()["error"]["details"][1]["fieldViolations"]
    assert answer.status_code == 400
    assert [(each["field"], each["reason"]) for each in violations] == [
        ("book.title", "string.max_len")
    ]


async def test_malformed_json_says_line_and_column(shop):
    answer = await shop.client.post(
        "/v1/shelves/s1/books", content=b'{\n  "title": oops}', headers=shop.token()
    )

    assert answer.status_code == 400
    assert reason(answer) == "MALFORMED_JSON"
    assert answer.json()["error"]["details"][0]["metadata"] == {"line": "2", "column": "12"}


async def test_an_unknown_field_is_refused_with_the_nearest_known_name(shop):
    answer = await shop.client.post(
        "/v1/shelves/s1/books", json={"titel": "Emma"}, headers=shop.token()
    )

    assert answer.status_code == 400
    assert "title" in answer.text


async def test_an_unknown_query_parameter_is_refused(shop):
    answer = await shop.client.get("/v1/shelves/s1/books?pagesize=3")

    assert answer.status_code == 400
    assert "pageSize" in answer.text


async def test_a_query_cannot_overwrite_what_the_path_binds(shop):
    answer = await shop.client.get(f"{BOOK}?name=shelves/s2/books/b2")

    assert answer.status_code == 400
    assert shop.backend.calls == []


async def test_what_the_client_does_not_accept_is_406(shop):
    answer = await shop.client.get(BOOK, headers={"accept": "text/html"})

    assert answer.status_code == 406
    assert shop.backend.calls == []


async def test_a_body_of_another_type_is_415(shop):
    answer = await shop.client.post(
        "/v1/shelves/s1/books",
        content=b"<book/>",
        headers={"content-type": "application/xml", **shop.token()},
    )

    assert answer.status_code == 415


async def test_a_body_where_none_is_taken_is_refused(shop):
    answer = await shop.client.request("GET", BOOK, json={"name": "x"})

    assert answer.status_code == 400


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413)])
async def test_a_body_is_bounded(with_edge, size, status):
    text = json.dumps({"text": "x" * (size - 11)}, separators=(",", ":")).encode()
    assert len(text) == size

    async with with_edge(limits=Limits(body=100)) as shop:
        answer = await shop.client.post("/v1/echo", content=text)

    assert answer.status_code == status


async def test_a_chunked_body_is_bounded_while_it_is_read(with_edge):
    async def long():
        for _ in range(100):
            yield b"x" * 1000

    async with with_edge(limits=Limits(body=5000)) as shop:
        answer = await shop.client.post("/v1/echo", content=long())

    assert answer.status_code == 413
    assert reason(answer) == "BODY_TOO_LARGE"


async def test_a_large_body_gets_its_answer_before_the_client_has_sent_it_all(shop):
    answer = await shop.client.post("/v1/echo", content=b"x" * (8 * 1024 * 1024))

    assert answer.status_code == 413


async def test_a_client_that_asks_first_is_not_asked_for_a_body_that_is_too_large(shop):
    answer = await shop.raw(
        b"POST /v1/echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\n"
        b"content-length: 999999999\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_that_stops_in_the_middle_is_408(with_edge):
    async with with_edge(limits=Limits(body_pause=0.1)) as shop:
        answer = await shop.raw(
            b"POST /v1/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
            b"content-length: 100\r\n\r\n{"
        )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"nothing more of the body came for 0.1 s" in answer
    assert b'"reason":"BODY_TIMED_OUT","domain":"gateway"' in answer


@pytest.mark.parametrize("head", [b"content-length: 100", b"transfer-encoding: chunked"])
async def test_a_get_refuses_a_body_at_its_first_byte(shop, head):
    chunk = b"1\r\nx\r\n" if b"chunked" in head else b"x"

    answer = await shop.raw(
        b"GET /v1/shelves/s1/books/b1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        + head
        + b"\r\n\r\n"
        + chunk
    )

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"body.unexpected" in answer
    assert not shop.backend.calls


async def test_a_get_may_announce_a_body_that_is_empty(shop):
    for body in (b"content-length: 0\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"):
        answer = await shop.raw(
            b"GET /v1/shelves/s1/books/b1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + body
        )

        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("wish", "limits"),
    [(b"0.1", Limits(body_pause=BOUND)), (b"100", Limits(body_pause=BOUND, body_time=0.1))],
)
async def test_a_body_that_trickles_is_408_within_its_bound(with_edge, wish, limits):
    async with with_edge(limits=limits) as shop:
        answer = await shop.trickle(
            b"POST /v1/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nrequest-timeout: "
            + wish
            + b"\r\ncontent-length: 1000000\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"was not complete after 0.1 s" in answer
    assert b'"reason":"BODY_TIMED_OUT","domain":"gateway"' in answer
    assert not shop.backend.calls


async def test_a_stream_that_trickles_is_408_within_its_bound(with_edge):
    async with with_edge(limits=Limits(body_pause=BOUND, stream_time=0.1)) as shop:
        answer = await shop.trickle(
            b"POST /v1/shelves/s1/books:import HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
            b"content-type: application/x-ndjson\r\ncontent-length: 1000000\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"reason":"BODY_TIMED_OUT","domain":"gateway"' in answer


async def test_what_the_body_took_of_the_clients_time_is_not_given_to_the_service(shop):
    left: list[float] = []

    async def echo(request, asked):
        left.append(asked.context.time_remaining())
        return request

    shop.on("Echo", echo)
    async with asyncio.timeout(BOUND):
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        writer.write(
            b"POST /v1/echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n"
            b"request-timeout: 1.75\r\ncontent-length: 2\r\n\r\n"
        )
        await reader.readuntil(b"100 Continue\r\n\r\n")  # the gateway waits for the body
        shop.clock.advance(1.5)
        writer.write(b"{}")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200")
    assert left[0] <= 0.25


async def test_a_message_of_the_largest_size_passes(shop):
    data = b"x" * (4 * 1024 * 1024 - 1024)

    answer = await shop.client.put(f"{BOOK}/cover", content=data)

    assert answer.json()["pageCount"] == str(len(data))


async def test_a_message_that_grpc_would_not_send_is_too_large_too(shop):
    data = b"x" * (4 * 1024 * 1024)

    one = await shop.client.put(f"{BOOK}/cover", content=data)
    stream = await shop.client.post(
        "/v1/shelves/s1/books:import",
        content=json.dumps({"title": "x" * (4 * 1024 * 1024 - 12)}, separators=(",", ":")),
        headers={"content-type": "application/x-ndjson"},
    )

    assert (one.status_code, reason(one)) == (413, "BODY_TOO_LARGE")
    assert (stream.status_code, reason(stream)) == (413, "BODY_TOO_LARGE")


async def test_bytes_go_up_and_come_down_as_they_are(shop):
    data = bytes(range(256)) * 100

    up = await shop.client.put(
        f"{BOOK}/cover", content=data, headers={"content-type": "image/webp"}
    )
    down = await shop.client.get(f"{BOOK}/cover", headers={"accept": "image/*"})

    assert up.json()["pageCount"] == str(len(data))
    assert down.content == data
    assert down.headers["content-type"] == "image/webp"
    assert down.headers["content-length"] == str(len(data))
    assert "sandbox" in down.headers["content-security-policy"]


async def test_a_whole_body_of_bytes_is_a_message(shop):
    answer = await shop.client.post(
        "/v1/webhook", content=b"\x00\x01", headers={"content-type": "application/x-thing"}
    )

    assert answer.content == b"\x00\x01"
    assert answer.headers["content-type"] == "application/x-thing"


async def test_the_deadline_of_the_contract_ends_a_call(shop):
    async def slow(request, asked):
        await asyncio.Event().wait()

    shop.on("GetBook", slow)

    answer = await shop.client.get(BOOK, headers={"request-timeout": "0.05"})

    assert answer.status_code == 504
    assert answer.json()["error"]["status"] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({}, 2.5, 3.0),
        ({"request-timeout": "1"}, 0.5, 1.0),
        ({"request-timeout": "100"}, 2.5, 3.0),
        ({"grpc-timeout": "1500m"}, 1.0, 1.5),
    ],
)
async def test_a_client_may_shorten_the_deadline_and_never_lengthen_it(shop, headers, least, most):
    left: list[float] = []

    async def look(request, asked):
        left.append(asked.context.time_remaining())
        return asked.make("Book", title="x")

    shop.on("GetBook", look)

    answer = await shop.client.get(BOOK, headers=headers)

    assert answer.status_code == 200
    assert least < left[0] <= most


async def test_a_timeout_that_is_none_is_refused(shop):
    answer = await shop.client.get(BOOK, headers={"request-timeout": "soon"})

    assert answer.status_code == 400
    assert reason(answer) == "INVALID_TIMEOUT"


async def test_a_client_that_goes_away_cancels_the_call(shop):
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(request, asked):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    shop.on("GetBook", slow)
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    writer.write(f"GET {BOOK} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
    async with asyncio.timeout(BOUND):
        await entered.wait()

        writer.transport.abort()

        await cancelled.wait()
    assert reader is not None


async def test_only_listed_headers_reach_the_service(with_edge):
    passing = Passing(requests=frozenset({"x-wanted"}))

    async with with_edge(passing=passing) as shop:
        await shop.client.get(
            BOOK, headers={"x-wanted": "1", "x-other": "2", "connection": "close"}
        )

        _, metadata, _ = shop.backend.calls[0]
    assert metadata["x-wanted"] == "1"
    assert "x-other" not in metadata
    assert "connection" not in metadata


async def test_the_service_is_told_the_clients_address_and_not_what_the_client_says(shop):
    await shop.client.get(BOOK, headers={"x-plait-client-address": "203.0.113.7"})

    _, metadata, _ = shop.backend.calls[0]
    assert metadata["x-plait-client-address"] == "127.0.0.1"


async def test_the_address_is_the_one_that_a_trusted_proxy_tells(with_edge):
    async with with_edge(trusted_proxies=networks("127.0.0.1")) as shop:
        await shop.client.get(BOOK, headers={"x-forwarded-for": "203.0.113.7"})

        _, metadata, _ = shop.backend.calls[0]
    assert metadata["x-plait-client-address"] == "203.0.113.7"


async def test_only_listed_metadata_comes_back(with_edge):
    async def tells(request, asked):
        await asked.context.send_initial_metadata((("x-first", "1"), ("x-secret", "2")))
        asked.context.set_trailing_metadata((("x-last", "3"),))
        return asked.make("Book", title="x")

    async with with_edge(passing=Passing(responses=frozenset({"x-first", "x-last"}))) as shop:
        shop.on("GetBook", tells)
        answer = await shop.client.get(BOOK)

    assert (answer.headers["x-first"], answer.headers["x-last"]) == ("1", "3")
    assert "x-secret" not in answer.headers


async def test_a_deprecated_method_says_since_and_until_when(shop):
    answer = await shop.client.get("/v1/books:search")

    assert answer.headers["deprecation"] == "@1767225600"
    assert answer.headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"


async def test_other_errors_of_the_service_pass_with_their_reason(shop):
    for error in (Aborted("stale", reason="ETAG_MISMATCH"), AlreadyExists("there", reason="TAKEN")):

        async def fails(request, asked, error=error):
            raise error

        shop.on("GetBook", fails)

        answer = await shop.client.get(BOOK)

        assert answer.status_code == 409
        assert reason(answer) == error.reason


async def test_a_quota_says_when_to_come_back(shop):
    async def fails(request, asked):
        raise ResourceExhausted("slowly", retry_after=7)

    shop.on("GetBook", fails)

    answer = await shop.client.get(BOOK)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"


async def test_a_dead_service_is_503_with_a_clear_body_and_back_when_it_is_back(shop):
    port = int(shop.backend.target.rpartition(":")[2])
    await shop.backend.stop()

    answer = await shop.client.get(BOOK)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["error"] == {
        "code": 503,
        "status": "UNAVAILABLE",
        "message": "library is not available right now; try again",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "UPSTREAM_UNAVAILABLE",
                "domain": "gateway",
                "metadata": {"service": "library"},
            },
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"},
        ],
    }

    await shop.backend.start(port)
    async with asyncio.timeout(BOUND):
        while (await shop.client.get(BOOK)).status_code != 200:  # noqa: ASYNC110 - as clients do
            await asyncio.sleep(0.02)
