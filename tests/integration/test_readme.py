"""Every command of the documentation works as it is written, or says why it is not run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents.blocks import Block, blocks, matches
from tests.integration.shop import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOUR = blocks((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def terminal(shop, tmp_path_factory) -> Path:
    """What a shell keeps from one command to the next: its variables, in a file."""
    kept = tmp_path_factory.mktemp("terminal") / "variables"
    kept.write_text("", encoding="utf-8")
    return kept


def run(shop, terminal: Path, block: Block) -> str:
    script = (
        f"set -euo pipefail\n. {terminal}\nset -a\n{shop.here(block.command)}\n"
        f"export -p > {terminal}\n"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{block.command}{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def ran(shop, terminal) -> list[tuple[Block, str]]:
    """The commands of the README, run once in their order, each with what it printed.

    Those that need a tool which is not installed here are not among them.
    """
    return [
        (block, run(shop, terminal, block))
        for block in TOUR
        if not block.reason and (not block.tool or shutil.which(block.tool))
    ]


def test_the_commands_of_the_readme_work_in_their_order_and_print_what_the_page_shows(shop, ran):
    for block, printed in ran:
        assert not block.shown or matches(shop.here(block.shown), printed), f"{block}: {printed}"

    assert len(ran) > 10


@pytest.mark.foreign
@pytest.mark.parametrize("tool", sorted({block.tool for block in TOUR if block.tool}))
def test_a_foreign_tool_of_the_readme_was_run(tool, request):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed here, so the README's commands for it were not run")

    ran = request.getfixturevalue("ran")
    assert tool in {block.tool for block, _ in ran}


def test_the_two_commands_come_first():
    assert [block.command for block in TOUR[:2]] == ["make up\n", "make test\n"]


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_a_page_beside_the_readme_shows_no_command_without_a_reason(page):
    unexplained = [
        str(block) for block in blocks(page.read_text(encoding="utf-8")) if not block.reason
    ]

    assert unexplained == []


def test_few_commands_are_left_out():
    left_out = [block for block in TOUR if block.reason]

    assert len(left_out) <= 5
