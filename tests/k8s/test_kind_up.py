"""Promises of `make kind-up` and `make kind-down`, the three tools played by scripts."""

import asyncio
import json
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from k8s import cluster, images, tools
from plait.cli.secrets import FILE, write
from tests.people import People, running

CATALOG = """
[[services]]
name = "catalog"
module = "catalog.main"
port = 9092
seed = "seeding"
"""
SEED = """
import os, sys

def main():
    assert len(sys.argv) == 1
    with open("seeded", "w") as file:
        file.write(f"{os.environ['PLAIT_TOKEN']} {os.environ['PLAIT_TARGET_CATALOG']}")
"""

MANIFESTS = """
      - image: shop/catalog:abc
        image: "quoted is none of ours"
          image: postgres:17
        image: shop/catalog:abc
"""
# Plays all three: writes down how it was called, and answers as a healthy cluster would.
TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
case "$(basename "$0") $*" in
  *"{broken}"*) echo broken >&2; exit 1;;
  "kind get clusters") echo {clusters};;
  "kind create cluster "*) cat > {folder}/config;;
  *" kustomize "*) cat {folder}/manifests;;
  *"/openid/v1/jwks") echo '{{"keys": []}}';;
  *"get deployments"*) echo deployment.apps/catalog; echo deployment.apps/gateway;;
  *"get pods") echo catalog-1 0/1 CrashLoopBackOff;;
  *" port-forward "*) echo "Forwarding from $(cat {folder}/target) -> 9090"
    exec tail -f /dev/null;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine on which docker, kind and kubectl are played: `play` says how."""

    folder: Path

    def play(self, *, clusters="", broken="nothing at all"):
        script = TOOL.format(
            log=self.folder / "log", broken=broken, clusters=clusters, folder=self.folder
        )
        for name in ("docker", "kind", "kubectl"):
            tool = self.folder / "bin" / name
            tool.write_text(script)
            tool.chmod(0o755)

    def called(self):
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path, monkeypatch):
    bin_folder, overlay = tmp_path / "bin", tmp_path / "overlay"
    bin_folder.mkdir()
    overlay.mkdir()
    (tmp_path / "manifests").write_text(MANIFESTS)
    (overlay / FILE).write_text('[identity]\nADMIN_PASSWORD = "{random}"\n')
    (tmp_path / "plait.toml").write_text('[project]\nname = "test"\n')
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    monkeypatch.delenv("KIND_IMAGE", raising=False)
    monkeypatch.setattr(cluster, "OVERLAY", overlay)
    monkeypatch.setattr(cluster, "ROOT", tmp_path)
    monkeypatch.setattr(tools, "ROOT", tmp_path)
    monkeypatch.setattr(images, "base_image", lambda name: name)
    monkeypatch.setattr(images, "build", lambda *_: {"catalog": "abc"})
    monkeypatch.setattr(
        images, "write", lambda tags: tmp_path.joinpath("tags").write_text(str(tags))
    )
    monkeypatch.setattr(cluster, "is_taken", lambda port: False)
    monkeypatch.setattr(cluster, "welcome", lambda: ["welcome"])

    playing = Machine(folder=tmp_path)
    playing.play()
    return playing


@pytest.fixture
def shop(monkeypatch):
    """The gateway: answers a list of products."""
    state = {"products": [{"name": "products/p1"}]}

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self):
            data = json.dumps(state).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(cluster, "GATEWAY", f"http://127.0.0.1:{server.server_port}")
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def people(machine):
    """The identity service of the cluster, and a catalog whose seed writes down how it was run."""
    people = People()
    async with running(people, machine.folder) as server:
        with (machine.folder / "plait.toml").open("a") as file:
            file.write(CATALOG)
        (machine.folder / "target").write_text(server.target)
        (machine.folder / "seeding.py").write_text(SEED)
        yield people


def index(called, part):
    [found] = [number for number, line in enumerate(called) if part in line]
    return found


def test_everything_happens_in_order(machine, shop, capsys):
    cluster.up()

    called = machine.called()
    steps = [
        "kind create cluster",
        "/openid/v1/jwks",
        "kind load docker-image --name=shop postgres:17 shop/catalog:abc",
        "apply --kustomize",
        "rollout status statefulset/postgres",
        "exec postgres-0 -- /docker-entrypoint-initdb.d/databases.sh",
        "rollout status deployment.apps/catalog",
        "rollout status deployment.apps/gateway",
    ]
    places = [index(called, step) for step in steps]
    assert places == sorted(places)
    assert "everything is ready" in capsys.readouterr().out
    assert json.loads((machine.folder / "overlay" / "workload-jwks.json").read_text()) == {
        "keys": []
    }


def test_no_other_cluster_is_touched(machine, shop):
    cluster.up()

    for line in machine.called():
        if line.startswith("kubectl"):
            assert line.startswith("kubectl --context=kind-shop "), line


def test_secrets_are_made_once_and_never_shown(machine, shop, capsys):
    cluster.up()
    first = capsys.readouterr().out
    cluster.up()
    second = capsys.readouterr().out

    secret = machine.folder / "overlay/secrets/identity/ADMIN_PASSWORD"
    assert "wrote the secret overlay/secrets/identity/ADMIN_PASSWORD" in first
    assert "secret" not in second
    assert secret.read_text() not in first + second


def test_a_cluster_that_is_there_is_used(machine, shop):
    machine.play(clusters="other shop")

    cluster.up()

    assert not [line for line in machine.called() if "create" in line]


def test_a_node_image_is_named_only_where_one_is_chosen(machine, monkeypatch):
    cluster.create()
    monkeypatch.setenv("KIND_IMAGE", "kindest/node:v1.34.4")
    cluster.create()

    first, second = [line for line in machine.called() if "create" in line]
    assert "--image" not in first
    assert second.endswith("--image=kindest/node:v1.34.4")


def test_a_taken_port_is_a_sentence_before_anything_is_made(machine, monkeypatch):
    monkeypatch.setattr(cluster, "is_taken", lambda port: port == 8090)

    with pytest.raises(SystemExit, match=r"port 8090 of 127\.0\.0\.1 is taken.*hostPort in k8s"):
        cluster.create()

    assert not [line for line in machine.called() if "create" in line]


def test_a_port_is_taken_where_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cluster.is_taken(port)
    assert not cluster.is_taken(port)


def test_the_ports_are_those_of_the_configuration():
    assert cluster.host_ports("a: {hostPort: 1}\n  # hostPort: 2\n  hostPort: 3 # x\n") == [1, 3]
    assert sorted(cluster.host_ports(cluster.KIND.read_text())) == [8080, 8090, 9090, 16686]


def test_an_image_that_is_not_here_is_left_to_the_node(machine, shop):
    machine.play(broken="image inspect postgres:17")

    cluster.up()

    assert index(machine.called(), "kind load docker-image --name=shop shop/catalog:abc") > 0


@pytest.mark.parametrize("step", ["rollout status statefulset", "rollout status deployment"])
def test_what_is_not_ready_in_time_is_shown_with_what_to_look_at(machine, shop, capsys, step):
    machine.play(broken=step)

    with pytest.raises(SystemExit, match=rf"`kubectl {step}.*did not end well: see `kubectl"):
        cluster.up()

    assert "CrashLoopBackOff" in capsys.readouterr().err


def test_a_manifest_that_is_refused_ends_it(machine, shop):
    machine.play(broken="apply --kustomize")

    with pytest.raises(SystemExit, match="failed: broken"):
        cluster.up()


async def test_an_empty_catalog_is_filled_by_the_first_administrator(machine, shop, people):
    shop["products"] = []
    write(machine.folder / "overlay")
    people.password = (machine.folder / "overlay/secrets/identity/ADMIN_PASSWORD").read_text()

    await asyncio.to_thread(cluster.up)

    token, target = (machine.folder / "seeded").read_text().split()
    assert token.startswith("access-")
    assert target == (machine.folder / "target").read_text()
    assert token not in "".join(machine.called())


async def test_a_catalog_with_products_is_left_alone(machine, shop, people):
    await asyncio.to_thread(cluster.up)

    assert people.current == {}
    assert not (machine.folder / "seeded").exists()


def test_where_nobody_can_log_in_nothing_is_filled(machine, shop):
    shop["products"] = []

    cluster.up()

    assert not [line for line in machine.called() if "port-forward" in line]


async def test_an_administrator_who_is_refused_is_a_sentence(machine, shop, people):
    shop["products"] = []

    with pytest.raises(SystemExit, match=r"the catalog cannot be filled: the log-in as admin@shop"):
        await asyncio.to_thread(cluster.up)


async def test_a_seed_that_fails_says_why(machine, shop, people):
    shop["products"] = []
    write(machine.folder / "overlay")
    people.password = (machine.folder / "overlay/secrets/identity/ADMIN_PASSWORD").read_text()
    (machine.folder / "seeding.py").write_text("raise SystemExit('no sample is good enough')")

    with pytest.raises(SystemExit, match="seeding` failed: no sample is good enough"):
        await asyncio.to_thread(cluster.up)


async def test_a_port_that_is_not_forwarded_is_a_sentence(machine, shop, people):
    shop["products"] = []
    machine.play(broken="port-forward")

    with pytest.raises(SystemExit, match="kubectl forwards no port to identity"):
        await asyncio.to_thread(cluster.up)


def test_down_deletes_this_cluster_alone(machine):
    cluster.down()

    assert machine.called()[-1] == "kind delete cluster --name=shop"


def test_at_the_end_it_says_where_everything_is():
    lines = "\n".join(cluster.welcome())

    for address in ("http://127.0.0.1:8080", "http://127.0.0.1:8090", "http://127.0.0.1:16686"):
        assert address in lines
    assert "curl 'http://127.0.0.1:8080/v1/products" in lines
    assert "kubectl --context=kind-shop -n shop port-forward svc/catalog 9092:9090" in lines
    assert "grpcurl -plaintext" in lines
    assert "{" + "gateway}" not in lines


@pytest.mark.parametrize("arguments", [[], ["sideways"], ["up", "down"]])
def test_another_command_line_is_refused(machine, monkeypatch, arguments):
    monkeypatch.setattr("sys.argv", ["cluster", *arguments])

    with pytest.raises(SystemExit) as ended:
        cluster.main()

    assert ended.value.code == 2
    assert machine.called() == []


def test_the_command_line_says_which(machine, shop, monkeypatch):
    for arguments in (["up"], ["up", "--two-nodes"], ["down"]):
        monkeypatch.setattr("sys.argv", ["cluster", *arguments])
        cluster.main()

    applied = [line for line in machine.called() if "apply" in line]
    assert [line.rpartition("/")[2] for line in applied] == ["overlay", "kind-two-nodes"]
    assert machine.called()[-1].startswith("kind delete cluster")


def test_a_second_node_is_a_line_more_in_the_configuration(machine):
    cluster.create()
    one = (machine.folder / "config").read_text()
    cluster.create(two_nodes=True)
    two = (machine.folder / "config").read_text()

    assert one == cluster.KIND.read_text()
    assert two == f"{one}  - role: worker\n"
