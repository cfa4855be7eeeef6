"""The query string of a search -> what to search for; pure."""

import re
from collections.abc import Mapping, Sequence

from plait.console.store import Query
from plait.errors import InvalidArgument, Violation

MAX_LIMIT = 1000
_NAMES = ("service", "operation", "status", "min_duration", "limit")
_STATUSES: Mapping[str, bool | None] = {"": None, "ok": False, "error": True}
_NANOS: Mapping[str, int] = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 6 * 10**10,
}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ns|us|µs|ms|s|m)", re.ASCII)


class BadQuery(InvalidArgument):
    """A parameter of the search is unknown or cannot be read."""


def parse(parameters: Sequence[tuple[str, str]]) -> Query:
    """Return the search; raises `BadQuery` for the first parameter that is wrong."""
    found = once(parameters, _NAMES)
    return Query(
        service=found.get("service", ""),
        operation=found.get("operation", ""),
        failed=_failed(found.get("status", "")),
        min_duration=_nanos(found.get("min_duration", "")),
        limit=bounded(limit, MAX_LIMIT) if (limit := found.get("limit")) else Query().limit,
    )


def once(parameters: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    """Return the values by name; raises `BadQuery` for an unknown name or one that comes twice."""
    found: dict[str, str] = {}
    for name, value in parameters:
        if name not in names:
            raise bad(name, f"expected one of {', '.join(names)}, found {name[:40]!r}")
        if name in found:
            raise bad(name, f"expected {name} once")
        found[name] = value.strip()
    return found


def bounded(value: str, most: int) -> int:
    """Return a `limit` from 1 to `most`; raises `BadQuery`."""
    if not value.isdecimal() or not 1 <= int(value[:9]) <= most:
        raise bad("limit", f"expected limit from 1 to {most}, found {value[:40]!r}")
    return int(value)


def bad(name: str, message: str) -> BadQuery:
    """Return the error that names a parameter."""
    return BadQuery(message, violations=[Violation(field=name, description=message)])


def _failed(value: str) -> bool | None:
    if value not in _STATUSES:
        raise bad("status", f"expected status ok or error, found {value[:40]!r}")
    return _STATUSES[value]


def _nanos(value: str) -> int:
    if not value:
        return 0
    match = _DURATION.fullmatch(value)
    if match is None:
        raise bad(
            "min_duration",
            f"expected min_duration with its unit, as 250us, 5ms or 1.5s; found {value[:40]!r}",
        )
    return int(float(match[1]) * _NANOS[match[2]])
