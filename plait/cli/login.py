"""`plait login`: a token for `plait call`, kept where only this user reads it."""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

from plait.clock import Clock, SystemClock
from plait.local.folders import Folders, write_private
from plait.local.keys import ADMIN, ADMIN_LIFE, Keys

_MARGIN = timedelta(seconds=10)


def dev_admin(root: Path, *, print_token: bool) -> None:
    """Log in as the local administrator, by a token that the supervisor's local key signs.

    Raises:
        Mistake: there is no such key.
    """
    folders = Folders(root=root)
    clock = SystemClock()
    token = Keys.load(folders, clock).admin_token()
    expires = clock.now() + ADMIN_LIFE
    login = {"user": ADMIN, "token": token, "expires": expires.isoformat()}
    write_private(folders.login, json.dumps(login))
    if print_token:
        sys.stdout.write(f"{token}\n")
    else:
        sys.stdout.write(
            f"logged in as {ADMIN} (roles: admin) until {expires.astimezone():%H:%M}; `plait call` "
            "uses it, and with --print-token this command prints the token\n"
        )


def last_token(folders: Folders, clock: Clock) -> str:
    """Return the token of the last login; the empty string if there is none that is still good."""
    if not folders.login.is_file():
        return ""
    login = json.loads(folders.login.read_text(encoding="utf-8"))
    if clock.now() + _MARGIN > datetime.fromisoformat(login["expires"]):
        return ""
    return str(login["token"])
