"""From what plait.toml declares to how each process is run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from plait.local import environment
from plait.local.birth import Start
from plait.local.environment import HOST
from plait.local.folders import Folders
from plait.local.keeper import Plan
from plait.local.probe import GrpcProbe, HttpProbe
from plait.local.project import Project, Service
from plait.local.secrets import Secrets

TOKEN = "PLAIT_TOKEN"  # noqa: S105 - the variable's name
PRELOAD = (
    "granian.server.embed",
    "grpc.aio",
    "grpc_health.v1.health_pb2_grpc",
    "grpc_reflection.v1alpha.reflection",
    "plait.console.main",
    "plait.data.claims",
    "plait.data.database",
    "plait.data.sqlite",
    "plait.gateway.process",
    "plait.local.migrate",
    "plait.service",
    "plait.telemetry.export",
    "protovalidate",
    "requests",
    "sqlalchemy.ext.asyncio",
    "uvloop",
)
"""What the processes share: everything heavy but the project's own modules, so that a process that
is started again runs the code as it is then. What is not installed is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """The plans of a project's processes, in the order in which they are drained."""

    gateway: tuple[Plan, ...]
    services: tuple[Plan, ...]
    console: tuple[Plan, ...]
    databases: tuple[Plan, ...] = ()

    @property
    def stages(self) -> tuple[tuple[Plan, ...], ...]:
        return (self.gateway, self.services, self.console, self.databases)


def plans(
    project: Project, folders: Folders, inherited: Mapping[str, str], secrets: Secrets
) -> Plans:
    """Return how the project's processes are run."""
    return Plans(
        gateway=_gateway(project, folders, inherited),
        services=tuple(
            _service(project, folders, inherited, service, secrets) for service in project.services
        ),
        console=_console(project, folders, inherited),
    )


def seed_start(
    project: Project, folders: Folders, inherited: Mapping[str, str], service: Service
) -> Start:
    """Return how a service's seed is run: with the environment of the service, but no secrets."""
    env = environment.for_service(project, folders, inherited, service)
    name = f"{service.name}-seed"
    return Start(
        name=name,
        module=service.seed,
        log=str(folders.log(name)),
        env=env | {"OTEL_SERVICE_NAME": name},
    )


def with_token(start: Start, token: str) -> Start:
    """Return how a seed is run that calls with this token; empty: as nobody."""
    return replace(start, env={**start.env, TOKEN: token}) if token else start


def _gateway(project: Project, folders: Folders, inherited: Mapping[str, str]) -> tuple[Plan, ...]:
    if project.gateway is None:
        return ()
    env = environment.for_gateway(project, folders, inherited)
    start = Start(
        name="gateway",
        module=project.gateway.module,
        log=str(folders.log("gateway")),
        env=env,
    )
    port = project.gateway.port
    return (Plan(address=f"http://{HOST}:{port}", start=start, probe=HttpProbe(HOST, port)),)


def _console(project: Project, folders: Folders, inherited: Mapping[str, str]) -> tuple[Plan, ...]:
    if project.console is None:
        return ()
    env = environment.for_console(project, folders, inherited)
    start = Start(
        name="console",
        module=project.console.module,
        log=str(folders.log("console")),
        env=env,
    )
    port = project.console.port
    return (Plan(address=f"http://{HOST}:{port}", start=start, probe=HttpProbe(HOST, port)),)


def _service(
    project: Project,
    folders: Folders,
    inherited: Mapping[str, str],
    service: Service,
    secrets: Secrets,
) -> Plan:
    start = Start(
        name=service.name,
        module=service.module,
        log=str(folders.log(service.name)),
        env=environment.for_service(project, folders, inherited, service),
    )
    return Plan(
        address=f"{HOST}:{service.port}",
        start=replace(start, env={**start.env, **secrets.of(service)}),
        probe=GrpcProbe(HOST, service.port),
        migrate=_migration(project, folders, service, start),
        seed=seed_start(project, folders, inherited, service) if service.seed else None,
        unseeded=folders.unseeded(service.name) if service.seed else None,
    )


def _migration(project: Project, folders: Folders, service: Service, start: Start) -> Start | None:
    if not service.migrations:
        return None
    mark = [str(folders.unseeded(service.name))] if service.seed else []
    return Start(
        name=f"{service.name}-migrate",
        module="plait.local.migrate",
        log=start.log,
        env=start.env,
        arguments=(str(project.root / service.migrations), *mark),
    )
