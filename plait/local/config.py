"""plait.toml: what `plait up` starts, read into frozen values or refused with a sentence."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, cast

from plait.local.mistake import USAGE, Mistake
from plait.local.project import FILE, Console, Gateway, Project, Service, nearest, port_variable

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?")
_Item = TypeVar("_Item")
_RESERVED = ("gateway", "console", "supervisor", "zygote")


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
    top = _Table(file, "", values)
    general = top.table("project")
    project = Project(
        root=root,
        name=general.text("name"),
        hints=general.texts("hints"),
        demo=general.module("demo", ""),
        preload=general.texts("preload") if general.has("preload") else None,
        services=tuple(_service(table, environ) for table in top.tables("services")),
        gateway=_gateway(top.table("gateway"), environ) if top.has("gateway") else None,
        console=_console(top.table("console"), environ) if top.has("console") else None,
    )
    general.nothing_else()
    top.nothing_else()
    _no_two_alike(file, project)
    return project


def _service(table: "_Table", environ: Mapping[str, str]) -> Service:
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
    )
    table.nothing_else()
    return service


def _gateway(table: "_Table", environ: Mapping[str, str]) -> Gateway:
    gateway = Gateway(
        module=table.module("module"),
        port=table.port("port", "gateway", environ),
        env=table.strings("env"),
    )
    table.nothing_else()
    return gateway


def _console(table: "_Table", environ: Mapping[str, str]) -> Console:
    console = Console(
        module=table.module("module"),
        port=table.port("port", "console", environ),
        otlp_port=table.port("otlp_port", "otlp", environ),
        env=table.strings("env"),
    )
    table.nothing_else()
    return console


def _no_two_alike(file: Path, project: Project) -> None:
    ports: dict[int, str] = {}
    names: set[str] = set()
    for service in project.services:
        if service.name in names:
            raise Mistake(f"{file}: two services have the name {service.name!r}", code=USAGE)
        names.add(service.name)
    for owner, port in _ports(project):
        if port in ports:
            raise Mistake(
                f"{file}: {ports[port]} and {owner} have the same port {port}; give each its own",
                code=USAGE,
            )
        ports[port] = owner


def _ports(project: Project) -> list[tuple[str, int]]:
    ports = [(service.name, service.port) for service in project.services]
    if project.gateway:
        ports.append(("gateway", project.gateway.port))
    if project.console:
        ports.append(("console", project.console.port))
        ports.append(("console (otlp_port)", project.console.otlp_port))
    return ports


class _Table:
    """One table of the file, of which every key must be asked for before it ends."""

    def __init__(self, file: Path, where: str, values: Mapping[str, Any]) -> None:
        self._file = file
        self._where = where
        self._values = values
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        self._asked.append(key)
        return key in self._values

    def wrong(self, key: str, expected: str, found: str) -> Mistake:
        return Mistake(
            f"{self._file}: {self._path(key)} must be {expected}, found {found}", code=USAGE
        )

    def text(self, key: str, default: str | None = None) -> str:
        if not self.has(key):
            if default is None:
                raise self.wrong(key, "a text", "nothing: add it")
            return default
        value = self._values[key]
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(key, "a text", _shown(value))
        return value

    def module(self, key: str, default: str | None = None) -> str:
        name = self.text(key, default)
        if name and not all(part.isidentifier() for part in name.split(".")):
            raise self.wrong(key, "the name of a module (`services.catalog.main`)", repr(name))
        return name

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._list(key, str, "a list of texts"))

    def strings(self, key: str) -> Mapping[str, str]:
        if not self.has(key):
            return {}
        value = self._values[key]
        if not isinstance(value, dict):
            raise self.wrong(key, "a table of texts", _shown(value))
        table = cast("dict[str, Any]", value)
        for name, text in table.items():
            if not isinstance(text, str):
                raise self.wrong(f"{key}.{name}", "a text", _shown(text))
        return table

    def port(self, key: str, process: str, environ: Mapping[str, str]) -> int:
        declared = self._values.get(key)
        if not self.has(key):
            raise self.wrong(key, "a port from 1 to 65535", "nothing: add it")
        if not _is_port(declared):
            raise self.wrong(key, "a port from 1 to 65535", _shown(declared))
        variable = port_variable(process)
        moved = environ.get(variable, "")
        if not moved:
            return cast("int", declared)
        if not moved.isdecimal() or not _is_port(int(moved)):
            raise Mistake(f"{variable} must be a port from 1 to 65535, found {moved!r}", code=USAGE)
        return int(moved)

    def table(self, key: str) -> "_Table":
        if not self.has(key) or not isinstance(self._values[key], dict):
            found = _shown(self._values[key]) if key in self._values else "nothing: add it"
            raise self.wrong(key, f"a table, [{key}]", found)
        return _Table(self._file, self._path(key), self._values[key])

    def tables(self, key: str) -> list["_Table"]:
        found = cast("list[dict[str, Any]]", self._list(key, dict, f"a list of tables, [[{key}]]"))
        return [
            _Table(self._file, f"{self._path(key)}[{index}]", table)
            for index, table in enumerate(found)
        ]

    def _list(self, key: str, kind: type[_Item], expected: str) -> list[_Item]:
        if not self.has(key):
            return []
        value = self._values[key]
        if not _is_list_of(value, kind):
            raise self.wrong(key, expected, _shown(value))
        return value

    def nothing_else(self) -> None:
        known = list(dict.fromkeys(self._asked))
        for key in self._values:
            if key not in known:
                raise Mistake(
                    f"{self._file}: there is no key {self._path(key)}, there are: "
                    f"{', '.join(known)}{nearest(key, known)}",
                    code=USAGE,
                )

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def _is_list_of(value: Any, kind: type[_Item]) -> TypeGuard[list[_Item]]:
    return _is_list(value) and all(isinstance(item, kind) for item in value)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
