"""What `plait up` runs: the processes of one system, as plait.toml declares them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from plait.local.mistake import USAGE, Mistake

FILE = "plait.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that serves contracts by gRPC on `port`.

    `migrations` is the folder of its database's revisions (empty: it has no database), `seed` the
    module whose `main()` fills a new database, `env` what its environment has beside the usual.
    """

    name: str
    module: str
    port: int
    contracts: tuple[str, ...] = ()
    migrations: str = ""
    seed: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The process that serves the contracts to the outside by HTTP on `port`."""

    module: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The process that receives OTLP/HTTP on `otlp_port` and shows it on `port`."""

    module: str
    port: int
    otlp_port: int
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What one plait.toml says; `root` is the folder that it lies in.

    `hints` are lines to copy that are shown when everything is ready; `demo` is the module that
    `plait demo` runs; `preload` replaces the modules that the processes share.
    """

    root: Path
    name: str
    services: tuple[Service, ...] = ()
    gateway: Gateway | None = None
    console: Console | None = None
    hints: tuple[str, ...] = ()
    demo: str = ""
    preload: tuple[str, ...] | None = None

    def service(self, name: str) -> Service:
        """Return the service of that name.

        Raises:
            Mistake: there is none; says which there are.
        """
        for service in self.services:
            if service.name == name:
                return service
        known = [service.name for service in self.services]
        raise Mistake(
            f"there is no service {name!r} in {FILE}, which has: {', '.join(known) or 'none'}"
            f"{nearest(name, known)}",
            code=USAGE,
        )


def port_variable(name: str) -> str:
    """Return the environment variable that moves a process's port, `PLAIT_PORT_CATALOG`."""
    return f"PLAIT_PORT_{name.upper().replace('-', '_')}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that offers the most similar of the known words, or nothing."""
    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
