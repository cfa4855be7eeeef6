"""Settings from the environment (twelve-factor), with the names that operators already know.

A secret may come from a file of the variable's name instead, in a folder that the platform mounts:
environments are printed by debuggers and inherited by children, files are not.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AliasChoices, Field, StringConstraints, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

SECRETS_DIR = "/run/secrets/plait"


class Settings(BaseSettings):
    """What every process can be told; a service adds its own in a subclass.

    Names are those of the environment: a field without an alias is read from `PLAIT_<FIELD>`. What
    the environment does not say is read from a file of that name in PLAIT_SECRETS_DIR, if there is
    one. OpenTelemetry's own variables (`OTEL_*`) are read by its SDK and are not repeated here.
    """

    model_config = SettingsConfigDict(
        env_prefix="PLAIT_", extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field(
        # Not HOST: some shells and build tools set that to the machine's name.
        default="127.0.0.1",
        description="address to listen on",
    )
    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "PLAIT_PORT"),
        description="port to listen on; 0 takes a free one",
    )
    log_level: Annotated[
        str, StringConstraints(to_upper=True, pattern="(?i)^(DEBUG|INFO|WARNING|ERROR)$")
    ] = Field(
        default="INFO",
        validation_alias=AliasChoices("LOG_LEVEL", "PLAIT_LOG_LEVEL"),
        description="DEBUG, INFO, WARNING or ERROR",
    )
    user_jwks: str = Field(
        default="",
        description="keys that sign users' tokens: a file, or grpc:<service>/<full method>",
    )
    workload_jwks: str = Field(
        default="", description="file with the keys that sign workloads' tokens"
    )
    workload_tokens: str = Field(
        default="", description="folder with this process' own workload tokens, a file a callee"
    )
    user_issuer: str = Field(
        default="https://plait.local/identity", description="who issues users' tokens (claim iss)"
    )
    user_audience: str = Field(default="shop", description="for whom users' tokens are (claim aud)")
    workload_issuer: str = Field(
        default="https://plait.local/supervisor",
        description="who issues workloads' tokens (claim iss)",
    )
    workload_subject: Annotated[str, StringConstraints(pattern=r"^[^{}]*\{name\}[^{}]*$")] = Field(
        default="services/{name}",
        description="what workloads' tokens call the service {name} (claim sub)",
    )
    workload_algorithms: Annotated[
        str, StringConstraints(pattern=r"^(Ed25519|ES256|RS256)(,(Ed25519|ES256|RS256))*$")
    ] = Field(
        default="Ed25519,ES256",
        description="how workloads' tokens may be signed: of Ed25519, ES256 and RS256, with commas",
    )
    domain: str = Field(
        default="shop", description="the system's name, last part of the domain in errors"
    )
    reflection: bool = Field(
        default=True, description="whether the contracts can be read from the server (grpcurl)"
    )
    health_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of a second listener that serves health only, for probes; 0 for none",
    )
    secrets_dir: str = Field(
        default=SECRETS_DIR,
        description="folder with a file for each setting that the environment does not say",
    )
    drain_delay: float = Field(
        default=5.0,
        ge=0,
        le=600,
        description="seconds between NOT_SERVING and the first refused call, on SIGTERM",
    )
    drain_grace: float = Field(
        default=20.0, ge=0, le=600, description="seconds that running calls get to finish"
    )

    @field_validator("secrets_dir")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        if value != SECRETS_DIR and not Path(value).is_dir():
            raise ValueError(f"expected a folder, found none at {value}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say where values come from: arguments, then the environment, then files of secrets."""
        del dotenv_settings, file_secret_settings
        folder = Path(os.environ.get("PLAIT_SECRETS_DIR") or SECRETS_DIR)
        if not folder.is_dir():  # said by the field, where it was asked for
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)


class ServiceSettings(Settings):
    """The settings of a service that has a database."""

    database_url: str = Field(
        validation_alias=AliasChoices("DATABASE_URL", "PLAIT_DATABASE_URL"),
        description="SQLAlchemy URL, for example sqlite:///catalog.db or postgresql://...",
    )


_Kind = TypeVar("_Kind", bound=Settings)


def settings_from_environment(kind: type[_Kind], arguments: Sequence[str] | None = None) -> _Kind:
    """Return a process' settings; what its `main` does first.

    With `--help` it prints all settings, with their defaults, and exits with 0. Where settings are
    wrong or an argument is none, it says so on stderr, a line for each, and exits with 2. Values
    are never printed: they may be secrets.

    Args:
        kind: the class of the settings.
        arguments: those of the command line, by default of this process.

    Raises:
        SystemExit: as above.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if "--help" in given or "-h" in given:
        sys.stdout.write(_help(kind))
        raise SystemExit(0)
    if given:
        _refuse([f"unknown argument {given[0]!r}: settings are environment variables, see --help"])
    try:
        return kind()
    except ValidationError as error:
        names = {
            key: _names(name, info)[0]
            for name, info in kind.model_fields.items()
            for key in (name, *_names(name, info))
        }
        _refuse([_problem(names, dict(each)) for each in error.errors()])
    except SettingsError as error:
        found = error.__cause__
        why = f"{found.filename}: {found.strerror}" if isinstance(found, OSError) else "not UTF-8"
        _refuse([f"PLAIT_SECRETS_DIR: a file there cannot be read: {why}"])


def _refuse(problems: Sequence[str]) -> NoReturn:
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    raise SystemExit(2)


def _problem(names: Mapping[str, str], error: Mapping[str, Any]) -> str:
    name = names.get(str(error["loc"][0]), str(error["loc"][0])) if error["loc"] else "settings"
    if error["type"] == "missing":
        return f"{name} is not set; see --help"
    return f"{name}: {error['msg']}; see --help"


def _help(kind: type[Settings]) -> str:
    rows = [
        (names[0], _default(info), info.description or "", names[1:])
        for names, info in ((_names(name, info), info) for name, info in kind.model_fields.items())
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"usage: {Path(sys.argv[0]).name} [--help]", "", "Settings are environment variables:"]
    for name, default, description, others in rows:
        also = f" (or {', '.join(others)})" if others else ""
        lines.append(f"  {name:<{widths[0]}}  {default:<{widths[1]}}  {description}{also}")
    lines.append("What is not set is read from files of these names in PLAIT_SECRETS_DIR.")
    lines.append("OpenTelemetry's own variables (OTEL_*) are heeded as well.")
    return "\n".join(lines) + "\n"


def _names(name: str, info: FieldInfo) -> list[str]:
    """Return the variables that a field is read from, the usual one first."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias if isinstance(alias, str) else f"PLAIT_{name.upper()}"]


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = info.get_default(call_default_factory=True, validated_data={})
    return str(default).lower() if isinstance(default, bool) else str(default) or "-"
