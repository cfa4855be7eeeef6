"""The secrets of a project's services: made once, kept for this user alone, told to one service.

What the user's own environment says is used instead, and is not kept.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plait.local.folders import Folders, write_private
from plait.local.mistake import Mistake
from plait.local.project import Project, Secret, Service

Tell = Callable[[], Sequence[str]]
"""Returns what the user is to be shown when everything is ready; afterwards it is told."""

_READABLE = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"  # nothing that looks like another
_LENGTH = 20  # of these: 112 bits
_BYTES = 32  # of a secret that nobody reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets by name; never printed."""

    values: Mapping[str, str]

    def of(self, service: Service) -> dict[str, str]:
        """Return what this service is told and no other process."""
        return {secret.name: self.values[secret.name] for secret in service.secrets}

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self.values)})"


def load_or_make(project: Project, folders: Folders, inherited: Mapping[str, str]) -> Secrets:
    """Return every secret of the project, out of `inherited`, its file, or made now.

    Raises:
        Mistake: a file holds nothing.
        OSError: a file cannot be written.
    """
    return Secrets(
        values={
            secret.name: inherited.get(secret.name) or _kept_or_made(secret, folders)
            for secret in project.secrets
        }
    )


def read(name: str, folders: Folders, inherited: Mapping[str, str]) -> str:
    """Return one secret, without making it.

    Raises:
        Mistake: there is none, or its file holds nothing.
    """
    if told := inherited.get(name):
        return told
    path = folders.secret(name)
    if not path.is_file():
        raise Mistake(f"there is no {path}: `plait up` makes it, or set {name}")
    return _kept(path)


def telling(project: Project, folders: Folders) -> Tell:
    """Return what tells the user, once each, the secrets that were made for a person."""

    def tell() -> list[str]:
        lines: list[str] = []
        for secret in project.secrets:
            mark = folders.untold(secret.name)
            if secret.show and mark.exists():
                path = folders.secret(secret.name)
                shown = path.relative_to(folders.root)
                lines += [f"  {secret.show}: {_kept(path)}", f"    (again: cat {shown})"]
                mark.unlink()
        return ["Made for you, and shown this once:", *lines] if lines else []

    return tell


def _kept_or_made(secret: Secret, folders: Folders) -> str:
    path = folders.secret(secret.name)
    if not path.is_file():
        if secret.show:
            folders.untold(secret.name).touch(0o600)
        write_private(path, f"{_made(secret)}\n")
    return _kept(path)


def _made(secret: Secret) -> str:
    if secret.show:
        return "".join(secrets.choice(_READABLE) for _ in range(_LENGTH))
    return secrets.token_urlsafe(_BYTES)


def _kept(path: Path) -> str:
    kept = path.read_text(encoding="utf-8").strip()
    if not kept:
        raise Mistake(f"{path} holds nothing: remove it, and `plait up` makes a new secret")
    return kept
