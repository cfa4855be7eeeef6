"""`make images`: an image of each process, from locked wheels that were downloaded beside it.

An image's tag is a hash of all that is in it. So a tag never means two things, an image that is
there is not built again, and what has not changed is not rolled out.
"""

import argparse
import hashlib
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

from k8s.tools import ROOT, need, output, run, say, succeeds
from plait.local.config import load
from plait.local.project import Project

BASE = "python:3.13-slim"
OVERLAY = ROOT / "k8s" / "overlays" / "kind"
STAGE = ROOT / "dist" / "images"
DOCKERFILE = ROOT / "k8s" / "Dockerfile"
LEFT_OUT = "plait (pyproject.toml:install)"  # what only `pip install -e .` needs
_GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_ASK = "import platform, sys; print(platform.machine(), '%d.%d.%d' % sys.version_info[:3])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The image that the others stand on: its id, and what its Python runs on."""

    name: str
    id: str
    machine: str
    python: str

    def holds(self, marker: str) -> bool:
        """Whether a requirement's marker (PEP 508) is true there."""
        return not marker or Marker(marker).evaluate(
            {
                "implementation_name": "cpython",
                "os_name": "posix",
                "platform_machine": self.machine,
                "platform_python_implementation": "CPython",
                "platform_system": "Linux",
                "python_full_version": self.python,
                "python_version": ".".join(self.python.split(".")[:2]),
                "sys_platform": "linux",
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package of the lock file: its line with hashes, its marker, and who asks for it."""

    name: str
    marker: str
    lines: tuple[str, ...]
    asked_by: frozenset[str]


def locked(text: str) -> list[Locked]:
    """Read a lock file as `uv pip compile` writes it."""
    return [_locked(block) for block in re.split(r"\n(?=\w)", text) if re.match(r"\w", block)]


def _locked(block: str) -> Locked:
    lines = block.splitlines()
    first = lines[0].removesuffix("\\")
    requirement, _, marker = (part.strip() for part in first.partition(";"))
    comments = [line.strip(" #") for line in lines if line.lstrip().startswith("#")]
    return Locked(
        name=re.split(r"[=\[]", requirement)[0],
        marker=marker,
        lines=(
            f"{requirement} \\",
            *(line for line in lines[1:] if not line.lstrip().startswith("#")),
        ),
        asked_by=frozenset(comment.removeprefix("via").strip() for comment in comments) - {""},
    )


def needed(packages: list[Locked], base: Base) -> list[Locked]:
    """Return the packages that run in an image: not those that only build plait."""
    there = [package for package in packages if base.holds(package.marker)]
    names = {
        package.name
        for package in there
        if any(who.startswith("plait ") and who != LEFT_OUT for who in package.asked_by)
    }
    while more := {p.name for p in there if p.asked_by & names} - names:
        names |= more
    return [package for package in there if package.name in names]


def requirements(packages: list[Locked]) -> str:
    """Return what pip reads: each package with its hashes, markers decided."""
    return "\n".join(line for package in packages for line in package.lines) + "\n"


def processes(project: Project) -> dict[str, str]:
    """Return the module of each process in plait.toml, by its name."""
    modules = {service.name: service.module for service in project.services}
    if project.gateway is not None:
        modules["gateway"] = project.gateway.module
    if project.console is not None:
        modules["console"] = project.console.module
    return modules


def code_of(module: str) -> list[str]:
    """Return what a process' own code is, as patterns of files below the root."""
    if module.startswith("plait."):
        return []
    folder = module.rpartition(".")[0].replace(".", "/")
    parents = [f"{parent}/__init__.py" for parent in Path(folder).parents if str(parent) != "."]
    return [*parents, f"{folder}/**/*", "gen/**/*"]


def base_image(name: str) -> Base:
    """Ask the base image what it is; docker pulls it where it is not there yet."""
    machine, python = output(
        "docker", "run", "--rm", "--network=none", "--entrypoint=python", name, "-c", _ASK
    ).split()
    found = output("docker", "image", "inspect", "--format={{.Id}}", name)
    return Base(name=name, id=found, machine=machine, python=python)


def stage(base: Base) -> None:
    """Put everything that the Dockerfile copies into one folder; wheels that are there stay."""
    STAGE.mkdir(parents=True, exist_ok=True)
    text = requirements(needed(locked((ROOT / "requirements.lock").read_text("utf-8")), base))
    listed = STAGE / "requirements.txt"
    wheels = STAGE / "wheels"
    if not wheels.is_dir() or not listed.is_file() or listed.read_text("utf-8") != text:
        say("downloading the packages of requirements.lock for the images ...")
        shutil.rmtree(wheels, ignore_errors=True)
        listed.write_text(text, "utf-8")
        _download(base, listed, wheels)
    for folder in ("plait", "apps"):
        shutil.rmtree(STAGE / folder, ignore_errors=True)
    python = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(STAGE / "plait"), ".")
    output(*python, *wheel)


def _download(base: Base, listed: Path, wheels: Path) -> None:
    fresh = wheels.with_name("wheels.new")
    shutil.rmtree(fresh, ignore_errors=True)
    platforms = [f"--platform={glibc}_{base.machine}" for glibc in _GLIBC]
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download")
    target = (f"--python-version={base.python}", "--implementation=cp", *platforms)
    chosen = ("--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirement={listed}")
    output(*pip, *target, *chosen, f"--dest={fresh}")
    fresh.rename(wheels)


def stage_app(name: str, module: str) -> Path:
    """Copy a process' own code to where the Dockerfile looks for it."""
    app = STAGE / "apps" / name
    app.mkdir(parents=True)
    for pattern in code_of(module):
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                target = app / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    return app


def tag_of(base: Base, app: Path) -> str:
    """Return the tag of an image: a hash of its base and of every file that goes into it."""
    digest = hashlib.sha256(base.id.encode())
    for path in _files(app):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(app.parent.parent)} {content}\n".encode())
    return digest.hexdigest()[:12]


