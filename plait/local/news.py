"""What changed between two states of the system, in lines for a person."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plait.local.lifecycle import CRASHES, State
from plait.local.supervisor import settled

Tail = Callable[[str], Sequence[str]]
"""Returns the last lines of a process's log, by the process's name."""

_ENDED = {State.RESTARTING.value, State.FAILED.value}


def news(before: Mapping[str, Any], after: Mapping[str, Any], tail: Tail) -> list[str]:
    """Return a line for each process that changed its state, with its last words if it crashed."""
    old = {process["name"]: process for process in before.get("processes", ())}
    found: list[str] = []
    for process in after["processes"]:
        was = old.get(process["name"], {})
        if process["state"] != State.WAITING.value and _key(process) != _key(was):
            found += [_line(process), *_last_words(process, was, tail)]
    return found


def all_ready(status: Mapping[str, Any]) -> bool:
    """Whether each process is ready, and each new database filled."""
    ready = all(process["state"] == State.READY.value for process in status["processes"])
    return ready and settled(status)


def welcome(status: Mapping[str, Any]) -> list[str]:
    """Return what to do with a system that is ready: its addresses, and lines to copy."""
    addresses = {process["name"]: process["address"] for process in status["processes"]}
    width = max(map(len, addresses), default=0)
    lines = [f"{status['project']} is ready:"]
    lines += [f"  {name:<{width}}  {address}" for name, address in addresses.items()]
    hints = [_filled(hint, addresses) for hint in status["hints"]]
    if "console" in addresses:
        hints.append(f"open {addresses['console']}")
    return lines + (["Lines to copy:", *(f"  {hint}" for hint in hints)] if hints else [])


def _filled(hint: str, addresses: Mapping[str, str]) -> str:
    for name, address in addresses.items():
        hint = hint.replace(f"{{{name}}}", address)
    return hint


def _key(process: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(process.get(key) for key in ("state", "pid", "note"))


def _line(process: Mapping[str, Any]) -> str:
    line = f"{process['name']}: {process['state']}"
    if process["pid"]:
        line += f", pid {process['pid']}, {process['address']}"
    if process["note"]:
        line += f" ({process['note']})"
    if process["state"] == State.FAILED.value and process["ends"] == CRASHES:
        line += f"; it ended {CRASHES} times in a row and is tried again less and less often"
    return line


def _last_words(process: Mapping[str, Any], was: Mapping[str, Any], tail: Tail) -> list[str]:
    if process["state"] not in _ENDED or process["ends"] not in {1, CRASHES} or was == process:
        return []
    return [f"  | {line}" for line in tail(process["name"])]
