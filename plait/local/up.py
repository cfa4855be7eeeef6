"""`plait up` and `plait down`: from a folder with a plait.toml to a running system, and back."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from plait.clock import SystemClock
from plait.local import environment, postgres_plans, secrets
from plait.local.birth import open_log
from plait.local.config import load
from plait.local.control import ask, ask_once, listening
from plait.local.folders import Folders
from plait.local.keeper import Keeper, Pace
from plait.local.keys import Keys
from plait.local.lifecycle import Process
from plait.local.lock import Lock, acquire, held
from plait.local.logs import rotate, tail
from plait.local.mistake import FAILED, NOT_RUNNING, RUNNING, Mistake
from plait.local.news import all_ready
from plait.local.plans import PRELOAD, Plans, plans
from plait.local.ports import Port, ports, require_free
from plait.local.postgres import binaries
from plait.local.project import Project
from plait.local.seeding import Seeding
from plait.local.spawner import Spawner
from plait.local.supervisor import Supervisor, failed, settled
from plait.local.tokens import WorkloadTokens
from plait.local.view import PlainView, View, nothing, view_on

LAST_LINES = 10  # of a crashed process's log
_TICK = 1.0  # seconds between two looks at what changes by itself: uptimes
_CONNECT = 10.0  # seconds that a supervisor in the background gets until it answers
_POLL = 0.02  # seconds


def up(root: Path, inherited: Mapping[str, str], console: Console, *, telling: bool = True) -> int:
    """Run the project here until a signal or `plait down` ends it; return the exit code.

    With `telling`, `console` is shown the secrets that were made for a person.

    Raises:
        Mistake: plait.toml is wrong, the project runs already, or a port is taken.
    """
    project, folders, lock = _prepared(root, inherited)
    try:
        tell = secrets.telling(project, folders) if telling else nothing
        view = view_on(console, partial(_last_lines, folders), tell)
        try:
            return asyncio.run(_supervise(project, folders, inherited, view))
        finally:
            view.close()
    finally:
        lock.release()


def up_detached(root: Path, inherited: Mapping[str, str], console: Console) -> int:
    """Run the project in the background; return when each process is ready (0) or failed (1).

    Raises:
        Mistake: as `up`, or the supervisor ended before it answered.
    """
    project, folders, lock = _prepared(root, inherited)
    tell = secrets.telling(project, folders)
    lock.release()
    rotate(folders.supervisor_log)
    before = folders.supervisor_log.stat().st_size if folders.supervisor_log.exists() else 0
    log = open_log(str(folders.supervisor_log))
    supervisor = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "plait.local.up", str(root)],
        env={**inherited, "PYTHONPATH": environment.python_path(root, inherited)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    os.close(log)
    view = PlainView(console, partial(_last_lines, folders), tell)
    status = asyncio.run(_follow_until_settled(folders, supervisor, view, before))
    supervisor.returncode = 0  # it lives on without us: nobody is to wait for it
    if all_ready(status):
        console.print(
            f"{project.name} runs in the background: `plait ps` shows it, `plait logs -f` follows "
            "its logs, `plait down` stops it.",
            soft_wrap=True,
        )
        return 0
    for line in tell():  # the others run on: this is the last time that we say something
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    raise Mistake(
        f"{', '.join(failed(status))} failed; the others run on: `plait logs` shows why, "
        "`plait restart NAME` tries again, `plait down` stops everything"
    )


async def down(root: Path, view: View) -> None:
    """Drain and stop the project that runs in `root`, and return when nothing of it is left.

    Raises:
        Mistake: it does not run.
    """
    folders = Folders(root=root)
    async for status in ask(folders.run, {"do": "down"}):
        view.show(status)
    async with asyncio.timeout(_CONNECT):
        while held(folders.lock):  # noqa: ASYNC110 - it is another process that ends
            await asyncio.sleep(_POLL)


async def restart(root: Path, name: str, view: View) -> int:
    """Restart one process and return when it is ready (0) or failed (1).

    Raises:
        Mistake: the project does not run, or has no such process.
    """
    folders = Folders(root=root)
    before = _named(await ask_once(folders.run, {"do": "restart", "name": name}), name)
    async with contextlib.aclosing(ask(folders.run, {"do": "watch"})) as statuses:
        async for status in statuses:
            view.show(status)
            now = _named(status, name)
            if now["settled"] and now["starts"] > before["starts"]:
                return FAILED if name in failed(status) else 0
    raise Mistake("the supervisor ended meanwhile", code=NOT_RUNNING)


def _named(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(process for process in status["processes"] if process["name"] == name)


def _prepared(root: Path, inherited: Mapping[str, str]) -> tuple[Project, Folders, Lock]:
    project = load(root, inherited)
    folders = Folders(root=root)
    folders.create()
    lock = acquire(folders.lock)
    if lock is None:
        raise Mistake(asyncio.run(_what_runs(folders)), code=RUNNING)
    try:
        require_free([*ports(project, inherited), *_server_port(folders, inherited)])
    except Mistake:
        lock.release()
        raise
    return project, folders, lock


def _server_port(folders: Folders, inherited: Mapping[str, str]) -> Iterator[Port]:
    if postgres_plans.wanted(inherited):
        binaries()  # says what is missing, before anything is started
        yield from postgres_plans.server_port(postgres_plans.place_of(folders, inherited))


async def _what_runs(folders: Folders) -> str:
    head = f"plait runs in {folders.root} already"
    end = "`plait ps` shows it, `plait down` stops it"
    try:
        status = await ask_once(folders.run, {"do": "status"})
    except Mistake:  # it holds the lock, and is only about to start or to end
        return f"{head}, and is just starting or stopping; {end}"
    processes = [
        f"  {process['name']}: {process['state']}, {process['address']}"
        for process in status["processes"]
    ]
    return "\n".join([f"{head} (pid {status['pid']}):", *processes, end])


async def _supervise(
    project: Project, folders: Folders, inherited: Mapping[str, str], view: View
) -> int:
    plain = environment.without_secrets(project, inherited)
    on_postgres = postgres_plans.wanted(inherited)
    shared = PRELOAD if project.preload is None else project.preload
    spawner = Spawner(
        root=project.root,
        env={**plain, "PYTHONPATH": environment.python_path(project.root, inherited)},
        log=folders.supervisor_log,
        modules=(*shared, *postgres_plans.PRELOAD) if on_postgres else shared,
    )
    spawner.launch()
    try:
        keys = Keys.load_or_make(folders, SystemClock())
        tokens = WorkloadTokens(project, folders, keys, SystemClock())
        tokens.write_all()
        made = secrets.load_or_make(project, folders, inherited)
        planned = plans(project, folders, inherited, made)
        if on_postgres:
            place = postgres_plans.place_of(folders, inherited)
            planned = postgres_plans.on_postgres(planned, project, place)
        supervisor, seeding = _supervisor(project, planned, spawner, view, inherited)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, supervisor.stop)
        async with listening(folders.run, supervisor.answer), asyncio.TaskGroup() as chores:
            endless = [
                chores.create_task(tokens.renew(), name="renew tokens"),
                chores.create_task(_tick(supervisor, view), name="tick"),
                chores.create_task(seeding.run(), name="seed"),
            ]
            await supervisor.run()
            view.show(supervisor.status())
            for chore in endless:
                chore.cancel()
    finally:
        await spawner.close()
    return 0


def _supervisor(
    project: Project, planned: Plans, spawner: Spawner, view: View, inherited: Mapping[str, str]
) -> tuple[Supervisor, Seeding]:
    clock, rng, pace = SystemClock(), random.Random(), Pace()  # noqa: S311 - jitter is no secret

    def changed(_: Process) -> None:
        view.show(supervisor.status())
        supervisor.changed()
        seeding.changed()

    _, services, *_ = stages = [
        [
            Keeper(plan, spawner=spawner, clock=clock, rng=rng, pace=pace, changed=changed)
            for plan in stage
        ]
        for stage in planned.stages
    ]
    about = {"pid": os.getpid(), "project": project.name, "hints": list(project.hints)}
    supervisor = Supervisor(stages, clock=clock, about=about)
    seeding = Seeding(
        services,
        first=project.login.method.service if project.login else "",
        token=partial(_seed_token, project, inherited),
        spawner=spawner,
    )
    return supervisor, seeding


async def _seed_token(project: Project, inherited: Mapping[str, str]) -> str:
    if project.login is None or project.login.admin is None:
        return ""
    from plait.local.sessions import Sessions  # noqa: PLC0415 - few starts of plait have a seed

    return (await Sessions(project, inherited).log_in_as_admin()).access_token


async def _tick(supervisor: Supervisor, view: View) -> None:
    while True:
        await asyncio.sleep(_TICK)
        view.show(supervisor.status())


async def _follow_until_settled(
    folders: Folders, supervisor: "subprocess.Popen[bytes]", view: View, log_begins: int
) -> Mapping[str, Any]:
    await _until_it_answers(folders, supervisor, log_begins)
    async with contextlib.aclosing(ask(folders.run, {"do": "watch"})) as statuses:
        async for status in statuses:
            view.show(status)
            if settled(status):
                return status
    supervisor.wait()  # it has closed its socket: nothing is left but to end
    raise Mistake(_ended_early(folders, log_begins))


async def _until_it_answers(
    folders: Folders, supervisor: "subprocess.Popen[bytes]", log_begins: int
) -> None:
    try:
        async with asyncio.timeout(_CONNECT):
            while supervisor.poll() is None:
                with contextlib.suppress(Mistake):
                    await ask_once(folders.run, {"do": "status"})
                    return
                await asyncio.sleep(_POLL)
    except TimeoutError:
        supervisor.kill()
        supervisor.wait()
    raise Mistake(_ended_early(folders, log_begins))


def _ended_early(folders: Folders, log_begins: int) -> str:
    with folders.supervisor_log.open("rb") as log:
        log.seek(log_begins)
        said = log.read().decode("utf-8", "replace").strip()
    return f"the supervisor ended before everything was ready: {said or 'it said nothing'}"


def _last_lines(folders: Folders, process: str) -> list[str]:
    return tail(folders.log(process), LAST_LINES)


def main() -> int:
    """Run as `python -m plait.local.up ROOT`: the supervisor in the background."""
    root = Path(sys.argv[1])
    try:
        console = Console(force_terminal=False, width=200)
        return up(root, dict(os.environ), console, telling=False)  # what it prints is a log
    except Mistake as mistake:
        sys.stderr.write(f"plait: {mistake}\n")
        return mistake.code


if __name__ == "__main__":
    sys.exit(main())
