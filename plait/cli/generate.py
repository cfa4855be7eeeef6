"""`plait generate`: writes gen/ and plait/api/ from protos/, and proves that both are fresh."""

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from google.protobuf.descriptor_pb2 import FileDescriptorSet

CONTRACTS = "gen/contracts.binpb"
RELEASED = "protos/released.binpb"

_OURS = "plait"  # becomes a part of the package of that name, not of gen/
_VENDORED = ("buf", "google", "grpc")
_NEEDED = "buf/validate"  # the one vendored folder that no wheel brings as Python
_GENERATED = ("gen", "plait/api")
_HOW_TO_INSTALL = "run `make check`: it installs the locked development tools into .venv"


class GenerateError(Exception):
    """A mistake that a user can mend; its text says what and how."""


def generate(root: Path) -> None:
    """Write what the contracts under `root` say, and remove what they no longer say.

    A file that is right already is not touched.

    Raises:
        GenerateError: a tool is missing, or protoc refuses a contract.
    """
    fresh = _fresh(root)
    for name in _written(root) - fresh.keys():
        (root / name).unlink()
    for name, content in fresh.items():
        path = root / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def stale(root: Path) -> list[str]:
    """Return the generated files under `root` that are missing, different or left over.

    Raises:
        GenerateError: a tool is missing, or protoc refuses a contract.
    """
    fresh = _fresh(root)
    left_over = _written(root) - fresh.keys()
    wrong = {name for name, content in fresh.items() if _content(root / name) != content}
    return sorted(left_over | wrong)


def accept(root: Path) -> None:
    """Make the contracts under `root` the released ones, with which `buf breaking` compares.

    Raises:
        GenerateError: CHANGELOG.md does not say under [Unreleased] what changed in the contracts.
    """
    if not any(line.startswith("- Contracts:") for line in _unreleased(root)):
        raise GenerateError(
            "a release of the contracts needs a word to their users: expected a line that starts "
            f"with `- Contracts:` in the section [Unreleased] of {root / 'CHANGELOG.md'}, found "
            "none; add one that says what changed for callers, then repeat"
        )
    folders = [f"--path=protos/{folder}" for folder in _contracts(root)]
    image = (root / RELEASED).resolve()
    _run(root, _tool("buf"), "build", *folders, "--exclude-source-info", f"--output={image}")


def generate_command(*, check: bool = False, root: Path = Path()) -> None:
    """Write the generated code of the project at `root`, or with `check` only compare it.

    Raises:
        GenerateError: with `check`, if a file is not what the contracts say; else as `generate`.
    """
    if not check:
        generate(root)
    elif names := stale(root):
        raise GenerateError(
            "generated code differs from the contracts: "
            f"{', '.join(names)}; run `make generate` and commit the result"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as `python -m plait.cli.generate [--check | --accept] [root]`; return the exit status."""
    parser = argparse.ArgumentParser(prog="plait generate", description=__doc__)
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--check", action="store_true", help="compare only")
    act.add_argument("--accept", action="store_true", help=f"rewrite {RELEASED}")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the project's folder")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.accept:
            accept(chosen.root)
        else:
            generate_command(check=chosen.check, root=chosen.root)
    except GenerateError as error:
        sys.stderr.write(f"plait generate: {error}\n")
        return 1
    return 0


def _fresh(root: Path) -> dict[str, bytes]:
    contracts = _describe(root)
    described = FileDescriptorSet.FromString(contracts).file
    served = {file.name.removesuffix(".proto") for file in described if file.service}
    theirs = [folder for folder in _contracts(root) if folder != _OURS]
    with tempfile.TemporaryDirectory(prefix="plait-generate-") as scratch:
        out = Path(scratch)
        _compile(root, out / "gen", _protos(root, *theirs, _NEEDED), served)
        _compile(root, out, _protos(root, _OURS), served)
        made = {
            path.relative_to(out).as_posix(): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file()
        }
    return made | _packages(made) | {CONTRACTS: contracts}


def _compile(root: Path, out: Path, protos: Sequence[str], served: set[str]) -> None:
    """Write the code of `protos` to `out`; that for services only of those that have one."""
    if not protos:
        return
    out.mkdir(exist_ok=True)
    writers = ("python", "mypy", "grpc_python", "mypy_grpc")
    _protoc(root, *(f"--{writer}_out={out}" for writer in writers), *protos)
    for stem in {proto.removesuffix(".proto") for proto in protos} - served:
        for ending in ("py", "pyi"):
            (out / f"{stem}_pb2_grpc.{ending}").unlink(missing_ok=True)


def _packages(made: Iterable[str]) -> dict[str, bytes]:
    """Make regular packages of the folders in plait/api: import-linter sees no other."""
    folders = {folder for name in made for folder in PurePosixPath(name).parents}
    return {
        f"{folder}/__init__.py": b'"""Generated from protos/plait by `plait generate`."""\n'
        for folder in folders
        if folder.is_relative_to("plait/api")
    }


def _describe(root: Path) -> bytes:
    protos = _protos(root, *_contracts(root))
    if not protos:
        raise GenerateError(f"expected contracts (*.proto) under {root / 'protos'}, found none")
    with tempfile.TemporaryDirectory(prefix="plait-generate-") as scratch:
        out = Path(scratch, "contracts.binpb")
        said = ("--include_imports", "--include_source_info")
        _protoc(root, *said, f"--descriptor_set_out={out}", *protos)
        return out.read_bytes()


def _contracts(root: Path) -> list[str]:
    """Return the folders of protos/ that hold contracts of the project's own."""
    folders = (path.name for path in (root / "protos").glob("*/"))
    return sorted(folder for folder in folders if folder not in _VENDORED)


def _protos(root: Path, *folders: str) -> list[str]:
    base = root / "protos"
    return sorted(
        path.relative_to(base).as_posix()
        for folder in folders
        for path in (base / folder).rglob("*.proto")
    )


def _protoc(root: Path, *arguments: str) -> None:
    plugins = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
    _run(
        root,
        *(sys.executable, "-m", "grpc_tools.protoc"),
        *("--proto_path=protos", f"--proto_path={_well_known_types()}"),
        *(f"--plugin={name}={_tool(name)}" for name in plugins),
        *arguments,
    )


def _run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of the venv, arguments of ours
    if done.returncode:
        raise GenerateError(f"the contracts are refused:\n{done.stderr.strip()}")


def _tool(name: str) -> str:
    beside_python = Path(sys.executable).parent
    found = shutil.which(name, path=str(beside_python))
    if found is None:
        raise GenerateError(f"{name} is not installed in {beside_python}; {_HOW_TO_INSTALL}")
    return found


def _well_known_types() -> Path:
    spec = importlib.util.find_spec("grpc_tools")
    if spec is None or spec.origin is None:
        raise GenerateError(f"grpcio-tools is not installed in {sys.prefix}; {_HOW_TO_INSTALL}")
    return Path(spec.origin).parent / "_proto"


def _written(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix()
        for folder in _GENERATED
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _unreleased(root: Path) -> Iterator[str]:
    changelog = root / "CHANGELOG.md"
    inside = False
    for line in changelog.read_text(encoding="utf-8").splitlines() if changelog.is_file() else ():
        if line.startswith("## "):
            inside = line.lower().startswith("## [unreleased]")
        elif inside:
            yield line


if __name__ == "__main__":
    sys.exit(main())
