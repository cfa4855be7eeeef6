"""plait.toml: what `plait up` starts, read into frozen values or refused with a sentence."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from plait.local.mistake import USAGE, Mistake
from plait.local.project import (
    FILE,
    Admin,
    Console,
    Gateway,
    Login,
    Method,
    Project,
    Secret,
    Service,
)
from plait.local.table import Table

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_METHOD = re.compile(r"(?P<service>[a-z][a-z0-9-]*)/(?P<name>[A-Za-z_]\w*)", re.ASCII)
_FULL_METHOD = re.compile(r"(?P<service>[a-z][a-z0-9-]*)/[\w.]+/[A-Za-z_]\w*", re.ASCII)
_RESERVED = ("gateway", "console", "postgres", "supervisor", "zygote")
_SECRETS = 'a list of secrets, as [{ name = "API_KEY" }]'


def find(start: Path) -> Path:
    """Return the folder, `start` or one above it, that holds a plait.toml.

    Raises:
        Mistake: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise Mistake(
        f"there is no {FILE} in {start} or a folder above it: go to the project's folder, "
        "or name it with --root",
        code=USAGE,
    )


def load(root: Path, environ: Mapping[str, str]) -> Project:
    """Read `root`/plait.toml; `PLAIT_PORT_<NAME>` in `environ` moves a port.

    Raises:
        Mistake: the file cannot be read, or a key is missing, unknown or has a wrong value.
    """
    file = root / FILE
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mistake(f"cannot read {file}: {error.strerror}", code=USAGE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"{file} is not TOML: {error}", code=USAGE) from error
    top = Table(file, "", values)
    general = top.table("project")
    services = tuple(_service(table, environ) for table in top.tables("services"))
    project = Project(
        root=root,
        name=general.text("name"),
        hints=general.texts("hints"),
        demo=general.module("demo", ""),
        preload=general.texts("preload") if general.has("preload") else None,
        services=services,
        user_keys=_user_keys(general, services),
        login=_login(top.table("login"), services) if top.has("login") else None,
        gateway=_gateway(top.table("gateway"), environ) if top.has("gateway") else None,
        console=_console(top.table("console"), environ) if top.has("console") else None,
    )
    general.nothing_else()
    top.nothing_else()
    _no_two_alike(file, project)
    return project


def _service(table: Table, environ: Mapping[str, str]) -> Service:
    name = table.text("name")
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise table.wrong(
            "name",
            "a name of lower-case letters, digits and hyphens that is none of "
            f"{', '.join(_RESERVED)}",
            repr(name),
        )
    service = Service(
        name=name,
        module=table.module("module"),
        port=table.port("port", name, environ),
        contracts=table.texts("contracts"),
        migrations=table.text("migrations", ""),
        seed=table.module("seed", ""),
        env=table.strings("env"),
        secrets=tuple(_secret(secret) for secret in table.tables("secrets", _SECRETS)),
    )
    for secret in service.secrets:
        if secret.name in service.env:
            raise table.wrong("secrets", "none of what env tells openly", repr(secret.name))
    table.nothing_else()
    return service


def _secret(table: Table) -> Secret:
    name = table.text("name")
    if not _VARIABLE.fullmatch(name):
        raise table.wrong("name", "the name of an environment variable, as API_KEY", repr(name))
    secret = Secret(name=name, show=table.text("show", ""))
    table.nothing_else()
    return secret


def _user_keys(table: Table, services: Sequence[Service]) -> str:
    text = table.text("user_keys", "")
    found = _FULL_METHOD.fullmatch(text)
    if text and (found is None or found["service"] not in _names(services)):
        expected = "service/package.Service/Method with a service of this file"
        raise table.wrong("user_keys", expected, repr(text))
    return text


def _login(table: Table, services: Sequence[Service]) -> Login:
    login = Login(
        method=_method(table, "method", services),
        refresh=_method(table, "refresh", services),
        logout=_method(table, "logout", services),
        admin=_admin(table.table("admin"), services) if table.has("admin") else None,
    )
    table.nothing_else()
    return login


def _method(table: Table, key: str, services: Sequence[Service]) -> Method:
    text = table.text(key)
    found = _METHOD.fullmatch(text)
    if found is None or found["service"] not in _names(services):
        raise table.wrong(key, "service/Method with a service of this file", repr(text))
    return Method(service=found["service"], name=found["name"])


def _admin(table: Table, services: Sequence[Service]) -> Admin:
    admin = Admin(email=table.text("email"), secret=table.text("secret"))
    if admin.secret not in {secret.name for one in services for secret in one.secrets}:
        raise table.wrong("secret", "the name of a service's secret", repr(admin.secret))
    table.nothing_else()
    return admin


def _names(services: Sequence[Service]) -> set[str]:
    return {service.name for service in services}


def _gateway(table: Table, environ: Mapping[str, str]) -> Gateway:
    gateway = Gateway(
        module=table.module("module"),
        port=table.port("port", "gateway", environ),
        env=table.strings("env"),
    )
    table.nothing_else()
    return gateway


def _console(table: Table, environ: Mapping[str, str]) -> Console:
    console = Console(
        module=table.module("module"),
        port=table.port("port", "console", environ),
        otlp_port=table.port("otlp_port", "otlp", environ),
        smtp_port=table.port("smtp_port", "smtp", environ) if table.has("smtp_port") else None,
        env=table.strings("env"),
    )
    table.nothing_else()
    return console


def _no_two_alike(file: Path, project: Project) -> None:
    ports: dict[int, str] = {}
    if twice := _twice(service.name for service in project.services):
        raise Mistake(f"{file}: two services have the name {twice!r}", code=USAGE)
    if twice := _twice(secret.name for secret in project.secrets):
        raise Mistake(f"{file}: two secrets have the name {twice!r}", code=USAGE)
    for owner, port in _ports(project):
        if port in ports:
            raise Mistake(
                f"{file}: {ports[port]} and {owner} have the same port {port}; give each its own",
                code=USAGE,
            )
        ports[port] = owner


def _twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _ports(project: Project) -> list[tuple[str, int]]:
    ports = [(service.name, service.port) for service in project.services]
    if project.gateway:
        ports.append(("gateway", project.gateway.port))
    if project.console:
        ports.append(("console", project.console.port))
        ports.append(("console (otlp_port)", project.console.otlp_port))
        if project.console.smtp_port is not None:
            ports.append(("console (smtp_port)", project.console.smtp_port))
    return ports
