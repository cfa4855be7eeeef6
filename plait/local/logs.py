"""The log files of a local run: read from the end, merged by time, followed.

They are bounded at each start of a process, not while it runs: it writes to its file itself.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

LIMIT = 5 * 1024 * 1024  # bytes of a log from which on the next start begins a new one
_CHUNK = 64 * 1024
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a process's log; a line that says no time has that of the one before."""

    process: str
    text: str
    time: datetime = _EPOCH

    @property
    def values(self) -> dict[str, Any]:
        """What a structured line says, by key; nothing for a plain line."""
        return _values(self.text)


def rotate(path: Path, limit: int = LIMIT) -> None:
    """Make room: a log of at least `limit` bytes becomes `<name>.1`, in place of the one before."""
    if path.is_file() and path.stat().st_size >= limit:
        path.replace(path.with_name(f"{path.name}.1"))


def tail(path: Path, count: int) -> list[str]:
    """Return the last `count` lines; reads no more of the file than it must."""
    if count <= 0 or not path.is_file():
        return []
    with path.open("rb") as file:
        position = file.seek(0, 2)
        data = b""
        while position > 0 and data.count(b"\n") <= count:
            size = min(_CHUNK, position)
            position -= size
            file.seek(position)
            data = file.read(size) + data
    return data.decode("utf-8", "replace").splitlines()[-count:]


def lines(process: str, texts: Iterable[str], before: datetime = _EPOCH) -> list[Line]:
    """Return the texts with their times; `before` is that of a first line which says none."""
    found: list[Line] = []
    for text in texts:
        before = max(before, _time(text) or before)  # a log's own order holds
        found.append(Line(process=process, text=text, time=before))
    return found


def merged(parts: Iterable[list[Line]]) -> list[Line]:
    """Return the lines of several logs in the order of their times, each log's own order kept."""
    return sorted((line for part in parts for line in part), key=lambda line: line.time)


class Follower:
    """Reads what is appended to a log, complete line by complete line; survives rotation."""

    def __init__(self, process: str, path: Path, *, from_start: bool = False) -> None:
        self._process = process
        self._path = path
        self._rest = b""
        self._before = _EPOCH
        stat = path.stat() if path.is_file() and not from_start else None
        self._file = stat.st_ino if stat else 0
        self._position = stat.st_size if stat else 0

    def new(self) -> list[Line]:
        """Return the lines that came since the last call."""
        if not self._path.is_file():
            return []
        texts = list(self._texts())
        found = lines(self._process, texts, self._before)
        if found:
            self._before = found[-1].time
        return found

    def _texts(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            stat = self._path.stat()
            if stat.st_ino != self._file or stat.st_size < self._position:
                self._file, self._position, self._rest = stat.st_ino, 0, b""
            file.seek(self._position)
            data = file.read()
        self._position += len(data)
        *complete, self._rest = (self._rest + data).split(b"\n")
        for line in complete:
            yield line.decode("utf-8", "replace")


def _time(text: str) -> datetime | None:
    values = _values(text)
    for key in ("time", "timestamp"):
        value = values.get(key)
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                return None
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _values(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", values) if isinstance(values, dict) else {}