def _files(app: Path) -> Iterator[Path]:
    yield from (STAGE / "requirements.txt", *sorted((STAGE / "plait").iterdir()))
    yield from sorted(path for path in app.rglob("*") if path.is_file())


def build(repository: str, base: Base) -> dict[str, str]:
    """Build what is not there yet; returns the tags by the names of the processes."""
    stage(base)
    dockerfile = DOCKERFILE.read_bytes()
    tags: dict[str, str] = {}
    for name, module in processes(load(ROOT, {})).items():
        app = stage_app(name, module)
        tags[name] = hashlib.sha256(dockerfile + tag_of(base, app).encode()).hexdigest()[:12]
        image = f"{repository}/{name}:{tags[name]}"
        if succeeds("docker", "image", "inspect", image):
            continue
        say(f"building {image} ...")
        arguments = (f"--build-arg=SERVICE={name}", f"--build-arg=BASE={base.name}")
        where = (f"--file={DOCKERFILE}", f"--tag={image}", str(STAGE))
        run("docker", "build", "--quiet", *arguments, *where)
    return tags


def component(repository: str, tags: Mapping[str, str]) -> str:
    """Return the kustomize component that puts these images in the place of `shop/<name>`."""
    images = "".join(
        f"  - {{name: shop/{name}, newName: {repository}/{name}, newTag: {tag}}}\n"
        for name, tag in tags.items()
    )
    return (
        "# Written by `make images`.\n"
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        f"images:\n{images}"
    )


def write(tags: Mapping[str, str], repository: str = "shop", overlay: Path = OVERLAY) -> None:
    """Write the component with these tags to where an overlay reads it."""
    folder = overlay / "images"
    folder.mkdir(exist_ok=True)
    (folder / "kustomization.yaml").write_text(component(repository, tags), "utf-8")


def main() -> None:
    """Build the images, and write their tags where the overlay reads them."""
    parser = argparse.ArgumentParser(description="Build an image of each process.")
    parser.add_argument("--base", default=BASE, help="the base image; %(default)s without it")
    parser.add_argument("--repository", default="shop", help="what comes before /catalog")
    parser.add_argument("--overlay", type=Path, default=OVERLAY, help="the folder that wants them")
    options = parser.parse_args()
    need("docker")
    tags = build(options.repository, base_image(options.base))
    write(tags, options.repository, options.overlay)
    for name, tag in tags.items():
        say(f"image {options.repository}/{name}:{tag}")


if __name__ == "__main__":
    main()
