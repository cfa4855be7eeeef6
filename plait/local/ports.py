"""Is a port free? Asked before anything starts, and answered with who has it and what moves it."""

import contextlib
import errno
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.local.environment import HOST, own_otlp
from plait.local.mistake import Mistake
from plait.local.project import FILE, Project, port_variable

_PROC = Path("/proc")
_LISTEN = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port that a process will listen on, and what moves it: a key of plait.toml, a variable."""

    number: int
    process: str
    key: str
    variable: str


def ports(project: Project, inherited: Mapping[str, str]) -> Iterator[Port]:
    """Yield every port that the project's processes will listen on."""
    for service in project.services:
        yield _port(service.port, service.name, f"services.{service.name}.port")
    if project.gateway:
        yield _port(project.gateway.port, "gateway", "gateway.port")
    if project.console:
        yield _port(project.console.port, "console", "console.port")
        if own_otlp(project, inherited):
            yield Port(
                number=project.console.otlp_port,
                process="console (OTLP)",
                key="console.otlp_port",
                variable=port_variable("otlp"),
            )
        if project.console.smtp_port is not None:
            yield Port(
                number=project.console.smtp_port,
                process="console (SMTP)",
                key="console.smtp_port",
                variable=port_variable("smtp"),
            )


def _port(number: int, process: str, key: str) -> Port:
    return Port(number=number, process=process, key=key, variable=port_variable(process))


def require_free(wanted: Iterable[Port]) -> None:
    """Check that every port can be listened on.

    Raises:
        Mistake: one cannot; names all that cannot, who has them and what moves them.
    """
    sentences = [
        f"{HOST}:{port.number}, where {port.process} would listen, is {problem}: "
        f"stop what uses it, or set {_settings(port)} to another port"
        for port in wanted
        if (problem := _problem(port.number))
    ]
    if sentences:
        raise Mistake("\n".join(sentences))


def _settings(port: Port) -> str:
    return f"{port.key} in {FILE} or {port.variable}" if port.key else port.variable


def _problem(number: int) -> str:
    try:
        socket.create_server((HOST, number)).close()  # with SO_REUSEADDR: TIME_WAIT does not count
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"taken{_by(number)}"
        return f"not to be had ({error.strerror})"
    return ""


def _by(number: int) -> str:
    """Name the process that listens there, where /proc tells; it tells of other users' nothing."""
    inodes = set(_listening(number))
    for folder in _PROC.glob("[0-9]*/fd") if inodes else ():
        if any(link in inodes for link in _links(folder)):
            name = (folder.parent / "comm").read_text(encoding="utf-8", errors="replace").strip()
            return f" by {name} (pid {folder.parent.name})"
    return ""


def _links(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
        for link in folder.iterdir():
            with contextlib.suppress(OSError):  # this one was closed meanwhile
                yield str(link.readlink())


def _listening(number: int) -> Iterator[str]:
    for table in (_PROC / "net" / "tcp", _PROC / "net" / "tcp6"):
        if not table.is_file():
            continue
        for row in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = re.split(r"\s+", row.strip())
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == number:
                yield f"socket:[{fields[9]}]"
