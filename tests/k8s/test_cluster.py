"""Promises of the shop on a real cluster: `make kind-up`, then `make kind-test`.

They change that cluster (a rollout, a database that is away for a while) and put it back.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from k8s.cluster import CONSOLE, CONTEXT, GATEWAY, JAEGER, OVERLAY, forwarded
from tests.documents.blocks import blocks
from tests.k8s.conftest import ROOT, need

pytestmark = pytest.mark.cluster

KUBECTL = ("kubectl", f"--context={CONTEXT}", "--namespace=shop")
BOUND = 120  # seconds after which a test gives up waiting for the cluster


@pytest.fixture(scope="session", autouse=True)
def cluster(request):
    """The cluster, where `make kind-test` asks for it and there is one."""
    if "cluster" not in request.config.option.markexpr:
        pytest.skip("a test of a real cluster: `make kind-up`, then `make kind-test`")
    need("kubectl")
    found = subprocess.run([*KUBECTL, "get", "deployments"], capture_output=True, check=False)
    if found.returncode != 0 or b"gateway" not in found.stdout:
        pytest.skip("there is no cluster with a shop here: `make kind-up` makes one")


def kubectl(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [*KUBECTL, *arguments], capture_output=True, text=True, input=text, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout


def pods(name: str) -> list[dict]:
    labels = f"-lapp.kubernetes.io/name={name},app.kubernetes.io/component!=migration"
    return list(json.loads(kubectl("get", "pods", labels, "-ojson"))["items"])


def restarts() -> dict[str, int]:
    """How often each container that runs now was started again."""
    found = json.loads(kubectl("get", "pods", "-ojson"))["items"]
    return {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in found
        for status in pod["status"].get("containerStatuses", [])
    }


def eventually(ask: Callable[[], object]) -> object:
    """Ask until the answer is true; returns it."""
    until = time.monotonic() + BOUND
    while time.monotonic() < until:
        if answer := ask():
            return answer
        time.sleep(0.2)  # a cluster tells nobody
    raise AssertionError(f"not within {BOUND} s: {ask}")


def secret(name: str) -> str:
    return (OVERLAY / "secrets" / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def client(cluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=GATEWAY, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def admin(client) -> dict[str, str]:
    """The header that makes a request the first administrator's."""
    login = {
        "email": "admin@shop.example",
        "password": secret("identity/IDENTITY_ADMIN_PASSWORD"),
    }
    answer = client.post("/v1/sessions", json=login)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['accessToken']}"}


@pytest.fixture(scope="session")
def product(client) -> str:
    """The name of a product; the catalog was filled by `make kind-up`."""
    return str(client.get("/v1/products?pageSize=1").json()["products"][0]["name"])


def test_everything_is_ready():
    for workload in ("deployments", "statefulsets"):
        for each in json.loads(kubectl("get", workload, "-ojson"))["items"]:
            status = each["status"]
            assert status.get("readyReplicas", 0) == each["spec"]["replicas"], each["metadata"]


# The tour, through the gateway's port


def test_products_are_read_without_a_token(client, product):
    answer = client.get(f"/v1/{product}")

    assert answer.status_code == 200
    assert answer.json()["name"] == product


def test_search_finds_words_in_the_cluster_s_database(client, product):
    title = client.get(f"/v1/{product}").json()["title"]

    found = client.get("/v1/products:search", params={"query": title.split()[0]}).json()

    assert product in {result["product"]["name"] for result in found["results"]}


def test_an_administrator_makes_changes_and_deletes_a_product(client, admin):
    made = client.post(
        "/v1/products",
        headers=admin,
        json={
            "sku": f"KIND-{time.time_ns()}",
            "title": "A kind of teapot",
            "category": "kind",
            "price": {"currencyCode": "EUR", "units": "7"},
        },
    )
    assert made.status_code == 201, made.text
    path = f"/v1/{made.json()['name']}"

    changed = client.patch(f"{path}?updateMask=title", headers=admin, json={"title": "Another"})
    deleted = client.delete(path, headers=admin)

    assert changed.json()["title"] == "Another"
    assert deleted.status_code == 204
    assert client.get(path).status_code in {200, 404}  # the deletion is a soft one


