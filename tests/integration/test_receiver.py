"""Traces arrive in a receiver that is not ours: Jaeger, by OTLP."""

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.integration.shop import start
from tests.ports import free_ports

pytestmark = pytest.mark.foreign

BOUND = 30.0  # seconds: a trace is sent within one, on a machine that has nothing else to do

# Jaeger v2: one receiver, traces in memory, the query API; nothing that listens elsewhere.
CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry:
    metrics: {{level: none}}
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
extensions:
  jaeger_storage:
    backends:
      kept:
        memory: {{max_traces: 1000}}
  jaeger_query:
    storage: {{traces: kept}}
    http: {{endpoint: "127.0.0.1:{http}"}}
    grpc: {{endpoint: "127.0.0.1:{grpc}"}}
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{otlp}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: kept}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jaeger:
    """A running Jaeger: where it takes OTLP, and where it is asked."""

    otlp: str
    query: str

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.query}/api/services").status_code == 200
        except httpx.TransportError:
            return False

    def spans(self, trace: str) -> list[dict[str, Any]]:
        """The spans of a trace that have come so far."""
        answer = httpx.get(f"{self.query}/api/traces/{trace}")
        if answer.status_code == 404:
            return []
        (found,) = answer.raise_for_status().json()["data"]
        services = {key: process["serviceName"] for key, process in found["processes"].items()}
        return [span | {"service": services[span["processID"]]} for span in found["spans"]]


def eventually(condition: Callable[[], Any]) -> Any:
    """Ask another process until it says something."""
    until = time.monotonic() + BOUND
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {BOUND:g} s")


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory):
    program = shutil.which("jaeger")
    if program is None:
        pytest.skip("jaeger (v2) is not on the PATH, so no trace was sent to a foreign receiver")
    folder = tmp_path_factory.mktemp("jaeger")
    http, grpc, otlp = free_ports(3)
    (folder / "jaeger.yaml").write_text(CONFIG.format(http=http, grpc=grpc, otlp=otlp))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--config", "jaeger.yaml"], cwd=folder, stdout=log, stderr=log
        )
    try:
        running = Jaeger(otlp=f"http://127.0.0.1:{otlp}", query=f"http://127.0.0.1:{http}")
        eventually(lambda: running.answers() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield running
    finally:
        process.terminate()
        process.wait(BOUND)


@pytest.fixture(scope="module")
def observed(jaeger, tmp_path_factory):
    """A shop of its own, which sends its telemetry to Jaeger."""
    running = start(tmp_path_factory.mktemp("observed"), OTEL_EXPORTER_OTLP_ENDPOINT=jaeger.otlp)
    yield running
    running.plait("down")


def told(span: dict[str, Any]) -> tuple[str, str, str]:
    kind = next(tag["value"] for tag in span["tags"] if tag["key"] == "span.kind")
    return span["service"], kind, span["operationName"]


def parent_of(span: dict[str, Any]) -> str:
    parents = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"]
    return parents[0] if parents else ""


def complete(jaeger, answer: httpx.Response) -> list[dict[str, Any]]:
    """The spans of a request, each the child of the one before it, from the outermost on."""
    trace = answer.headers["x-trace-id"]
    spans = eventually(lambda: found if len(found := jaeger.spans(trace)) >= 4 else None)
    by_parent = {parent_of(span): span for span in spans}
    own = {span["spanID"] for span in spans}
    (above,) = by_parent.keys() - own
    chain = []
    while span := by_parent.get(above):
        chain.append(span)
        above = span["spanID"]
    assert len(chain) == len(spans)
    return chain


METHOD = "shop.catalog.v1.CatalogService/ListProducts"


def test_a_request_is_one_trace_from_the_gateway_to_the_database(jaeger, observed):
    answer = httpx.get(observed.url("/v1/products?pageSize=1")).raise_for_status()

    chain = complete(jaeger, answer)

    assert [told(span) for span in chain] == [
        ("gateway", "server", "GET /v1/products"),
        ("gateway", "client", METHOD),
        ("catalog", "server", METHOD),
        ("catalog", "client", "SELECT products"),
    ]
    assert parent_of(chain[0]) == ""


def test_a_request_continues_the_trace_of_its_client(jaeger, observed):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace}-{span}-01"}

    answer = httpx.get(observed.url("/v1/products?pageSize=1"), headers=headers)

    assert answer.headers["x-trace-id"] == trace
    assert parent_of(complete(jaeger, answer)[0]) == span
