"""`plait login` and `plait logout`: a session for `plait call`, which only this user can read."""

import asyncio
import getpass
import os
import sys
from pathlib import Path

from plait.clock import SystemClock
from plait.local.config import load
from plait.local.folders import Folders
from plait.local.login import KeptLogin
from plait.local.mistake import FAILED, REFUSED, USAGE, Mistake
from plait.local.project import Project
from plait.local.sessions import Session, Sessions

_LONGEST = 4096  # characters of a password that is read from a pipe


def log_in(root: Path, email: str, *, admin: bool, password_stdin: bool, print_token: bool) -> None:
    """Log in as the user of that address, or as the first administrator, and keep the session.

    Raises:
        Mistake: it is not known who logs in, there is no password, or it was refused.
    """
    sessions = Sessions(load(root, os.environ), os.environ)
    if admin == bool(email):
        raise Mistake("say who logs in: `plait login EMAIL`, or `plait login --admin`", code=USAGE)
    session = asyncio.run(
        sessions.log_in_as_admin()
        if admin
        else sessions.log_in(email, _password(email, from_stdin=password_stdin))
    )
    asyncio.run(_kept(root).keep(session))
    sys.stdout.write(f"{session.access_token}\n" if print_token else _said(session))


def log_out(root: Path) -> int:
    """End the session and forget it; return 1 if it could only be forgotten.

    Raises:
        Mistake: nobody is logged in.
    """
    sessions = Sessions(load(root, os.environ), os.environ)
    session = asyncio.run(_kept(root).forget())
    if session is None:
        raise Mistake("nobody is logged in here", code=REFUSED)
    try:
        asyncio.run(sessions.log_out(session))
    except Mistake as error:
        sys.stderr.write(
            f"plait: {session.user} is logged out here, but the session was not ended: {error}\n"
        )
        return FAILED
    sys.stdout.write(f"{session.user} is logged out\n")
    return 0


async def fresh_token(project: Project) -> str:
    """Return the access token of the last log-in, renewed if it is due; empty if there is none.

    Raises:
        Mistake: the session has ended, or cannot be renewed.
    """
    if project.login is None:
        return ""
    return await _kept(project.root).token(Sessions(project, os.environ).go_on)


def _kept(root: Path) -> KeptLogin:
    return KeptLogin(Folders(root=root), SystemClock())


def _said(session: Session) -> str:
    return (
        f"logged in as {session.user}; `plait call` uses and renews the session, `plait logout` "
        "ends it, and with --print-token this command prints the token\n"
    )


def _password(email: str, *, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline(_LONGEST).rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {email}: ")
    else:
        raise Mistake(
            "there is no terminal to ask for the password on: pipe it in, with --password-stdin",
            code=USAGE,
        )
    if not password:
        raise Mistake("the password is empty", code=USAGE)
    return password
