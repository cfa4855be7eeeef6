"""What is shown, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from plait.local.view import LiveView, PlainView, duration, nothing, table, view_on


def process(name: str, state: str = "ready", **more):
    return {
        "name": name,
        "state": state,
        "pid": 7 if state in {"ready", "starting"} else 0,
        "address": f"http://{name}",
        "note": "",
        "ends": 0,
        "restarts": 2,
        "uptime": 65.0,
        "settled": state in {"ready", "failed"},
        **more,
    }


def status(*processes):
    return {"project": "shop", "hints": [], "processes": list(processes)}


def words(name: str) -> list[str]:
    return [f"last words of {name}"]


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=120)


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), width=120, force_terminal=True, _environ={"TERM": "xterm"})


def shown(console: Console) -> str:
    return console.file.getvalue()


def test_a_terminal_gets_a_table_and_anything_else_gets_lines(console, terminal):
    live = view_on(terminal, words, nothing)
    live.close()

    assert isinstance(live, LiveView)
    assert isinstance(view_on(console, words, nothing), PlainView)


@pytest.mark.parametrize("kind", ["console", "terminal"])
def test_what_is_told_once_ends_the_welcome(request, kind):
    output = request.getfixturevalue(kind)
    told = iter([["the password: sesame"]])
    view = view_on(output, words, lambda: next(told))

    view.show(status(process("a", "starting")))
    assert "sesame" not in shown(output)
    view.show(status(process("a")))
    view.show(status(process("a", "unready")))
    view.show(status(process("a")))
    view.close()

    assert shown(output).count("the password: sesame") == 1
    assert shown(output).index("shop is ready") < shown(output).index("sesame")


def test_lines_have_a_time_and_colours_only_a_terminal(console):
    view = PlainView(console, words)

    view.show(status(process("a", "restarting", ends=1, note="exited with code 1")))
    view.close()

    first, second = shown(console).splitlines()
    assert first[2] == first[5] == ":"
    assert first[9:] == "a: restarting (exited with code 1)"
    assert second == "  | last words of a"
    assert "\x1b" not in shown(console)


def test_everybody_is_welcomed_once(console):
    view = PlainView(console, words)

    for _ in range(2):
        view.show(status(process("a", "starting")))
        view.show(status(process("a")))

    assert shown(console).count("shop is ready:") == 1


def test_who_comes_later_sees_only_what_changes(console):
    view = PlainView(console, words, from_now=True)

    view.show(status(process("a")))
    assert shown(console) == ""
    view.show(status(process("a", "stopped")))

    assert shown(console).splitlines()[0].endswith("a: stopped")


def test_the_live_table_shows_the_state_and_keeps_crashes_above(terminal):
    view = LiveView(terminal, words)

    view.show(status(process("a", "starting")))
    view.show(status(process("a", "restarting", ends=1, note="exited with code 1")))
    view.show(status(process("a")))
    view.show(status(process("a")))
    view.close()

    text = shown(terminal)
    assert "last words of a" in text
    assert "Ctrl-C stops" in text
    assert text.count("shop is ready:") == 1


def test_the_table_has_a_row_for_each_process(console):
    console.print(table(status(process("a"), process("b", "failed", note="fell over"))))

    text = shown(console)
    assert "1 min 5 s" in text
    row = next(line for line in text.splitlines() if " b " in line)
    assert "failed" in row
    assert "fell over" in row


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_a_duration_is_said_as_people_do(seconds, text):
    assert duration(seconds) == text
