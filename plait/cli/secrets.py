"""`plait secrets FOLDER`: the secrets of a deployment, made once, each in a file of its own.

`FOLDER/secrets.toml` says which: each key of each table is a text that becomes the file
`FOLDER/secrets/<table>/<key>`. In the text, `{random}` stands for 43 random characters (256 bits)
and `{table/key}` for what that other file holds. A secret with something random in it is kept once
it is there; one without follows the others. Values are never printed.
"""

import os
import re
import secrets
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from plait.local.folders import write_private
from plait.local.mistake import USAGE, Mistake

FILE = "secrets.toml"
_RANDOM = "random"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

Random = Callable[[], str]
"""Makes 43 characters that nobody can guess and every URL can carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One file to be: `name` is `<table>/<key>`, `text` what it holds, with placeholders."""

    name: str
    text: str

    @property
    def is_random(self) -> bool:
        return _RANDOM in self.placeholders

    @property
    def placeholders(self) -> list[str]:
        return _PLACEHOLDER.findall(self.text)


def wanted(file: Path) -> list[Secret]:
    """Read which secrets a deployment wants, each after those that it is made of.

    Raises:
        Mistake: the file cannot be read, or what it says cannot be done.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mistake(f"cannot read {file}: {error.strerror}", code=USAGE) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"{file} is not TOML: {error}", code=USAGE) from error
    found = {secret.name: secret for secret in _secrets(file, tables)}
    return list(_in_order(file, found))


def write(folder: Path, make: Random = lambda: secrets.token_urlsafe(32)) -> dict[str, bool]:
    """Write the files that are missing or stale; returns for each whether it was written.

    Raises:
        Mistake: see `wanted`.
    """
    texts: dict[str, str] = {}
    written: dict[str, bool] = {}
    for secret in wanted(folder / FILE):
        path = folder / "secrets" / secret.name
        before = path.read_text(encoding="utf-8") if path.is_file() else None
        if before is not None and secret.is_random:
            texts[secret.name] = before
        else:
            texts[secret.name] = _filled(secret, texts, make)
        written[secret.name] = texts[secret.name] != before
        if written[secret.name]:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, texts[secret.name])
    return written


def command(folder: Path) -> None:
    """Write the secrets and say which; never what is in them."""
    shown = Path(os.path.relpath(folder))
    for name, is_new in write(folder).items():
        sys.stdout.write(f"{'wrote' if is_new else 'kept '}  {shown / 'secrets' / name}\n")


def _secrets(file: Path, tables: Mapping[str, object]) -> Iterator[Secret]:
    for table, values in tables.items():
        if not isinstance(values, dict):
            raise Mistake(f"{file}: {table} must be a table, [{table}]", code=USAGE)
        for key, text in cast("dict[str, object]", values).items():
            name = f"{table}/{key}"
            if not _NAME.fullmatch(table) or not _NAME.fullmatch(key):
                raise Mistake(
                    f"{file}: {name!r} must be made of letters, digits, '.', '_' and '-'",
                    code=USAGE,
                )
            if not isinstance(text, str):
                raise Mistake(
                    f"{file}: {name} must be a text, found {type(text).__name__}", code=USAGE
                )
            yield Secret(name=name, text=text)


def _in_order(file: Path, found: Mapping[str, Secret]) -> Iterator[Secret]:
    done: set[str] = set()
    waiting = dict(found)
    while waiting:
        now = [each for each in waiting.values() if _parts(each) <= done]
        if not now:
            stuck = next(iter(waiting.values()))
            raise Mistake(_why(file, stuck, found), code=USAGE)
        for secret in now:
            yield waiting.pop(secret.name)
        done.update(secret.name for secret in now)


def _parts(secret: Secret) -> set[str]:
    return set(secret.placeholders) - {_RANDOM}


def _why(file: Path, secret: Secret, found: Mapping[str, Secret]) -> str:
    unknown = sorted(_parts(secret) - found.keys())
    if unknown:
        return (
            f"{file}: {secret.name} wants {{{unknown[0]}}}, which is not there; expected {{random}}"
            f" or one of {', '.join(sorted(found))}"
        )
    return f"{file}: {secret.name} is made of itself, by way of {', '.join(sorted(_parts(secret)))}"


def _filled(secret: Secret, texts: Mapping[str, str], make: Random) -> str:
    return _PLACEHOLDER.sub(
        lambda found: make() if found[1] == _RANDOM else texts[found[1]], secret.text
    )