def test_nobody_makes_a_product_without_a_token(client):
    answer = client.post("/v1/products", json={"sku": "X"})

    assert answer.status_code == 401


def test_a_mistake_is_explained(client):
    answer = client.get("/v1/products?pageSize=many")

    assert answer.status_code == 400
    assert "pageSize" in answer.text


# gRPC, by a foreign client and by ours


@pytest.mark.foreign
def test_grpcurl_calls_a_service_by_its_reflection(product):
    need("grpcurl")
    with forwarded("catalog") as target:
        done = subprocess.run(
            ["grpcurl", "-plaintext", "-d", json.dumps({"name": product}), target,
             "shop.catalog.v1.CatalogService/GetProduct"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == product


def test_plait_calls_a_service_by_its_reflection(product):
    with forwarded("catalog") as target:
        done = subprocess.run(
            [Path(sys.executable).with_name("plait"), "call", "catalog/GetProduct",
             f"name={product}", "--target", target, "--token", ""],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == product


# Traces


def spans_of(trace: str) -> list[dict]:
    answer = httpx.get(f"{JAEGER}/api/traces/{trace}", timeout=20)
    if answer.status_code != 200:
        return []
    [found] = answer.json()["data"]
    services = {key: process["serviceName"] for key, process in found["processes"].items()}
    return [span | {"service": services[span["processID"]]} for span in found["spans"]]


def test_a_request_is_one_trace_from_the_gateway_to_the_database(client, product):
    trace = client.get(f"/v1/{product}").headers["x-trace-id"]

    def complete():
        found = {span["spanID"]: span for span in spans_of(trace)}
        return found if len(found) >= 4 else None

    spans = eventually(complete)
    edges = {
        (spans[reference["spanID"]]["service"], span["service"])
        for span in spans.values()
        for reference in span["references"]
        if reference["spanID"] in spans
    }
    kinds = {
        (span["service"], tag["value"])
        for span in spans.values()
        for tag in span["tags"]
        if tag["key"] == "span.kind"
    }
    assert edges == {("gateway", "gateway"), ("gateway", "catalog"), ("catalog", "catalog")}
    assert kinds >= {("gateway", "server"), ("gateway", "client"), ("catalog", "server")}
    assert ("catalog", "client") in kinds  # to its database


def test_the_console_shows_the_same_trace(client, product):
    trace = client.get(f"/v1/{product}").headers["x-trace-id"]

    def shown():
        answer = httpx.get(f"{CONSOLE}/api/traces/{trace}", timeout=20)
        return answer.status_code == 200 and answer.text

    text = eventually(shown)
    assert "gateway" in text
    assert "catalog" in text


# Who calls


def test_a_service_knows_the_gateway_by_the_token_of_its_account(client, product):
    trace = client.get(f"/v1/{product}").headers["x-trace-id"]

    def told():
        names = [pod["metadata"]["name"] for pod in pods("catalog")]
        lines = [line for name in names for line in kubectl("logs", name).splitlines()]
        return [line for line in lines if trace in line]

    [line] = eventually(told)
    assert json.loads(line)["workload"] == "gateway"


def test_a_services_role_cannot_reach_the_database_of_another():
    url = secret("catalog/DATABASE_URL")
    for database in ("postgres", "identity", "inventory"):
        stranger = f"{url.rpartition('/')[0]}/{database}"
        # The password goes in by stdin: it is nobody's business in a list of processes.
        script = 'read -r URL; exec psql "$URL" --command "SELECT 1"'
        done = subprocess.run(
            [*KUBECTL, "exec", "-i", "postgres-0", "--", "sh", "-c", script],
            input=f"{stranger}\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0, database
        assert "permission denied for database" in done.stderr


# What happens when things go away


@contextlib.asynccontextmanager
async def load(path: str) -> AsyncIterator[list[object]]:
    """Ask for a path, eight at a time, while the block lasts; yields the answers so far.

    An answer is 200, or what there was instead.
    """
    answers: list[object] = []
    stop = asyncio.Event()

    async def ask(client):
        while not stop.is_set():
            answer = await client.get(path)
            good = answer.status_code == 200
            answers.append(200 if good else f"{answer.status_code} {answer.text}")

    async with (
        httpx.AsyncClient(base_url=GATEWAY, timeout=20) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(8):
            tasks.create_task(ask(client))
        try:
            yield answers
        finally:
            stop.set()


@pytest.fixture
def two_catalogs():
    """Two replicas of the catalog; afterwards as many as before."""
    before = json.loads(kubectl("get", "deployment", "catalog", "-ojson"))["spec"]["replicas"]
    kubectl("scale", "deployment/catalog", "--replicas=2")
    rolled_out("deployment/catalog")
    yield
    kubectl("scale", "deployment/catalog", f"--replicas={before}")


async def test_a_rollout_of_two_replicas_fails_no_request(two_catalogs, product):
    assert await answers_during_rollout("catalog", product) == {200}


@pytest.mark.parametrize("name", ["catalog", "gateway"])
async def test_a_rollout_of_the_only_replica_fails_no_request(name, product):
    assert await answers_during_rollout(name, product) == {200}


async def answers_during_rollout(name: str, product: str) -> set[object]:
    """Replace all pods of a server under load; returns what was answered meanwhile."""
    before = names_of(name)
    async with load(f"/v1/{product}") as answers:
        await asyncio.to_thread(kubectl, "rollout", "restart", f"deployment/{name}")
        await asyncio.to_thread(eventually, lambda: not before & names_of(name))
        await asyncio.to_thread(rolled_out, f"deployment/{name}")
    assert len(answers) > 100
    return set(answers)


def test_a_replica_that_comes_gets_calls(two_catalogs, client, product):
    def both():
        asked = client.get(f"/v1/{product}")
        assert asked.status_code == 200
        return all("GetProduct" in kubectl("logs", name, "-c", "main") for name in names)

    names = names_of("catalog")
    eventually(both)

    assert len(names) == 2


def rolled_out(what: str) -> None:
    kubectl("rollout", "status", what, f"--timeout={BOUND}s")


def names_of(name: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods(name)}


def test_without_its_database_a_service_is_not_ready_and_not_started_again(client, product):
    before = restarts()
    kubectl("scale", "statefulset/postgres", "--replicas=0")
    try:
        eventually(lambda: not endpoints("catalog"))
        refused = client.get(f"/v1/{product}")
    finally:
        kubectl("scale", "statefulset/postgres", "--replicas=1")

    assert refused.status_code == 503
    eventually(lambda: client.get(f"/v1/{product}").status_code == 200)
    after = restarts()
    assert {name: before[name] for name in before.keys() & after.keys() - {"postgres-0"}} == {
        name: after[name] for name in before.keys() & after.keys() - {"postgres-0"}
    }


def endpoints(service: str) -> list[str]:
    found = json.loads(
        kubectl("get", "endpointslices", f"-lkubernetes.io/service-name={service}", "-ojson")
    )
    return [
        address
        for piece in found["items"]
        for endpoint in piece.get("endpoints") or []
        if endpoint["conditions"].get("ready")
        for address in endpoint["addresses"]
    ]


async def test_the_death_of_the_collector_costs_spans_and_no_call(product):
    async with load(f"/v1/{product}") as answers:
        await asyncio.to_thread(kubectl, "delete", "pod", "-lapp.kubernetes.io/name=jaeger")
        await asyncio.to_thread(rolled_out, "deployment/jaeger")

    assert set(answers) == {200}


def test_the_commands_of_the_page_work():
    page = ROOT / "docs" / "how-to" / "run-on-kind.md"
    here = [
        block
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.reason == "it needs the cluster; tests/k8s/test_cluster.py runs it there"
    ]
    for block in here:
        command = block.command.replace("kubectl ", f"kubectl --context={CONTEXT} ")
        done = subprocess.run(
            ["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block}: {done.stderr}"

    assert len(here) == 2
