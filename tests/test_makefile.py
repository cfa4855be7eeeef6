"""What `make` says to somebody whose machine lacks something, before anything is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=checkout,
        env={"HOME": str(checkout), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(checkout: Path, script: str) -> Path:
    python = checkout / "fake-python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    return python


def test_a_python_that_is_too_old_is_one_clear_sentence(checkout):
    old = fake_python(checkout, 'case "$2" in *exit*) exit 1;; *) echo 3.9;; esac')

    answer = make(checkout, "up", f"PYTHON={old}")

    assert answer.returncode != 0
    assert f"plait needs Python 3.11 or later ({old} is 3.9)" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_python_is_one_clear_sentence(checkout):
    answer = make(checkout, "up", "PYTHON=/nowhere/python3")

    assert answer.returncode != 0
    assert "plait needs Python 3.11 or later (no python3 was found): install one" in answer.stderr


def test_a_python_without_venv_is_one_clear_sentence(checkout):
    bare = fake_python(
        checkout, 'case "$2" in *ensurepip*) exit 1;; *exit*) exit 0;; *) echo 3.12;; esac'
    )

    answer = make(checkout, "up", f"PYTHON={bare}")

    assert answer.returncode != 0
    assert f"plait needs Python's venv module, which {bare} lacks: install it" in answer.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("arguments", "lock", "command"),
    [
        ((), "requirements.lock", "up"),
        (("DETACH=1",), "requirements.lock", "up --detach"),
        (("DATABASE=sqlite",), "requirements.lock", "up --database sqlite"),
        (("DATABASE=postgres",), "requirements-dev.lock", "up --database postgres"),
    ],
)
def test_up_installs_what_the_database_needs(checkout, arguments, lock, command):
    shutil.copy(ROOT / "requirements-dev.lock", checkout)

    planned = " ".join(make(checkout, "--dry-run", "up", *arguments).stdout.split())

    assert f"-r {lock}" in planned
    assert planned.endswith(f"exec .venv/bin/plait {command}")


def test_help_lists_every_target_with_what_it_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)).split()
    assert len(phony) > 10

    shown = make(ROOT, "help").stdout

    for target in phony:
        assert re.search(rf"^  make {target} +\S", shown, re.MULTILINE), target
