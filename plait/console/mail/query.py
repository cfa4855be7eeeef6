"""The query string of the mailbox's API -> what is asked for; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plait.console.query import bad, bounded, once

MAX_LIMIT = 200
MAX_WAIT = 30.0  # seconds
_ID = re.compile(r"[0-9a-f]{16}")
_SECONDS = re.compile(r"\d{1,3}(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which mails: to an address, after another one, at most so many; how long to wait for one."""

    to: str = ""
    after: str = ""
    limit: int = MAX_LIMIT
    wait: float = 0.0


def of_list(parameters: Sequence[tuple[str, str]]) -> Wanted:
    """Return what a list is asked for; raises `BadQuery` for the first parameter that is wrong."""
    found = once(parameters, ("to", "after", "limit"))
    limit = bounded(found.get("limit", str(MAX_LIMIT)), MAX_LIMIT)
    return Wanted(to=found.get("to", ""), after=_after(found), limit=limit)


def of_latest(parameters: Sequence[tuple[str, str]]) -> Wanted:
    """Return what the latest is asked for; raises `BadQuery` as above."""
    found = once(parameters, ("to", "after", "wait"))
    wait = found.get("wait", "0")
    if not _SECONDS.fullmatch(wait) or float(wait) > MAX_WAIT:
        raise bad("wait", f"expected wait in seconds from 0 to {MAX_WAIT:g}, found {wait[:40]!r}")
    return Wanted(to=found.get("to", ""), after=_after(found), wait=float(wait))


def _after(found: dict[str, str]) -> str:
    after = found.get("after", "")
    if after and not _ID.fullmatch(after):
        raise bad("after", f"expected after to be the id of a mail, found {after[:40]!r}")
    return after
