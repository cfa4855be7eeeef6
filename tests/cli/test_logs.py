"""`plait logs`."""

import io
import json

import pytest
from rich.console import Console

from plait.cli import logs as module
from plait.cli.logs import readable, show
from plait.local.folders import Folders
from plait.local.logs import Line, lines
from plait.local.mistake import Mistake


def entry(second: int, message: str, **more) -> str:
    return json.dumps({"time": f"2026-01-01T00:00:0{second}Z", "message": message, **more})


@pytest.fixture
def folders(tmp_path):
    made = Folders(root=tmp_path)
    made.create()
    made.log("catalog").write_text(entry(1, "one") + "\n" + entry(3, "three") + "\n")
    made.log("gateway").write_text(entry(2, "two") + "\nplain\n")
    return made


def test_all_logs_are_shown_by_time(folders, capsys):
    show(folders.root, "", count=50, follow=False, raw=True)

    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["process"], line["message"]) for line in shown] == [
        ("catalog", "one"),
        ("gateway", "two"),
        ("gateway", "plain"),
        ("catalog", "three"),
    ]


@pytest.mark.parametrize(("count", "found"), [(0, []), (1, ["three"]), (2, ["plain", "three"])])
def test_only_the_last_lines_are_shown(folders, capsys, count, found):
    show(folders.root, "", count=count, follow=False, raw=True)

    shown = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert shown == found


def test_one_log_may_be_chosen(folders, capsys):
    show(folders.root, "gateway", count=1, follow=False, raw=False)

    assert capsys.readouterr().out.split() == ["gateway", "plain"]


def test_a_log_that_is_not_there_is_refused_with_the_nearest(folders):
    with pytest.raises(Mistake, match=r"there are: catalog, gateway; did you mean 'gateway'\?"):
        show(folders.root, "gatewy", count=1, follow=False, raw=False)


def test_without_any_log_nothing_is_shown(tmp_path, capsys):
    show(tmp_path, "", count=50, follow=False, raw=False)

    assert capsys.readouterr().out == ""


def append(log, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


class Stop(Exception):
    """Ends a command that follows for ever."""


def test_followed_logs_go_on_with_what_comes_and_with_new_processes(folders, capsys, monkeypatch):
    steps = iter(
        [
            lambda: append(folders.log("catalog"), entry(4, "four") + "\n"),
            lambda: folders.log("orders").write_text(entry(5, "five") + "\n"),
        ]
    )

    def sleep(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise Stop
        step()

    monkeypatch.setattr(module.time, "sleep", sleep)
    with pytest.raises(Stop):
        show(folders.root, "", count=0, follow=True, raw=True)

    shown = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["four", "five"]


def test_a_structured_line_is_readable():
    (line,) = lines(
        "catalog",
        [
            entry(
                1,
                "it fell",
                level="ERROR",
                logger="x",
                service="catalog",
                trace_id="t1",
                stack="in a\nin b",
            )
        ],
    )

    first, second, third = readable(line)

    assert first.endswith("catalog    ERROR it fell trace_id=t1")
    assert second.split() == ["catalog", "in", "a"]
    assert third.split() == ["catalog", "in", "b"]


def test_a_plain_line_stays_as_it_is():
    assert readable(Line(process="a", text="Traceback")) == [f"{'':12} {'a':<10} Traceback"]


def test_colours_only_on_a_terminal():
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, _environ={"TERM": "xterm"})
        module._writer(console)(lines("a", [entry(1, "bad", level="ERROR")]))
        assert ("\x1b[31m" in console.file.getvalue()) is terminal
