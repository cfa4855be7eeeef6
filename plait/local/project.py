"""What `plait up` runs: the processes of one system, as plait.toml declares them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from plait.local.mistake import USAGE, Mistake

FILE = "plait.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What one service alone is told, by the environment variable `name`; `plait up` makes it.

    `show` says what it is to the person who is shown it, once (empty: nobody is).
    """

    name: str
    show: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that serves contracts by gRPC on `port`.

    `migrations` is the folder of its database's revisions (empty: it has no database), `seed` the
    module whose `main()` fills a new database, `env` what its environment has beside the usual,
    `secrets` what nobody else's has.
    """

    name: str
    module: str
    port: int
    contracts: tuple[str, ...] = ()
    migrations: str = ""
    seed: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The process that serves the contracts to the outside by HTTP on `port`."""

    module: str
    port: int
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The process that receives OTLP/HTTP on `otlp_port` and shows it on `port`.

    It takes mail on `smtp_port` and keeps it; None: it does not.
    """

    module: str
    port: int
    otlp_port: int
    smtp_port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of one of the project's services: `identity/LogIn`."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The first administrator, whose password is a secret that `plait up` makes."""

    email: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The methods by which people log in, go on with a session and log out.

    `method` takes `email` and `password`; it and `refresh`, which takes `refresh_token`, answer
    `user`, `access_token`, `access_token_expire_time` and `refresh_token`; `logout` takes
    `refresh_token`.
    """

    method: Method
    refresh: Method
    logout: Method
    admin: Admin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What one plait.toml says; `root` is the folder that it lies in.

    `hints` are lines to copy that are shown when everything is ready; `demo` is the module that
    `plait demo` runs; `preload` replaces the modules that the processes share; `user_keys` is the
    method that answers the keys which sign users' tokens, `identity/shop...IdentityService/GetJwks`
    (empty: no process can tell users).
    """

    root: Path
    name: str
    services: tuple[Service, ...] = ()
    gateway: Gateway | None = None
    console: Console | None = None
    login: Login | None = None
    user_keys: str = ""
    hints: tuple[str, ...] = ()
    demo: str = ""
    preload: tuple[str, ...] | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What is secret in any of its services."""
        return tuple(secret for service in self.services for secret in service.secrets)

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
