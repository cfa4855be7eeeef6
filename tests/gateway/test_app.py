"""What every request goes through: head, identity, limits, headers, and what is seen of it."""

import asyncio
import json
import logging
from datetime import timedelta

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from plait.errors import Internal
from plait.gateway.app import Edge
from plait.gateway.edge.headers import networks
from plait.gateway.edge.limits import Limits
from plait.gateway.rest.handler import Passing
from tests.gateway.live import BOUND, eventually, live

BOOK = "/v1/shelves/s1/books/b1"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture
async def shop(library, message_class, tmp_path):
    async with live(library, message_class, tmp_path) as running:
        yield running


@pytest.fixture
def with_edge(library, message_class, tmp_path):
    """Run a gateway with another edge."""
    return lambda **parts: live(library, message_class, tmp_path, edge=Edge(**parts))


def reason(answer) -> str:
    return answer.json()["error"]["details"][0]["reason"]


def server_span(shop):
    (span,) = [each for each in shop.recording.spans() if each.kind is SpanKind.SERVER]
    return span


async def test_a_method_for_users_without_a_token_is_401_and_calls_nobody(shop):
    answer = await shop.client.post("/v1/shelves/s1/books", json={"title": "x"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert reason(answer) == "TOKEN_MISSING"
    assert shop.backend.calls == []


async def test_a_bad_token_is_401_even_where_none_is_needed(shop):
    answer = await shop.client.get(BOOK, headers={"authorization": "Bearer abc.def.ghi"})

    assert answer.status_code == 401
    assert reason(answer) == "TOKEN_INVALID"
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert shop.backend.calls == []


async def test_an_expired_token_is_401_and_says_so(shop):
    token = shop.keys.user_token(life=timedelta(minutes=-1))

    answer = await shop.client.get(BOOK, headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert reason(answer) == "TOKEN_EXPIRED"


@pytest.mark.parametrize("given", ["Basic dTpw", "Bearer", "Bearer a b", "Bearer\ta"])
async def test_something_else_than_a_bearer_token_is_401(shop, given):
    answer = await shop.client.get(BOOK, headers={"authorization": given})

    assert answer.status_code == 401
    assert reason(answer) == "TOKEN_INVALID"


async def test_a_token_that_cannot_be_checked_is_the_gateways_own_503(shop):
    shop.keys.user_jwks.unlink()

    answer = await shop.client.get(BOOK, headers=shop.token())

    assert answer.status_code == 503
    assert reason(answer) == "KEYS_UNAVAILABLE"
    assert answer.json()["error"]["details"][0]["domain"] == "gateway"
    assert "tokens cannot be checked" in answer.json()["error"]["message"]


async def test_a_cookie_is_no_proof(shop):
    token = shop.keys.user_token()

    answer = await shop.client.post(
        "/v1/shelves/s1/books", json={"title": "x"}, headers={"cookie": f"authorization={token}"}
    )

    assert answer.status_code == 401


async def test_a_user_without_the_role_is_403(shop):
    answer = await shop.client.delete(BOOK, headers=shop.token("reader"))

    assert answer.status_code == 403
    assert reason(answer) == "ROLE_MISSING"
    assert shop.backend.calls == []


async def test_a_good_token_is_passed_on(shop):
    headers = shop.token()

    await shop.client.post("/v1/shelves/s1/books", json={"title": "x"}, headers=headers)

    assert shop.backend.calls[0][1]["authorization"] == headers["authorization"]


async def test_a_request_id_is_made_echoed_and_passed_on(shop):
    answer = await shop.client.get(BOOK)

    made = answer.headers["x-request-id"]
    assert len(made) == 20
    assert shop.backend.calls[0][1]["x-request-id"] == made


async def test_the_clients_own_request_id_is_kept(shop):
    answer = await shop.client.get(BOOK, headers={"x-request-id": "order-7/retry.2"})

    assert answer.headers["x-request-id"] == "order-7/retry.2"
    assert shop.backend.calls[0][1]["x-request-id"] == "order-7/retry.2"


@pytest.mark.parametrize("wrong", ["", "with space", "x" * 129, "<script>"])
async def test_a_request_id_that_cannot_be_logged_is_replaced(shop, wrong):
    answer = await shop.client.get(BOOK, headers={"x-request-id": wrong})

    assert answer.headers["x-request-id"] != wrong


async def test_the_trace_of_the_client_goes_on_to_the_service(shop):
    answer = await shop.client.get(BOOK, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})

    assert answer.headers["x-trace-id"] == TRACE
    await eventually(lambda: len(shop.recording.spans()) == 2)
    call, request = shop.recording.spans()
    assert request.context.trace_id == call.context.trace_id == int(TRACE, 16)
    assert request.parent.span_id == int(PARENT, 16)
    assert call.parent.span_id == request.context.span_id
    assert shop.backend.calls[0][1]["traceparent"].split("-")[1] == TRACE


async def test_every_answer_names_its_trace_and_its_request(shop):
    for path in (BOOK, "/v1/nothing", "/docs", "/v1/shelves/s1/books:watch"):
        answer = await shop.client.get(path)

        assert len(answer.headers["x-trace-id"]) == 32
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_span_follows_the_conventions_and_holds_neither_path_nor_query_nor_body(shop):
    await shop.client.post(
        "/v1/shelves/canary0/books?bookId=canary1",
        json={"title": "canary2"},
        headers={**shop.token(), "x-canary": "canary3"},
    )

    await eventually(lambda: len(shop.recording.spans()) == 2)
    span = server_span(shop)
    assert span.name == "POST /v1/{parent=shelves/*}/books"
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/{parent=shelves/*}/books",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "server.address": "127.0.0.1",
        "server.port": shop.port,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert "canary" not in span.to_json()


async def test_a_fault_of_ours_is_an_error_of_the_span_and_one_of_the_clients_is_not(shop):
    async def fails(request, asked):
        raise Internal("bug")

    await shop.client.get("/v1/nothing")
    shop.on("GetBook", fails)
    await shop.client.get(BOOK)

    spans = [each for each in shop.recording.spans() if each.kind is SpanKind.SERVER]
    await eventually(lambda: len(spans) == 2)
    assert [span.status.status_code for span in spans] == [StatusCode.UNSET, StatusCode.ERROR]
    assert spans[1].attributes["error.type"] == "500"


async def test_an_unknown_verb_cannot_flood_the_metrics(shop):
    await shop.client.request("FROBNICATE", BOOK)

    await eventually(lambda: bool(shop.recording.spans()))
    span = server_span(shop)
    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes["http.request.method_original"] == "FROBNICATE"


async def test_durations_are_measured_in_seconds_by_route(shop):
    await shop.client.get(BOOK)

    await eventually(lambda: bool(shop.recording.histogram("http.server.request.duration")))
    (point,) = shop.recording.histogram("http.server.request.duration")
    assert point.count == 1
    assert 0 < point.sum < BOUND
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "http.route": "/v1/{name=shelves/*/books/*}",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }


async def test_a_request_is_one_line_of_log(shop, caplog):
    caplog.set_level(logging.INFO, "plait.requests")

    answer = await shop.client.get(f"{BOOK}?$alt=json", headers=shop.token())

    await eventually(lambda: bool(caplog.records))
    (record,) = [each for each in caplog.records if each.name == "plait.requests"]
    said = vars(record)
    assert record.getMessage() == "GET /v1/{name=shelves/*/books/*} 200"
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["user"] == "users/u1"
    assert said["client.address"] == "127.0.0.1"


async def test_a_client_that_went_away_is_written_down_as_499(shop, caplog):
    caplog.set_level(logging.INFO, "plait.requests")
    entered = asyncio.Event()

    async def slow(request, asked):
        entered.set()
        await asyncio.Event().wait()

    shop.on("GetBook", slow)
    _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    writer.write(f"GET {BOOK} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
    async with asyncio.timeout(BOUND):
        await entered.wait()

    writer.transport.abort()

    await eventually(lambda: any("499" in each.getMessage() for each in caplog.records))


async def test_a_client_that_went_away_within_its_body_is_written_down_as_499(shop, caplog):
    caplog.set_level(logging.INFO, "plait.requests")
    _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
    writer.write(b"POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{")
    await writer.drain()

    writer.transport.abort()

    await eventually(lambda: any("499" in each.getMessage() for each in caplog.records))
    assert shop.backend.calls == []


async def test_a_stream_that_broke_is_an_error_of_its_span(shop):
    async def torn(request, asked):
        yield asked.make("WatchBooksResponse", book={"title": "x"})
        raise Internal("bug")

    shop.on("WatchBooks", torn)

    await shop.client.get("/v1/shelves/s1/books:watch")

    await eventually(lambda: len(shop.recording.spans()) == 2)
    span = server_span(shop)
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["error.type"] == "INTERNAL"


async def test_without_trusted_proxies_nobody_can_choose_an_address(shop):
    await shop.client.get(BOOK, headers={"x-forwarded-for": "203.0.113.7"})

    await eventually(lambda: len(shop.recording.spans()) == 2)
    assert server_span(shop).attributes["client.address"] == "127.0.0.1"


async def test_a_trusted_proxy_says_who_asks(with_edge):
    async with with_edge(trusted_proxies=networks("127.0.0.0/8, 10.0.0.0/8")) as shop:
        await shop.client.get(BOOK, headers={"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.1.2.3"})

        await eventually(lambda: len(shop.recording.spans()) == 2)
        assert server_span(shop).attributes["client.address"] == "203.0.113.7"
        assert shop.backend.calls[0][1]["x-plait-client-address"] == "203.0.113.7"


async def test_the_service_is_told_who_asks_whatever_a_client_says(with_edge):
    passing = Passing(requests=frozenset({"x-plait-client-address"}))

    async with with_edge(passing=passing) as shop:
        await shop.client.get(BOOK, headers={"x-plait-client-address": "203.0.113.7"})

        assert shop.backend.calls[0][1]["x-plait-client-address"] == "127.0.0.1"


@pytest.mark.parametrize(("length", "status"), [(99, 404), (100, 404), (101, 414)])
async def test_a_url_is_bounded(with_edge, length, status):
    async with with_edge(limits=Limits(url=100)) as shop:
        answer = await shop.client.get("/" + "a" * (length - 5) + "?b=1")

    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status


@pytest.mark.parametrize(("count", "status"), [(9, 200), (10, 200), (11, 431)])
async def test_the_number_of_headers_is_bounded(with_edge, count, status):
    headers = "".join(f"x-{n}: 1\r\n" for n in range(count - 2))

    async with with_edge(limits=Limits(header_count=10)) as shop:
        request = f"GET {BOOK} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n"
        answer = await shop.raw(request.encode())

    assert answer.startswith(f"HTTP/1.1 {status}".encode())


async def test_the_size_of_headers_is_bounded(with_edge):
    async with with_edge(limits=Limits(headers=1000)) as shop:
        answer = await shop.client.get(BOOK, headers={"x-long": "x" * 1000})

    assert answer.status_code == 431
    assert reason(answer) == "HEADERS_TOO_LARGE"


async def test_a_bug_of_the_gateway_is_500_without_its_text_and_logged(shop, caplog, monkeypatch):
    def breaks(verb, path):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(shop.gateway._rest, "find", breaks)

    answer = await shop.client.get(BOOK)

    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "internal error"
    assert "secret" not in answer.text
    assert any(each.exc_info for each in caplog.records)


async def test_healthz_says_ok_and_draining_and_leaves_no_trace(shop):
    well = await shop.client.get("/healthz")
    shop.gateway.drain()
    draining = await shop.client.get("/healthz")
    still = await shop.client.get(BOOK)

    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert (draining.status_code, draining.json()) == (503, {"status": "draining"})
    assert still.status_code == 200
    await eventually(lambda: len(shop.recording.spans()) == 2)


async def test_while_it_drains_each_answer_is_the_last_of_its_connection(shop):
    before = await shop.client.get(BOOK)
    shop.gateway.drain()
    after = [await shop.client.get(path) for path in (BOOK, "/healthz", "/nowhere")]

    assert "connection" not in before.headers
    assert [answer.headers["connection"] for answer in after] == ["close"] * 3
    assert [answer.status_code for answer in after] == [200, 503, 404]


async def test_livez_says_alive_also_while_it_drains_and_leaves_no_trace(shop):
    well = await shop.client.get("/livez")
    shop.gateway.drain()
    draining = await shop.client.get("/livez")
    seen = await shop.client.get(BOOK)

    assert (well.status_code, well.json()) == (200, {"status": "alive"})
    assert (draining.status_code, draining.json()) == (200, {"status": "alive"})
    assert seen.status_code == 200
    await eventually(lambda: len(shop.recording.spans()) == 2)


async def test_the_contracts_are_described_live(shop):
    as_json = await shop.client.get("/openapi.json")
    as_yaml = await shop.client.get("/openapi.yaml")

    assert as_json.json()["openapi"] == "3.1.0"
    assert as_json.json()["info"]["title"] == "The library"
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert json.loads(as_yaml.text) == as_json.json()


async def test_pages_are_only_read(shop):
    for path in ("/docs", "/openapi.json", "/healthz", "/livez"):
        answer = await shop.client.post(path)
        options = await shop.client.options(path)

        assert answer.status_code == 405
        assert answer.headers["allow"] == options.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_page_that_has_not_changed_is_304(shop):
    first = await shop.client.get("/docs")

    second = await shop.client.get("/docs", headers={"if-none-match": first.headers["etag"]})

    assert second.status_code == 304
    assert second.content == b""


async def test_a_page_loads_nothing_from_elsewhere(shop):
    answer = await shop.client.get("/docs")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "http://" not in answer.text
    assert "https://" not in answer.text


async def test_only_http_is_spoken(shop):
    with pytest.raises(ValueError, match="lifespan"):
        await shop.gateway({"type": "lifespan"}, None, None)


async def test_two_requests_on_one_connection_are_two_answers(shop):
    request = f"GET {BOOK} HTTP/1.1\r\nhost: a\r\n\r\n".encode()
    last = f"GET {BOOK} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode()

    answer = await shop.raw(request + last)

    assert answer.count(b"HTTP/1.1 200 OK") == 2
