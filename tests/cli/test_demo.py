"""The walk through this project's own system, with the real thing running."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plait.cli.demo import run
from plait.clock import SystemClock
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.mistake import USAGE, Mistake
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PROCESSES = ("GATEWAY", "CONSOLE", "OTLP", "CATALOG")


class Shop:
    """This project in another folder, on free ports, with its own data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("plait.toml", "services", "gateway", "gen"):
            (root / name).symlink_to(ROOT / name)
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
            **{f"PLAIT_PORT_{name}": str(free_port()) for name in PROCESSES},
        }

    def plait(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "plait.cli.main", *arguments],
            cwd=self.root,
            env=self.env,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("shop"))
    started = made.plait("up", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    stopped = made.plait("down")
    if stopped.returncode:
        os.kill(int(Folders(root=made.root).lock.read_text()), signal.SIGKILL)
    assert stopped.returncode == 0, stopped.stderr


def test_the_demo_walks_through_the_shop_and_leaves_it_as_it_was(shop):
    before = shop.plait("call", "catalog/ListProducts", "page_size=1000").stdout

    done = shop.plait("demo")

    assert done.returncode == 0, done.stderr
    assert "Everything was as it should be." in done.stdout
    titles = [line for line in done.stdout.splitlines() if line[:1].isdigit()]
    lines = done.stdout.splitlines()
    assert len(titles) >= 12
    assert sum(line.startswith(("curl ", "echo ")) for line in lines) == len(titles)
    assert sum(line.startswith("grpcurl ") for line in lines) == len(titles)
    assert done.stdout.count("/traces/") == len(titles)
    assert shop.plait("call", "catalog/ListProducts", "page_size=1000").stdout == before


def test_the_printed_lines_do_what_the_demo_did(shop):
    printed = shop.plait("demo").stdout
    line = next(line for line in printed.splitlines() if line.startswith("curl 'http"))

    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False, timeout=20
    )

    assert done.returncode == 0
    assert "error" not in json.loads(done.stdout)


def test_an_admin_calls_by_reflection_after_a_login(shop):
    assert shop.plait("login", "--dev-admin").returncode == 0
    product = ["product.sku=CALL-1", "product.title=Called", "product.price.currency_code=EUR"]

    made = shop.plait("call", "catalog/CreateProduct", *product, "--trace")

    assert made.returncode == 0, made.stderr
    answer, _, tree = made.stdout.partition("trace http")
    name = json.loads(answer)["name"]
    assert "CatalogService/CreateProduct" in tree
    assert "plait call" in tree
    assert tree.count("catalog") >= 2  # the service and its database
    assert shop.plait("call", "catalog/DeleteProduct", f"name={name}").returncode == 0


def test_a_refused_call_ends_with_one_and_its_details(shop):
    done = shop.plait("call", "catalog/GetProduct", "name=products/nothing-like-it")

    assert done.returncode == 1
    assert done.stderr.startswith("NOT_FOUND: ")
    assert "PRODUCT_NOT_FOUND (catalog.shop)" in done.stderr


def test_lines_of_json_become_a_stream(shop):
    shop.plait("login", "--dev-admin")
    lines = [{"product": {"sku": f"LINE-{number}"}} for number in range(3)]

    done = shop.plait(
        *("call", "catalog/ImportProducts", "-d", "@-"),
        text="\n".join(json.dumps(line) for line in lines),
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["refusedCount"] == "3"


def test_every_process_logs_and_is_listed(shop):
    listed = json.loads(shop.plait("ps", "--json").stdout)

    assert {process["state"] for process in listed["processes"]} == {"ready"}
    shown = shop.plait("logs", "--json", "-n", "1000").stdout.splitlines()
    assert {json.loads(line)["process"] for line in shown} >= {"catalog", "gateway", "console"}


def test_a_demo_wants_a_system_that_has_one(tmp_path):
    (tmp_path / "plait.toml").write_text('[project]\nname = "p"')

    with pytest.raises(Mistake, match="a demo needs") as refused:
        run(tmp_path)

    assert refused.value.code == USAGE


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A project with a demo of one line, and a supervisor that says where things are."""
    (tmp_path / "plait.toml").write_text(
        '[project]\nname = "p"\ndemo = "small_demo"\n[gateway]\nmodule = "g"\nport = 1\n'
        '[[services]]\nname = "a"\nmodule = "a"\nport = 2\n'
    )
    folders = Folders(root=tmp_path)
    folders.create()
    Keys.load_or_make(folders, SystemClock())
    addresses = [{"name": "gateway", "address": "http://127.0.0.1:1"}, {"name": "a", "address": ""}]

    async def status(*_):
        return {"processes": addresses}

    monkeypatch.setattr("plait.cli.demo.ask_once", status)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("small_demo", None)


def test_what_the_demo_finds_wrong_ends_it_with_one(small, capsys):
    (small / "small_demo.py").write_text(
        "from plait.cli.walk import Request\n"
        "def walk(walk):\n"
        "    walk.step('Ask', Request(verb='GET', path='/x', rpc='a.A/B'))\n"
    )

    assert run(small) == 1

    assert "the demo found something wrong: GET /x: no answer" in capsys.readouterr().err


def test_a_demo_that_finds_nothing_wrong_ends_well(small, capsys):
    (small / "small_demo.py").write_text("def walk(walk):\n    pass\n")

    assert run(small) == 0

    assert "Everything was as it should be." in capsys.readouterr().out
