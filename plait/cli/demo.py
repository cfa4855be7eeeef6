"""`plait demo`: the project's own walk through its running system."""

import asyncio
import importlib
import os
import sys
from pathlib import Path

from rich.console import Console

from plait.cli.exchange import WalkFailed
from plait.cli.walk import Walk
from plait.local.config import load
from plait.local.control import ask_once
from plait.local.folders import Folders
from plait.local.mistake import FAILED, USAGE, Mistake
from plait.local.project import Project
from plait.local.sessions import Sessions

TOKEN = "TOKEN"  # noqa: S105 - the name of the variable with the administrator's


def run(root: Path) -> int:
    """Run `walk(walk: Walk)` of the module that plait.toml names; return 1 if something is wrong.

    Raises:
        Mistake: the project has no demo or no gateway, or does not run; or its administrator cannot
            log in.
    """
    project = load(root, os.environ)
    if not project.demo or not project.gateway or not project.services:
        raise Mistake(
            "a demo needs project.demo, [gateway] and a service in plait.toml", code=USAGE
        )
    status = asyncio.run(ask_once(Folders(root=root).run, {"do": "status"}))
    addresses = {process["name"]: process["address"] for process in status["processes"]}
    console = Console()
    walk = Walk(
        console,
        gateway=addresses["gateway"],
        targets={
            contract: addresses[service.name]
            for service in project.services
            for contract in service.contracts
        },
        page=addresses.get("console", ""),
    )
    _log_in(project, walk)
    sys.path[:0] = [str(root), str(root / "gen")]
    try:
        importlib.import_module(project.demo).walk(walk)
    except WalkFailed as error:
        sys.stderr.write(f"plait: the demo found something wrong: {error}\n")
        return FAILED
    console.print("\nEverything was as it should be.", style="green")
    return 0


def _log_in(project: Project, walk: Walk) -> None:
    if project.login is None or project.login.admin is None:
        return
    session = asyncio.run(Sessions(project, os.environ).log_in_as_admin())
    walk.variables[TOKEN] = session.access_token
    walk.copy(f"{TOKEN}=$(plait login --admin --print-token)")
