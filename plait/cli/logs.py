"""`plait logs`: the processes' logs as one, in the order of their times."""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from plait.local.folders import Folders
from plait.local.logs import Follower, Line, lines, merged, tail
from plait.local.mistake import USAGE, Mistake
from plait.local.project import nearest

_LOOK = 0.2  # seconds between two looks for new lines
_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red", "DEBUG": "dim"}
_NOT_FIELDS = {"time", "level", "logger", "message", "service", "stack"}


def show(root: Path, name: str, *, count: int, follow: bool, raw: bool) -> None:
    """Print the last `count` lines of one log or of all, and then, with `follow`, what comes.

    Raises:
        Mistake: there is no such log.
    """
    folders = Folders(root=root)
    logs = _logs(folders, name)
    write = _write_json if raw else _writer(Console())
    followers = [Follower(process, path) for process, path in logs.items()]
    before = merged(lines(process, tail(path, count)) for process, path in logs.items())
    write(before[len(before) - count :] if count < len(before) else before)
    while follow:
        time.sleep(_LOOK)
        known = {*logs}
        for process, path in _logs(folders, name).items():
            if process not in known:
                logs[process] = path
                followers.append(Follower(process, path, from_start=True))
        write(merged(follower.new() for follower in followers))


def _logs(folders: Folders, name: str) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(folders.logs.glob("*.log"))}
    if not name:
        return found
    if name not in found:
        raise Mistake(
            f"there is no log of {name!r} in {folders.logs}, there are: "
            f"{', '.join(found) or 'none'}{nearest(name, found)}",
            code=USAGE,
        )
    return {name: found[name]}


def _write_json(found: Iterable[Line]) -> None:
    for line in found:
        values = line.values or {"message": line.text}
        sys.stdout.write(json.dumps({"process": line.process} | values) + "\n")
    sys.stdout.flush()


def _writer(console: Console) -> Callable[[Iterable[Line]], None]:
    def write(found: Iterable[Line]) -> None:
        for line in found:
            for text in readable(line):
                style = _COLOURS.get(str(line.values.get("level")), "")
                console.print(Text(text, style=style), soft_wrap=True)

    return write


def readable(line: Line) -> list[str]:
    """Return a log line for people: time, process, level, message, the fields, the stack below."""
    values = line.values
    if "message" not in values:
        return [f"{'':12} {line.process:<10} {line.text}"]
    moment = line.time.astimezone()
    fields = [f"{key}={value}" for key, value in values.items() if key not in _NOT_FIELDS]
    head = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {line.process:<10}"
    words = [head, str(values.get("level", "")), str(values["message"]), *fields]
    stack = values.get("stack")
    rest = stack.splitlines() if isinstance(stack, str) else []
    return [" ".join(words), *(f"{'':12} {line.process:<10} {part}" for part in rest)]
