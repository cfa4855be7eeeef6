"""`plait migrate` and `plait seed`: a service's database, brought up to date or filled."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from plait.clock import SystemClock
from plait.local.config import load
from plait.local.control import ask_once
from plait.local.environment import database_url
from plait.local.folders import Folders
from plait.local.keys import Keys
from plait.local.migrate import bring_up
from plait.local.mistake import FAILED, USAGE, Mistake
from plait.local.plans import seed_start


def migrate(root: Path, name: str) -> None:
    """Migrate the database of DATABASE_URL, or the service's local one.

    Raises:
        Mistake: there is no such service, or it has no migrations.
    """
    service = load(root, os.environ).service(name)
    if not service.migrations:
        raise Mistake(f"the service {name} has no migrations in plait.toml", code=USAGE)
    folders = Folders(root=root)
    folders.create()
    url = os.environ.get("DATABASE_URL") or database_url(folders, name)
    unseeded = folders.unseeded(name) if service.seed else None
    steps = bring_up(url, root / service.migrations, unseeded)
    said = f"migrated {name}: {', '.join(steps)}" if steps else f"{name} is at its newest revision"
    sys.stdout.write(f"{said}\n")


def seed(root: Path, products: int | None) -> int:
    """Run each service's seed against the running system; return 1 if one failed.

    Raises:
        Mistake: the project does not run, or nothing in it has a seed.
    """
    project = load(root, os.environ)
    folders = Folders(root=root)
    asyncio.run(ask_once(folders.run, {"do": "status"}))
    services = [service for service in project.services if service.seed]
    if not services:
        raise Mistake("no service in plait.toml has a seed", code=USAGE)
    token = Keys.load(folders, SystemClock()).admin_token()
    arguments = [] if products is None else ["--products", str(products)]
    failed = False
    for service in services:
        start = seed_start(project, folders, os.environ, service, token)
        spec = json.dumps(start.to_json() | {"env": {}, "arguments": arguments})
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "plait.local.birth", str(os.getpid()), spec],
            env=dict(start.env),
            cwd=root,
            check=False,
        )
        failed = failed or done.returncode != 0
    return FAILED if failed else 0
