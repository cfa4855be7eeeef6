"""The house itself: where things live, and that nothing lives elsewhere."""

import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ROOMS = {"__init__.py", "domain.py", "store.py", "wire.py", "service.py", "main.py"}
FOLDERS = {
    *(".ci", "bench", "docs", "gateway", "gen", "k8s", "plait", "protos", "services", "tests"),
}
FILES = {
    *("Makefile", "pyproject.toml", "README.md", "plait.toml", "buf.yaml", "LICENSE"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "requirements.lock", "requirements-dev.lock"),
    ".gitignore",
}
TEXTS = {".md", ".py", ".proto", ".toml", ".yaml", ".js", ".html", ".css", ".sh", ""}
NAMED = re.compile(
    r"(?<![\w/.-])(docs/[\w/.-]+\.md|(?:bench|gateway|plait|services|tests)/[\w/.-]+\.py)\b"
)
# Modules whose promises are kept where they are used: the file that tests them.
TESTED_BY = {
    "plait/mesh/identity/identity.py": "tests/mesh/identity/test_tokens.py",
    "plait/mesh/metadata.py": "tests/mesh/test_grpcio.py",
    "plait/mesh/serving.py": "tests/mesh/test_grpcio.py",
    "plait/rpc/http2/owner.py": "tests/rpc/http2/ends.py",
}
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/__init__.py"))


def tracked() -> list[Path]:
    """Every file that git knows or would take in, as paths from the root."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(line) for line in listing.stdout.splitlines() if (ROOT / line).exists()]


def test_there_are_services():
    assert "catalog" in SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_rooms_of_the_house(name):
    rooms = {path.name for path in (ROOT / "services" / name).glob("*.py")}

    assert rooms >= ROOMS


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_contract_of_its_name(name):
    assert (ROOT / "protos" / "shop" / name / "v1" / f"{name}.proto").is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_each_room_with_rules_has_a_test_file(name):
    tests = {path.name for path in (ROOT / "tests" / "services" / name).glob("test_*.py")}

    assert tests >= {"test_domain.py", "test_store.py", "test_wire.py", "test_service.py"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_in_one_sentence_what_it_is_for(name):
    source = (ROOT / "services" / name / "__init__.py").read_text(encoding="utf-8").strip()

    assert source.startswith('"""')
    assert source.endswith('."""')
    assert "\n" not in source


@pytest.mark.parametrize("name", SERVICES)
def test_plait_up_starts_every_service(name):
    started = tomllib.loads((ROOT / "plait.toml").read_text(encoding="utf-8"))["services"]

    assert name in {service["name"] for service in started}


def test_the_root_holds_only_what_is_listed():
    first = {(path.parts[0], len(path.parts) > 1) for path in tracked()}

    assert {name for name, folder in first if folder} <= FOLDERS
    assert {name for name, folder in first if not folder} <= FILES


def test_every_listed_root_file_is_there():
    assert {name for name in FILES if not (ROOT / name).is_file()} == set()


def test_every_module_of_plait_has_a_test_file():
    untested = [
        str(path)
        for path in tracked()
        if path.parts[0] == "plait"
        and path.suffix == ".py"
        and path.parts[1] != "api"
        and path.name != "__init__.py"
        and not _tests_of(path)
    ]

    assert untested == []


def _tests_of(module: Path) -> list[Path]:
    if elsewhere := TESTED_BY.get(str(module)):
        return [path for path in [ROOT / elsewhere] if path.is_file()]
    folder = ROOT / "tests" / Path(*module.parts[1:-1])
    return [*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")]


def test_an_init_file_says_what_the_package_is_and_does_nothing():
    talkative = [
        str(path)
        for path in tracked()
        if path.name == "__init__.py"
        and path.parts[0] in {"plait", "services", "gateway"}
        and path.parts[:2] != ("plait", "api")
        and (ROOT / path).read_text(encoding="utf-8").strip().count('"""') != 2
    ]

    assert talkative == []


def test_every_file_that_a_text_names_exists():
    lost = [
        f"{path} names {found[1]}"
        for path in tracked()
        if path.parts[0] != "gen" and path.suffix in TEXTS
        for found in NAMED.finditer((ROOT / path).read_text(encoding="utf-8"))
        if not (ROOT / found[1]).is_file()
    ]

    assert lost == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see docs/architecture.md.", ["docs/architecture.md"]),
        ("`tests/ports.py`, plait/ids.py", ["tests/ports.py", "plait/ids.py"]),
        ("https://example.org/docs/x.md, ../docs/x.md, contests/x.py", []),
    ],
)
def test_a_named_file_is_a_path_from_the_root(text, names):
    assert [found[1] for found in NAMED.finditer(text)] == names


def test_no_lock_file_names_where_a_package_comes_from():
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = (ROOT / name).read_text(encoding="utf-8")

        assert "://" not in lock
        assert "index-url" not in lock
        assert lock.count("--hash=sha256:") > lock.count("==")


def test_a_lock_names_the_extras_that_other_packages_ask_for():
    """Or pip takes `coverage[toml]` for another package than the locked `coverage`, from the day on
    which a newer one is out."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        locked = [Requirement(line.split(" \\")[0]) for line in lines if re.match(r"\w\S*==", line)]
        extras = {canonicalize_name(each.name): each.extras for each in locked}
        asked = [
            Requirement(text)
            for each in locked
            if each.marker is None or each.marker.evaluate()
            for text in distribution(each.name).requires or ()
        ]

        lacking = {
            str(each)
            for each in asked
            if each.extras
            and (each.marker is None or each.marker.evaluate({"extra": ""}))
            and not each.extras <= extras[canonicalize_name(each.name)]
        }

        assert len(locked) > 30
        assert lacking == set()
