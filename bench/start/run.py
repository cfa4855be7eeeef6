"""How long from `make up` to the first 200, how much memory the whole takes, and how fast it stops.

Each round is a whole life of the system in a folder of its own, on free ports: `plait up`, as make
runs it, until GET /v1/products?pageSize=1 through the gateway answers 200; then the proportional
set size (PSS) of all processes; then Ctrl-C until the command has ended. The first round, which
makes the databases and fills them, is not counted: it is the second `make up` that people wait for.
"""

import http.client
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "bench" / "results" / "start.md"
ROUNDS = 7
PATIENCE = 60.0  # seconds
PROCESSES = ("gateway", "console", "otlp", "smtp", "identity", "catalog", "inventory")
PACKAGES = ("granian", "grpcio", "opentelemetry-sdk", "protobuf", "sqlalchemy", "uvloop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One life: seconds to the first 200, MiB of PSS by process, seconds from Ctrl-C to its end."""

    first_200: float
    memory: Mapping[str, float]
    stop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line of the result."""

    what: str
    goal: float
    unit: str
    values: Sequence[float]


def main() -> None:
    """Measure, and write bench/results/start.md."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder:
        root = Path(folder)
        for name in ("plait.toml", "services", "gateway", "gen"):
            (root / name).symlink_to(ROOT / name)
        _round(root)
        rounds = []
        for number in range(1, ROUNDS + 1):
            rounds.append(_round(root))
            print(f"round {number}: {rounds[-1]}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(report(rounds), encoding="utf-8")
    print(f"wrote {RESULT.relative_to(ROOT)}")


def report(rounds: Sequence[Round]) -> str:
    """Return the result as a page of Markdown."""
    answers = (
        Answer(
            what="second start to first 200 through the gateway",
            goal=4,
            unit="s",
            values=[one.first_200 for one in rounds],
        ),
        Answer(
            what="memory of the whole (sum of PSS)",
            goal=250,
            unit="MiB",
            values=[sum(one.memory.values()) for one in rounds],
        ),
        Answer(what="Ctrl-C to prompt", goal=3, unit="s", values=[one.stop for one in rounds]),
    )
    lines = [
        "# How long does a start take, and how much memory?",
        "",
        "`python -m bench.run start`: a round is a whole life of the shop (supervisor, catalog,",
        "gateway, console; telemetry on), from `plait up` to the first 200 of",
        "`GET /v1/products?pageSize=1`, then the memory, then Ctrl-C.",
        "",
        "| question | goal | median | least | most |",
        "|---|---|---|---|---|",
        *map(_line, answers),
        "",
        "Memory by process, median of PSS in MiB (pages that processes share count in parts):",
        "",
        "| process | MiB |",
        "|---|---|",
        *(
            f"| {name} | {statistics.median(one.memory[name] for one in rounds):.1f} |"
            for name in rounds[0].memory
        ),
        "",
        f"{len(rounds)} rounds after one that is not counted, {datetime.now(UTC):%Y-%m-%d}.",
        f"{_machine()}.",
        "",
    ]
    return "\n".join(lines)


def _line(answer: Answer) -> str:
    middle = statistics.median(answer.values)
    shown = " | ".join(
        f"{value:.2f} {answer.unit}" for value in (middle, min(answer.values), max(answer.values))
    )
    return f"| {answer.what} | <= {answer.goal:g} {answer.unit} | {shown} |"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, {platform.python_implementation()} "
        f"{platform.python_version()}; {packages}"
    )


def _round(root: Path) -> Round:
    ports = dict(zip(PROCESSES, _free_ports(len(PROCESSES)), strict=True))
    moved = {f"PLAIT_PORT_{name.upper()}": str(port) for name, port in ports.items()}
    begun = time.perf_counter()
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "plait.cli.main", "up"],
        cwd=root,
        env={**os.environ, **moved},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _until_200(ports["gateway"], supervisor)
        first_200 = time.perf_counter() - begun
        _until_ready(root)
        memory = dict(_memory(supervisor.pid))
        begun = time.perf_counter()
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(PATIENCE)
        return Round(first_200=first_200, memory=memory, stop=time.perf_counter() - begun)
    finally:
        supervisor.kill()
        supervisor.wait()


def _until_200(port: int, supervisor: "subprocess.Popen[bytes]") -> None:
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until:
        if supervisor.poll() is not None:
            raise SystemExit(f"`plait up` ended with {supervisor.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v1/products?pageSize=1")
            if connection.getresponse().status == http.client.OK:
                return
        except (OSError, http.client.HTTPException):
            pass  # not yet: it is asked again
        finally:
            connection.close()
        time.sleep(0.01)
    raise SystemExit(f"no 200 within {PATIENCE:g} s")


def _until_ready(root: Path) -> None:
    """Wait until nothing starts or seeds any more, so that the memory is that of the system."""
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until:
        asked = subprocess.run(
            [sys.executable, "-m", "plait.cli.main", "ps", "--json"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        if '"settled": false' not in asked.stdout:
            return
    raise SystemExit(f"not ready within {PATIENCE:g} s")


def _memory(supervisor: int) -> Iterator[tuple[str, float]]:
    for pid in _family(supervisor):
        name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        pss = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        yield (
            name.removeprefix("plait:") if pid != supervisor else "supervisor",
            (int(pss.split()[1]) / 1024),
        )


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            yield from _family(int(child))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    main()
