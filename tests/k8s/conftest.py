"""What `kubectl kustomize` makes of the overlays, with secrets and tags made for the tests."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s import images
from plait.cli.secrets import write
from plait.local.config import load

ROOT = Path(__file__).parents[2]
TAG = "0123456789ab"
Manifest = dict[str, Any]


def need(tool: str) -> None:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed here, so what it would have shown was not tested")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A copy of k8s/ with what belongs to one cluster beside it."""
    folder = tmp_path_factory.mktemp("checkout") / "k8s"
    shutil.copytree(ROOT / "k8s", folder, ignore=shutil.ignore_patterns("secrets", "images"))
    tags = dict.fromkeys(images.processes(load(ROOT, {})), TAG)
    for overlay in ("kind", "production"):
        images.write(tags, "shop", folder / "overlays" / overlay)
        (folder / "overlays" / overlay / "workload-jwks.json").write_text('{"keys": []}')
    write(folder / "overlays" / "kind")
    return folder


@pytest.fixture(scope="session")
def rendered(checkout) -> Callable[[str], list[Manifest]]:
    """Render an overlay, each once."""
    known: dict[str, list[Manifest]] = {}

    def render(overlay: str) -> list[Manifest]:
        need("kubectl")
        if overlay not in known:
            done = subprocess.run(
                ["kubectl", "kustomize", str(checkout / "overlays" / overlay)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            known[overlay] = [each for each in yaml.safe_load_all(done.stdout) if each]
        return known[overlay]

    return render
