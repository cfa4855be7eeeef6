"""What `plait up` shows: a live table on a terminal, plain lines anywhere else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from plait.local.lifecycle import State
from plait.local.news import Tail, all_ready, news, welcome
from plait.local.secrets import Tell

_COLOURS = {
    State.READY.value: "green",
    State.FAILED.value: "bold red",
    State.RESTARTING.value: "yellow",
    State.UNREADY.value: "yellow",
}
_NUMBERS = {"pid", "restarts", "uptime"}
_TITLE = "{} · Ctrl-C stops"


class View(Protocol):
    """Is shown each new status of the system."""

    def show(self, status: Mapping[str, Any]) -> None:
        """Show what changed."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def view_on(console: Console, tail: Tail, tell: Tell) -> View:
    """Return the view that suits where the output goes; `tell` has the last lines of a welcome."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, tail, tell)
    return PlainView(console, tail, tell)


def nothing() -> list[str]:
    """Tell nothing: for views that are not seen by the person who started the system."""
    return []


class PlainView:
    """One line for each event, with its time.

    With `from_now` the first status is taken as known, and nobody is welcomed: for commands that
    look at a system which runs already.
    """

    def __init__(
        self, console: Console, tail: Tail, tell: Tell = nothing, *, from_now: bool = False
    ) -> None:
        self._console = console
        self._tail = tail
        self._tell = tell
        self._known = not from_now
        self._welcomed = from_now
        self._before: Mapping[str, Any] = {}

    def show(self, status: Mapping[str, Any]) -> None:
        time = datetime.now().astimezone().strftime("%H:%M:%S")
        for line in news(self._before, status, self._tail) if self._known else ():
            self._print(line if line.startswith(" ") else f"{time} {line}")
        if all_ready(status) and not self._welcomed:
            self._welcomed = True
            for line in (*welcome(status), *self._tell()):
                self._print(line)
        self._known = True
        self._before = status

    def close(self) -> None:
        return

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class LiveView:
    """A table that is always right, and above it what should not scroll away with it."""

    def __init__(self, console: Console, tail: Tail, tell: Tell = nothing) -> None:
        self._tail = tail
        self._tell = tell
        self._welcomed = False
        self._before: Mapping[str, Any] = {}
        self._live = Live(console=console, auto_refresh=False)  # no thread beside the loop
        self._live.start()

    def show(self, status: Mapping[str, Any]) -> None:
        lines = news(self._before, status, self._tail)
        for index, line in enumerate(lines):
            crash = index + 1 < len(lines) and lines[index + 1].startswith(" ")
            if line.startswith(" ") or crash:
                self._print(line)
        if all_ready(status) and not self._welcomed:
            self._welcomed = True
            for line in (*welcome(status), *self._tell()):
                self._print(line)
        self._live.update(table(status, _TITLE.format(status["project"])), refresh=True)
        self._before = status

    def close(self) -> None:
        self._live.stop()

    def _print(self, line: str) -> None:
        self._live.console.print(Text(line), soft_wrap=True)


def table(status: Mapping[str, Any], title: str = "") -> Table:
    """Return the processes as a table, one row each."""
    shown = Table(title=title or status["project"], title_justify="left")
    for heading in ("process", "state", "pid", "address", "restarts", "uptime", "note"):
        shown.add_column(heading, justify="right" if heading in _NUMBERS else "left")
    for process in status["processes"]:
        shown.add_row(
            process["name"],
            Text(process["state"], style=_COLOURS.get(process["state"], "")),
            str(process["pid"] or ""),
            process["address"],
            str(process["restarts"]),
            duration(process["uptime"]) if process["pid"] else "",
            Text(process["note"]),
        )
    return shown


def duration(seconds: float) -> str:
    """Return a duration as people say it: `42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
