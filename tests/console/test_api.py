import httpx
import pytest
from httpx import ASGITransport

from plait.console.api import Api, FirstSteps
from plait.console.app import pages_app
from plait.console.golden import GoldenSignals, Point
from plait.console.store import TraceStore


@pytest.fixture
def store() -> TraceStore:
    return TraceStore()


@pytest.fixture
def signals() -> GoldenSignals:
    return GoldenSignals()


@pytest.fixture
async def client(store, signals, clock):
    first_steps = FirstSteps(otlp="http://127.0.0.1:4318", example="curl x")
    app = pages_app([Api(store, signals, clock, first_steps)], [])
    async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as made:
        yield made


async def test_traces_are_listed_the_newest_first(client, store, a_span):
    store.add(
        [a_span(1, start=10**9, end=10**9 + 5), a_span(1, trace=2, start=2 * 10**9, end=3 * 10**9)]
    )

    found = (await client.get("/api/traces")).json()

    assert [trace["id"] for trace in found["traces"]] == [f"{2:032x}", f"{1:032x}"]
    assert found["stored"] == 2
    assert found["evicted"] == 0
    assert found["otlp_endpoint"] == "http://127.0.0.1:4318"
    assert found["example"] == "curl x"
    assert found["traces"][0] == {
        "id": f"{2:032x}",
        "name": "GetProduct",
        "service": "catalog",
        "code": "",
        "start_time": "1970-01-01T00:00:02.000000000Z",
        "duration_nanos": 10**9,
        "spans": 1,
        "errors": 0,
        "complete": True,
        "services": [{"name": "catalog", "spans": 1, "color": 0}],
    }


async def test_the_query_string_is_what_is_searched_for(client, store, a_span):
    store.add([a_span(1, end=10), a_span(1, trace=2, end=9_000_000, error=True, service="orders")])

    for query in (
        "service=orders",
        "status=error",
        "min_duration=5ms",
        "limit=1",
        "operation=GetProduct&status=error",
    ):
        found = (await client.get(f"/api/traces?{query}")).json()["traces"]
        assert len(found) == 1


async def test_a_wrong_parameter_is_explained(client):
    answer = await client.get("/api/traces?min_duration=5")

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "found '5'" in answer.json()["error"]["message"]


async def test_a_list_that_did_not_change_is_not_sent_again(client, store, a_span):
    store.add([a_span(1)])
    tag = (await client.get("/api/traces")).headers["etag"]

    same = await client.get("/api/traces", headers={"if-none-match": tag})
    store.add([a_span(2)])
    changed = await client.get("/api/traces", headers={"if-none-match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200


async def test_a_trace_is_shown_as_a_waterfall(client, store, a_span):
    store.add([a_span(1, service="gateway", end=100), a_span(2, 1, start=20, end=50)])

    trace = (await client.get(f"/api/traces/{1:032x}")).json()

    assert (trace["id"], trace["spans"], trace["refused_spans"]) == (f"{1:032x}", 2, 0)
    assert trace["waterfall"]["duration_nanos"] == 100
    root, child = trace["waterfall"]["rows"]
    assert (root["service"], root["depth"], root["children"]) == ("gateway", 0, 1)
    assert (child["parent_span_id"], child["offset_nanos"]) == (f"{1:016x}", 20)


async def test_a_trace_is_found_in_capitals_too_and_not_sent_twice(client, store, a_span):
    store.add([a_span(1, trace=0xABC)])
    answer = await client.get(f"/api/traces/{0xABC:032X}")

    again = await client.get(
        f"/api/traces/{0xABC:032x}", headers={"if-none-match": answer.headers["etag"]}
    )

    assert answer.status_code == 200
    assert again.status_code == 304


async def test_a_trace_that_is_not_here_is_not_found_and_why(client):
    answer = await client.get(f"/api/traces/{7:032x}")

    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"
    assert "not arrived yet" in answer.json()["error"]["message"]


@pytest.mark.parametrize("wrong", ["abc", "g" * 32, "a" * 33])
async def test_what_is_no_trace_id_is_refused(client, wrong):
    answer = await client.get(f"/api/traces/{wrong}")

    assert answer.status_code == 400
    assert "32 hexadecimal digits" in answer.json()["error"]["message"]


async def test_services_come_with_their_golden_signals_and_operations(
    client, store, signals, clock, a_span
):
    store.add([a_span(1, service="gateway", name="GET /"), a_span(2, 1)])
    now = clock.now().timestamp()
    point = Point(
        service="catalog",
        side="server",
        method="shop.v1.Shop/Get",
        series="s",
        error=True,
        cumulative=True,
        start=int((now - 100) * 1e9),
        time=int(now * 1e9),
        bounds=(0.1,),
        buckets=(50, 0),
    )
    signals.record([point], now)

    found = (await client.get("/api/services")).json()

    assert found["window_seconds"] == 300
    catalog, gateway = found["services"]
    assert (catalog["name"], catalog["operations"]) == ("catalog", ["GetProduct"])
    assert catalog["methods"] == [
        {
            "side": "server",
            "method": "shop.v1.Shop/Get",
            "calls": 50,
            "failures": 50,
            "rate_per_second": 0.5,
            "p50_seconds": 0.05,
            "p99_seconds": pytest.approx(0.099),
        }
    ]
    assert (gateway["name"], gateway["methods"], gateway["operations"]) == (
        "gateway",
        [],
        ["GET /"],
    )


async def test_a_service_with_metrics_only_is_there_too(client, signals, clock):
    now = clock.now().timestamp()
    point = Point(
        service="mail",
        side="client",
        method="x",
        series="s",
        error=False,
        cumulative=False,
        start=0,
        time=1,
        bounds=(),
        buckets=(1,),
    )
    signals.record([point], now)

    (service,) = (await client.get("/api/services")).json()["services"]

    assert (service["name"], service["operations"]) == ("mail", [])


async def test_health_is_told(client):
    answer = await client.get("/healthz", headers={"host": "10.0.0.1"})

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_an_address_that_is_not_there_is_a_json_error(client):
    answer = await client.get("/api/nothing")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 404


async def test_only_reading_is_allowed(client):
    answer = await client.post("/api/traces")

    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
