"""`plait down`, `restart` and `ps`: what is asked of the supervisor that runs here."""

import asyncio
import json as jsons
import sys
from pathlib import Path

from rich.console import Console

from plait.local import up
from plait.local.control import ask_once
from plait.local.folders import Folders
from plait.local.logs import tail
from plait.local.view import PlainView, table


def down(root: Path) -> None:
    """Stop everything and return when it has ended."""
    asyncio.run(up.down(root, _view(root)))


def restart(root: Path, name: str) -> int:
    """Restart one process; return 0 when it is ready, 1 when it failed."""
    return asyncio.run(up.restart(root, name, _view(root)))


def ps(root: Path, *, json: bool) -> None:
    """Print the processes."""
    status = asyncio.run(ask_once(Folders(root=root).run, {"do": "status"}))
    if json:
        sys.stdout.write(jsons.dumps(status, indent=2) + "\n")
    else:
        Console().print(table(status))


def _view(root: Path) -> PlainView:
    folders = Folders(root=root)
    return PlainView(Console(), lambda name: tail(folders.log(name), up.LAST_LINES), from_now=True)
