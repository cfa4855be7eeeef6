import httpx
import pytest
from httpx import ASGITransport

from plait.console.api import Api, FirstSteps
from plait.console.app import pages_app, receiver_app
from plait.console.golden import GoldenSignals
from plait.console.store import TraceStore


@pytest.fixture(params=["pages", "receiver"])
def app(request, clock):
    store, signals, names = TraceStore(), GoldenSignals(), ["console.example"]
    if request.param == "pages":
        return pages_app([Api(store, signals, clock, FirstSteps())], names)
    return receiver_app(store, signals, clock, names)


@pytest.mark.parametrize(
    ("host", "let_in"), [("localhost", True), ("console.example", True), ("evil.example", False)]
)
async def test_both_applications_answer_to_their_own_names_only(app, host, let_in):
    async with httpx.AsyncClient(transport=ASGITransport(app), base_url=f"http://{host}") as client:
        answer = await client.get("/nothing")

    assert answer.status_code == (404 if let_in else 421)


async def test_what_the_receiver_takes_the_pages_show(clock):
    store, signals = TraceStore(), GoldenSignals()
    receiver = ASGITransport(receiver_app(store, signals, clock, []))
    pages = ASGITransport(pages_app([Api(store, signals, clock, FirstSteps())], []))
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "Get"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    async with httpx.AsyncClient(transport=receiver, base_url="http://localhost") as client:
        sent = await client.post("/v1/traces", json=body)
    async with httpx.AsyncClient(transport=pages, base_url="http://localhost") as client:
        shown = await client.get(f"/api/traces/{'a' * 32}")

    assert (sent.status_code, shown.status_code) == (200, 200)
    assert shown.json()["name"] == "Get"
