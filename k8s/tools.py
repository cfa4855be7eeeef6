"""The programs that a cluster needs, run with a clear word where one is missing."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent
_GET: Mapping[str, str] = {
    "docker": "install Docker Engine or Docker Desktop (https://docs.docker.com/get-docker/)",
    "kind": "install kind (https://kind.sigs.k8s.io/docs/user/quick-start/#installation)",
    "kubectl": "install kubectl (https://kubernetes.io/docs/tasks/tools/)",
}


def fail(sentence: str) -> NoReturn:
    """End with a sentence for whoever asked."""
    sys.exit(f"plait: {sentence}")


def say(sentence: str) -> None:
    print(f"plait: {sentence}", flush=True)


def need(*tools: str) -> None:
    """End with how to get it where one of the tools is missing, or docker does not run.

    Raises:
        SystemExit: with that sentence.
    """
    for tool in tools:
        if shutil.which(tool) is None:
            fail(f"this needs {tool}, which is not on the PATH: {_GET[tool]}")
    if "docker" in tools and not succeeds("docker", "info"):
        fail("docker is installed and its daemon does not answer: start it, or see `docker info`")


def succeeds(*command: str) -> bool:
    """Run a command in silence and return whether it ended well."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def output(*command: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a command, in this environment or our own, and return what it prints.

    Raises:
        SystemExit: it failed; with what it said.
    """
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        fail(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def run(*command: str, text: str = "") -> None:
    """Run a command that speaks for itself, and reads this text.

    Raises:
        SystemExit: it failed.
    """
    if subprocess.run(command, cwd=ROOT, input=text, text=True, check=False).returncode != 0:
        fail(f"`{' '.join(command)}` failed")
