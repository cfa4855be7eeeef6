"""How much memory and CPU each container takes, at rest and under load: what manifests ask for.

The numbers are the kubelet's own (its summary API, which reads the control groups), so nothing is
installed for them. At rest: a minute in which nobody asks for anything but probes and health.
Under load: GET /v1/products?pageSize=20 through the gateway's port, eight at a time. CPU of a
container under load is per request, whichever container it is.
"""

import json
import os
import platform
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "cluster.md"
KUBECTL = ("kubectl", "--context=kind-shop")
GATEWAY = "http://127.0.0.1:8080/v1/products?pageSize=20"
REST, LOAD, LOOK = 60.0, 60.0, 20.0  # seconds; the kubelet looks every 10 to 15
CLIENTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one container has taken: memory in MiB now, CPU in seconds since its start."""

    at: float
    memory: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one container takes, and what its manifest asks for and allows (MiB, millicores)."""

    name: str
    asked: tuple[str, str]
    limit: str
    rest: tuple[float, float]
    load: tuple[float, float]


def main() -> None:
    """Measure, and write bench/results/cluster.md."""
    if subprocess.run([*KUBECTL, "get", "ns", "shop"], capture_output=True, check=False).returncode:
        print("cluster: there is no cluster with a shop here; `make kind-up` makes one")
        return
    time.sleep(LOOK)
    before = readings()
    time.sleep(REST)
    rested = readings()
    count = requests_in(LOAD)
    time.sleep(LOOK)
    loaded = readings()
    rows = [
        row(spec, (before[name], rested[name], loaded[name]), count)
        for name, spec in containers().items()
    ]
    RESULT.write_text(report(rows, count), encoding="utf-8")
    print(f"wrote {RESULT.relative_to(ROOT)}")


def asked(*command: str) -> dict:
    done = subprocess.run([*KUBECTL, *command], capture_output=True, check=True)
    return json.loads(done.stdout)


def readings() -> dict[str, Reading]:
    """Return what each container of the shop has taken, by pod and container."""
    found: dict[str, Reading] = {}
    for node in asked("get", "nodes", "-ojson")["items"]:
        name = node["metadata"]["name"]
        for pod in asked("get", "--raw", f"/api/v1/nodes/{name}/proxy/stats/summary")["pods"]:
            if pod["podRef"]["namespace"] != "shop":
                continue
            for container in pod["containers"]:
                at = datetime.fromisoformat(container["cpu"]["time"]).timestamp()
                found[f"{pod['podRef']['name']}/{container['name']}"] = Reading(
                    at=at,
                    memory=container["memory"]["workingSetBytes"] / 2**20,
                    cpu=container["cpu"]["usageCoreNanoSeconds"] / 1e9,
                )
    return found


def containers() -> dict[str, dict]:
    """Return the containers that serve, as their pods have them."""
    return {
        f"{pod['metadata']['name']}/{container['name']}": {
            "server": pod["metadata"]["labels"]["app.kubernetes.io/name"],
            "resources": container["resources"],
        }
        for pod in asked("-nshop", "get", "pods", "-ojson")["items"]
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] != "migration"
        for container in pod["spec"]["containers"]
    }


def requests_in(seconds: float) -> int:
    """Ask for products, eight at a time; returns how often."""
    counts = [0] * CLIENTS
    until = time.monotonic() + seconds

    def ask(client: int) -> None:
        while time.monotonic() < until:
            with urllib.request.urlopen(GATEWAY, timeout=20) as answer:
                answer.read()
            counts[client] += 1

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def row(spec: Mapping, looks: tuple[Reading, Reading, Reading], count: int) -> Row:
    """Return what a container takes, of a look at it before the rest, after it, after the load."""
    first, second, third = looks
    idle = (second.cpu - first.cpu) / (second.at - first.at)
    busy = (third.cpu - second.cpu) - idle * (third.at - second.at)
    resources = spec["resources"]
    return Row(
        name=spec["server"],
        asked=(resources["requests"]["memory"], resources["requests"]["cpu"]),
        limit=resources["limits"]["memory"],
        rest=(second.memory, idle * 1000),
        load=(third.memory, busy / count * 1000),
    )


def report(rows: list[Row], count: int) -> str:
    """Return the result as a page of Markdown."""
    total = [sum(values) for values in zip(*((*r.rest, r.load[0]) for r in rows), strict=True)]
    lines = [
        "# What does the shop take on a cluster?",
        "",
        "`make kind-up`, then `python -m bench.run cluster`: the working set of each container and",
        f"its CPU, by the kubelet. At rest: {REST:.0f} s with probes and health checks alone.",
        f"Under load: {count} requests in {LOAD:.0f} s, `GET /v1/products?pageSize=20`, {CLIENTS}",
        "at a time; CPU is what a request adds to what the container takes at rest.",
        "",
        "| container | asks for | may take | at rest | | after the load | CPU a request |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {r.name} | {r.asked[0]}, {r.asked[1]} | {r.limit} | {r.rest[0]:.0f} MiB "
            f"| {r.rest[1]:.1f} mCPU | {r.load[0]:.0f} MiB | {r.load[1]:.2f} ms |"
            for r in sorted(rows, key=lambda r: r.name)
        ),
        f"| all | | | {total[0]:.0f} MiB | {total[1]:.0f} mCPU | {total[2]:.0f} MiB | |",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} shared cores ({platform.machine()}).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
