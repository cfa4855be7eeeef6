"""What each process of a local run is told: its port, database and keys, where the others are."""

import os
from collections.abc import Mapping
from pathlib import Path

from plait.local.folders import Folders
from plait.local.project import Project, Service

HOST = "127.0.0.1"
OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
SMTP = "SMTP_URL"


def database_url(folders: Folders, service: str) -> str:
    """Return the URL of a service's own SQLite file."""
    return f"sqlite:///{folders.database(service)}"


def target_variable(service: str) -> str:
    """Return the environment variable that says where a service is, `PLAIT_TARGET_CATALOG`."""
    return f"PLAIT_TARGET_{service.upper().replace('-', '_')}"


def targets(project: Project) -> dict[str, str]:
    """Return the variables by which processes find the services."""
    return {target_variable(service.name): f"{HOST}:{service.port}" for service in project.services}


def target(project: Project, inherited: Mapping[str, str], service: str) -> str:
    """Return where a service is called, `host:port`: what the environment says goes first."""
    variable = target_variable(service)
    return inherited.get(variable) or targets(project)[variable]


def without_secrets(project: Project, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what one service alone is told."""
    names = {secret.name for secret in project.secrets}
    return {name: value for name, value in inherited.items() if name not in names}


def python_path(root: Path, inherited: Mapping[str, str]) -> str:
    """Return the PYTHONPATH with which the project's own modules are found."""
    roots = [str(root), *([str(root / "gen")] if (root / "gen").is_dir() else [])]
    before = inherited.get("PYTHONPATH", "")
    return os.pathsep.join([*roots, *([before] if before else [])])


def own_otlp(project: Project, inherited: Mapping[str, str]) -> bool:
    """Whether telemetry goes to this project's console: not if the user says where it goes."""
    return project.console is not None and not inherited.get(OTLP)


def common(project: Project, folders: Folders, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what every process is told; secrets are not in it."""
    env = {
        **without_secrets(project, inherited),
        **targets(project),
        "HOST": HOST,
        "PYTHONPATH": python_path(project.root, inherited),
        "PLAIT_WORKLOAD_JWKS": str(folders.workload_jwks),
        "PLAIT_DRAIN_DELAY": "0",
        "PLAIT_DRAIN_GRACE": "2",
    }
    if project.user_keys:
        env["PLAIT_USER_JWKS"] = f"grpc:{project.user_keys}"
    if project.console is not None and own_otlp(project, inherited):
        env[OTLP] = f"http://{HOST}:{project.console.otlp_port}"
    return env


def for_service(
    project: Project, folders: Folders, inherited: Mapping[str, str], service: Service
) -> dict[str, str]:
    """Return the environment of a service, but for its secrets."""
    env = _for(project, folders, inherited, service.name, service.port)
    console = project.console
    if console is not None and console.smtp_port is not None and not env.get(SMTP):
        env[SMTP] = f"smtp://{HOST}:{console.smtp_port}"
    if service.migrations:
        env["DATABASE_URL"] = database_url(folders, service.name)
    return {**env, **service.env}


def for_gateway(project: Project, folders: Folders, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the gateway."""
    assert project.gateway is not None
    env = _for(project, folders, inherited, "gateway", project.gateway.port)
    return {**env, **project.gateway.env}


def for_console(project: Project, folders: Folders, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the console; it receives nothing if telemetry goes elsewhere."""
    console = project.console
    assert console is not None
    env = _for(project, folders, inherited, "console", console.port)
    env["PLAIT_OTLP_PORT"] = str(console.otlp_port)
    env["PLAIT_OTLP"] = "true" if own_otlp(project, inherited) else "false"
    if console.smtp_port is not None:
        env["PLAIT_SMTP_PORT"] = str(console.smtp_port)
        env["PLAIT_MAIL_FOLDER"] = str(folders.mail)
    return {**env, **console.env}


def _for(
    project: Project, folders: Folders, inherited: Mapping[str, str], name: str, port: int
) -> dict[str, str]:
    return {
        **common(project, folders, inherited),
        "PORT": str(port),
        "OTEL_SERVICE_NAME": name,
        "PLAIT_WORKLOAD_TOKENS": str(folders.tokens / name),
    }
