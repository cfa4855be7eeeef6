"""`plait up --database postgres`: a server of the project's own, and every service on it.

The plans are those of any run, but that each service's database is on the server, which is one more
process: started with the others, drained when they have ended. The data of the two kinds lie side
by side in `.plait/`, and neither knows of the other.
"""

import asyncio
import signal
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace

from plait.local.birth import Start
from plait.local.environment import HOST
from plait.local.folders import Folders
from plait.local.keeper import Plan
from plait.local.mistake import USAGE, Mistake
from plait.local.plans import Plans
from plait.local.ports import Port
from plait.local.postgres_databases import Place, password
from plait.local.project import Project, Service, port_variable

DATABASE = "PLAIT_DATABASE"
"""The variable that says which kind of database services have; `--database` sets it."""

NAME = "postgres"
"""The server's name among the processes, and the kind's after `--database`."""

PORT = 5433
"""Where the server listens unless PLAIT_PORT_POSTGRES moves it: 5432 is often taken."""

PRELOAD = ("asyncpg", "plait.data.postgres", "plait.local.postgres_databases")
"""What the processes share beside `plait.local.plans.PRELOAD`."""

_KINDS = ("sqlite", NAME)
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # nobody gets in but by a password
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_checkpoints": "off",
}
_URL = "DATABASE_URL"
_TIMEOUT = 1.0  # seconds for one answer
_PROTOCOL = 196608  # version 3.0
_STARTING = b"57P03"


def wanted(inherited: Mapping[str, str]) -> bool:
    """Whether services are to have PostgreSQL.

    Raises:
        Mistake: PLAIT_DATABASE names no kind of database.
    """
    kind = inherited.get(DATABASE) or _KINDS[0]
    if kind not in _KINDS:
        raise Mistake(
            f"{DATABASE} (--database) must be {' or '.join(_KINDS)}, found {kind!r}", code=USAGE
        )
    return kind == NAME


def place_of(folders: Folders, inherited: Mapping[str, str]) -> Place:
    """Return where the server is.

    Raises:
        Mistake: PLAIT_PORT_POSTGRES is no port.
    """
    variable = port_variable(NAME)
    moved = inherited.get(variable) or str(PORT)
    if not moved.isdecimal() or not 1 <= int(moved) <= 65535:
        raise Mistake(f"{variable} must be a port from 1 to 65535, found {moved!r}", code=USAGE)
    return Place(folders=folders, port=int(moved))


def server_port(place: Place) -> Iterator[Port]:
    """Yield the port that the server will listen on."""
    yield Port(number=place.port, process="PostgreSQL", key="", variable=port_variable(NAME))


def on_postgres(planned: Plans, project: Project, place: Place) -> Plans:
    """Return the plans with the server, and with every database on it."""
    services = {service.name: service for service in project.services}
    return replace(
        planned,
        services=tuple(_moved(plan, services[plan.name], place) for plan in planned.services),
        databases=(_server(project, place),),
    )


def _moved(plan: Plan, service: Service, place: Place) -> Plan:
    if plan.migrate is None or _URL in service.env:  # plait.toml has the last word
        return plan
    url = {_URL: place.url(service.name)}
    mark = place.unseeded(service.name)
    directory = str(place.folders.root / service.migrations)
    migrate = replace(
        plan.migrate,
        module="plait.local.postgres_databases",
        env={**plan.migrate.env, **url},
        arguments=(
            *(str(place.folders.root), str(place.port), service.name, directory),
            *([str(mark)] if plan.seed else []),
        ),
    )
    return replace(
        plan,
        start=replace(plan.start, env={**plan.start.env, **url}),
        migrate=migrate,
        seed=plan.seed and _without_url(plan.seed),
        unseeded=mark if plan.seed else None,
    )


def _without_url(seed: Start) -> Start:
    """Take the database out of what a seed is told: it calls like anybody."""
    return replace(seed, env={name: value for name, value in seed.env.items() if name != _URL})


def _server(project: Project, place: Place) -> Plan:
    password(place.secret)
    settings = _SETTINGS | {"port": str(place.port), "cluster_name": project.name}
    start = Start(
        name=NAME,
        module="plait.local.postgres",
        log=str(place.folders.log(NAME)),
        env={},
        arguments=(
            *(str(place.folder), str(place.secret)),
            *(f"{name}={value}" for name, value in settings.items()),
        ),
    )
    return Plan(
        address=f"{HOST}:{place.port}",
        start=start,
        probe=PostgresProbe(HOST, place.port),
        stop=signal.SIGINT,  # at SIGTERM it would wait for clients that do not know of it
    )


class PostgresProbe:
    """Is content with a server that would let somebody in who has a password."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def __call__(self) -> str:
        try:
            async with asyncio.timeout(_TIMEOUT):
                answer = await _greeted(self._host, self._port)
        except TimeoutError:
            return f"no answer within {_TIMEOUT:g} s"
        except (OSError, EOFError):
            return "refuses connections"
        return "starts or stops" if _STARTING in answer else ""

    async def close(self) -> None:
        return


async def _greeted(host: str, port: int) -> bytes:
    """Return what the server answers to a client's first message: its question, or its refusal."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        names = b"user\0plait-probe\0database\0postgres\0\0"
        writer.write(struct.pack("!ii", 8 + len(names), _PROTOCOL) + names)
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        return bytes(kind) + await reader.readexactly(length - 4)
    finally:
        writer.close()
