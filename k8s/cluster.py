"""`make kind-up` and `make kind-down`: the shop on a cluster of its own, on this machine.

Every step is a command that docs/how-to/run-on-kind.md shows as well; each may be done again.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterable, Mapping

from k8s import images
from k8s.tools import ROOT, fail, need, output, run, say, succeeds
from plait.cli.secrets import write as write_secrets
from plait.local import config
from plait.local.environment import target_variable
from plait.local.mistake import Mistake
from plait.local.project import Project
from plait.local.sessions import Sessions

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
_MAIN = "import importlib, sys; importlib.import_module(sys.argv.pop(1)).main()"
_DATABASES = ("exec", "postgres-0", "--", "/docker-entrypoint-initdb.d/databases.sh")


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
    # (Not for the migrations: what needs one is not ready before it.)
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
    """Fill empty databases with samples: the seeds of plait.toml, as the first administrator.

    They call from here, through ports that kubectl forwards, like anybody who has a token.
    """
    project = config.load(ROOT, {})
    seeded = [service for service in project.services if service.seed]
    if project.login is None or not is_empty():
        return
    with contextlib.ExitStack() as stack:
        targets = {
            target_variable(service.name): stack.enter_context(forwarded(service.name))
            for service in project.services
        }
        token = asyncio.run(admin_token(project, targets))
        for service in seeded:
            say(f"filling {service.name} with samples ...")
            environ = {**os.environ, **targets, "PLAIT_TOKEN": token}
            output(sys.executable, "-c", _MAIN, service.seed, environ=environ)


def is_empty() -> bool:
    """Whether the catalog has no product yet."""
    with urllib.request.urlopen(f"{GATEWAY}/v1/products?pageSize=1", timeout=20) as answer:
        return not json.load(answer).get("products")


async def admin_token(project: Project, targets: Mapping[str, str]) -> str:
    """Log the first administrator in, with the password of the overlay's secrets."""
    assert project.login is not None
    assert project.login.admin is not None
    name = project.login.admin.secret
    password = (OVERLAY / "secrets" / project.login.method.service / name).read_text("utf-8")
    try:
        session = await Sessions(project, {**targets, name: password}).log_in_as_admin()
    except Mistake as mistake:
        fail(f"the catalog cannot be filled: {mistake}")
    return session.access_token


@contextlib.contextmanager
def forwarded(service: str) -> Generator[str]:
    """Lead a port of this machine to one pod of a service; yields its address."""
    command = (*_SHOP, "port-forward", f"service/{service}", ":9090")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None
        try:
            said = re.search(r"127\.0\.0\.1:\d+", forward.stdout.readline())
            if said is None:
                fail(f"kubectl forwards no port to {service}")
            yield said[0]
        finally:
            forward.terminate()


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
