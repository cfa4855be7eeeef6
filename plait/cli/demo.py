"""`plait demo`: the project's own walk through its running system."""

import asyncio
import importlib
import os
import sys
from pathlib import Path

from rich.console import Console

from plait.cli.walk import Walk, WalkFailed
from plait.clock import SystemClock
from plait.local.config import load
from plait.local.control import ask_once
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.mistake import FAILED, USAGE, Mistake


def run(root: Path) -> int:
    """Run `walk(walk: Walk)` of the module that plait.toml names; return 1 if something is wrong.

    Raises:
        Mistake: the project has no demo or no gateway, or does not run.
    """
    project = load(root, os.environ)
    if not project.demo or not project.gateway or not project.services:
        raise Mistake(
            "a demo needs project.demo, [gateway] and a service in plait.toml", code=USAGE
        )
    folders = Folders(root=root)
    status = asyncio.run(ask_once(folders.run, {"do": "status"}))
    addresses = {process["name"]: process["address"] for process in status["processes"]}
    console = Console()
    walk = Walk(
        console,
        gateway=addresses["gateway"],
        target=addresses[project.services[0].name],
        traces=addresses.get("console", ""),
        token=Keys.load(folders, SystemClock()).admin_token(),
    )
    sys.path[:0] = [str(root), str(root / "gen")]
    console.print("TOKEN=$(plait login --dev-admin --print-token)", style="cyan", soft_wrap=True)
    try:
        importlib.import_module(project.demo).walk(walk)
    except WalkFailed as error:
        sys.stderr.write(f"plait: the demo found something wrong: {error}\n")
        return FAILED
    console.print("\nEverything was as it should be.", style="green")
    return 0
