"""`plait migrate` and `plait seed`: a service's database, brought up to date or filled."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plait.cli.login import fresh_token
from plait.local import postgres_plans
from plait.local.config import load
from plait.local.control import ask_once
from plait.local.environment import database_url
from plait.local.folders import Folders
from plait.local.migrate import bring_up
from plait.local.mistake import FAILED, REFUSED, USAGE, Mistake
from plait.local.plans import seed_start, with_token
from plait.local.postgres_plans import place_of, wanted
from plait.local.project import Project


def migrate(root: Path, name: str) -> None:
    """Migrate the database of DATABASE_URL, or the service's local one (see PLAIT_DATABASE).

    Raises:
        Mistake: there is no such service, or it has no migrations.
    """
    service = load(root, os.environ).service(name)
    if not service.migrations:
        raise Mistake(f"the service {name} has no migrations in plait.toml", code=USAGE)
    folders = Folders(root=root)
    folders.create()
    url, unseeded = database_url(folders, name), folders.unseeded(name)
    if wanted(os.environ):
        place = place_of(folders, os.environ)
        url, unseeded = place.url(name), place.unseeded(name)
    url = os.environ.get("DATABASE_URL") or url
    steps = bring_up(url, root / service.migrations, unseeded if service.seed else None)
    said = f"migrated {name}: {', '.join(steps)}" if steps else f"{name} is at its newest revision"
    sys.stdout.write(f"{said}\n")


def seed(root: Path, products: int | None) -> int:
    """Run each service's seed, in the order of plait.toml; return 1 when one has failed.

    Each calls with the token of the last `plait login`.

    Raises:
        Mistake: the project does not run, nothing in it has a seed, or nobody is logged in.
    """
    project = load(root, os.environ)
    folders = Folders(root=root)
    running = asyncio.run(ask_once(folders.run, {"do": "status"}))
    services = [service for service in project.services if service.seed]
    if not services:
        raise Mistake("no service in plait.toml has a seed", code=USAGE)
    arguments = [] if products is None else ["--products", str(products)]
    for service in services:
        token = _token(project)  # each time: a seed may outlive a token
        start = with_token(seed_start(project, folders, os.environ, service), token)
        spec = json.dumps(start.to_json() | {"env": {}, "arguments": arguments})
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "plait.local.birth", str(os.getpid()), spec],
            env=dict(start.env),
            cwd=root,
            check=False,
        )
        if done.returncode:
            return FAILED  # the next one may need what this one should have made
        _unseeded(running, folders, service.name).unlink(missing_ok=True)
    return 0


def _unseeded(running: Mapping[str, Any], folders: Folders, service: str) -> Path:
    """Return the mark of the database that was filled: of the kind that runs."""
    names = {process["name"] for process in running["processes"]}
    if postgres_plans.NAME in names:
        return place_of(folders, os.environ).unseeded(service)
    return folders.unseeded(service)


def _token(project: Project) -> str:
    token = asyncio.run(fresh_token(project))
    if project.login is not None and not token:
        raise Mistake(
            "a seed calls as an administrator, and nobody is logged in: `plait login --admin`, "
            "then `plait seed`",
            code=REFUSED,
        )
    return token
