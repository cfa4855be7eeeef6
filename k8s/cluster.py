"""`make kind-up` and `make kind-down`: the shop on a cluster of its own, on this machine.

Every step is a command that docs/how-to/run-on-kind.md shows as well; each may be done again.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable

from k8s import images
from k8s.tools import ROOT, fail, need, output, run, say, succeeds
from plait.cli.secrets import write as write_secrets
from plait.local import config

NAME = "shop"
CONTEXT = f"kind-{NAME}"
KIND = ROOT / "k8s" / "kind.yaml"
WORKER = "  - role: worker\n"  # one more line of it, for TWO_NODES=1
OVERLAY = ROOT / "k8s" / "overlays" / "kind"
GATEWAY = "http://127.0.0.1:8080"
CONSOLE = "http://127.0.0.1:8090"
JAEGER = "http://127.0.0.1:16686"
PATIENCE = 300  # seconds for a slow laptop to start everything
_KUBECTL = ("kubectl", f"--context={CONTEXT}")
_SHOP = (*_KUBECTL, "--namespace=shop")
_DATABASES = ("exec", "postgres-0", "--", "/docker-entrypoint-initdb.d/databases.sh")
_SEED = "read -r PLAIT_TOKEN; export PLAIT_TOKEN; exec python -m services.catalog.seed"


def up(*, two_nodes: bool = False) -> None:
    """Bring the cluster to what the checkout says, and wait until all of it is ready."""
    need("docker", "kind", "kubectl")
    create(two_nodes=two_nodes)
    images.write(images.build("shop", images.base_image(images.BASE)))
    for name, is_new in write_secrets(OVERLAY).items():
        if is_new:
            say(f"wrote the secret {OVERLAY.relative_to(ROOT)}/secrets/{name}")
    keys = output(*_KUBECTL, "get", "--raw", "/openid/v1/jwks")
    (OVERLAY / "workload-jwks.json").write_text(f"{keys}\n", "utf-8")
    load()
    began = time.monotonic()
    overlay = OVERLAY.with_name("kind-two-nodes") if two_nodes else OVERLAY
    say(f"applying k8s/overlays/{overlay.name} ...")
    output(*_KUBECTL, "apply", "--kustomize", str(overlay))
    wait()
    say(f"everything is ready, {time.monotonic() - began:.0f} s after it was applied")
    seed()
    print("\n".join(welcome()), flush=True)


def down() -> None:
    """Delete the cluster and everything in it; images and secrets stay on this machine."""
    need("docker", "kind")
    run("kind", "delete", "cluster", f"--name={NAME}")


def create(*, two_nodes: bool = False) -> None:
    """Create the cluster unless it is there. KIND_IMAGE names another image for its nodes."""
    if NAME in output("kind", "get", "clusters").split():
        return
    config = KIND.read_text("utf-8")
    if taken := [port for port in host_ports(config) if is_taken(port)]:
        fail(
            f"port {taken[0]} of 127.0.0.1 is taken, and the cluster needs it: stop what listens "
            f"there (`make down`, if it is the shop), or change hostPort in k8s/kind.yaml"
        )
    chosen = os.environ.get("KIND_IMAGE")
    image = [f"--image={chosen}"] if chosen else []
    say(f"creating the cluster {NAME} ...")
    command = ("kind", "create", "cluster", "--config=-", "--wait=180s", "--quiet", *image)
    run(*command, text=f"{config}{WORKER if two_nodes else ''}")


def host_ports(config: str) -> list[int]:
    """Return the ports of this machine that a kind configuration maps."""
    return [int(port) for port in re.findall(r"^[^#]*\bhostPort: (\d+)", config, re.MULTILINE)]


def is_taken(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def load() -> None:
    """Put onto the node what is in the local docker: our images, and others where they are there.

    What is not in the local docker is pulled by the node itself.
    """
    manifests = output(*_KUBECTL, "kustomize", str(OVERLAY))
    names = [name for name in images_in(manifests) if succeeds("docker", "image", "inspect", name)]
    say(f"loading {len(names)} images onto the node ...")
    output("kind", "load", "docker-image", f"--name={NAME}", *names)


def images_in(manifests: str) -> list[str]:
    """Return the images that rendered manifests name, each once."""
    return sorted(set(re.findall(r"^ +(?:- )?image: (\S+)$", manifests, re.MULTILINE)))


def wait() -> None:
    """Wait until all is rolled out, databases first.

    Raises:
        SystemExit: something was not ready in time; with what to look at.
    """
    _rolled_out("statefulset/postgres")
    output(*_SHOP, *_DATABASES)  # a service or a password may be newer than the server
    migrations = ("job", "--selector=app.kubernetes.io/component=migration")
    _waited("wait", "--for=condition=complete", *migrations, f"--timeout={PATIENCE}s")
    for deployment in output(*_SHOP, "get", "deployments", "--output=name").split():
        _rolled_out(deployment)


def _rolled_out(what: str) -> None:
    _waited("rollout", "status", what, f"--timeout={PATIENCE}s")


def _waited(*command: str) -> None:
    if succeeds(*_SHOP, *command):
        return
    print(output(*_SHOP, "get", "pods"), file=sys.stderr)
    fail(
        f"`kubectl {' '.join(command)}` did not end well: see `kubectl --context={CONTEXT} -n shop "
        "describe pod NAME` and `logs NAME` of what is not ready above"
    )


def seed() -> None:
    """Fill an empty catalog with samples, as the first administrator."""
    found = _asked(f"{GATEWAY}/v1/products?pageSize=1")
    if found.get("products"):
        return
    say("filling the catalog with samples ...")
    password = (OVERLAY / "secrets" / "identity" / "IDENTITY_ADMIN_PASSWORD").read_text("utf-8")
    login = {"email": "admin@shop.local", "password": password}
    token = _asked(f"{GATEWAY}/v1/sessions", login)["accessToken"]
    here = ("env", "PLAIT_TARGET_CATALOG=127.0.0.1:9090", "sh", "-c", _SEED)
    command = (*_SHOP, "exec", "-i", "deployment/catalog", "--container=main", "--", *here)
    done = subprocess.run(command, input=f"{token}\n", text=True, capture_output=True, check=False)
    if done.returncode != 0:
        fail(f"the catalog could not be filled: {done.stderr.strip()}")


def _asked(url: str, body: object = None) -> dict[str, str]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        fail(f"{url} answered {error.code}: {error.read(1000).decode(errors='replace')}")


def welcome() -> Iterable[str]:
    """Return where everything is, and lines to copy: those of plait.toml."""
    yield f"\n  gateway  {GATEWAY}\n  console  {CONSOLE}\n  Jaeger   {JAEGER}\n"
    yield "Lines to copy:"
    for hint in config.load(ROOT, {}).hints:
        if "{catalog}" in hint:
            forward = f"kubectl --context={CONTEXT} -n shop port-forward svc/catalog 9092:9090"
            yield f"  {forward} &   # what follows goes there"
        yield f"  {hint.replace('{gateway}', GATEWAY).replace('{catalog}', '127.0.0.1:9092')}"
    yield f"  open {CONSOLE}\n  open {JAEGER}"


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description="Run the shop on a cluster on this machine.")
    parser.add_argument("act", choices=("up", "down"))
    parser.add_argument("--two-nodes", action="store_true", help="with a worker, and two of each")
    options = parser.parse_args()
    if options.act == "down":
        down()
    else:
        up(two_nodes=options.two_nodes)


if __name__ == "__main__":
    main()
