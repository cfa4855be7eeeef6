"""The command as a whole: help, exit codes, mistakes without tracebacks."""

import os
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from plait.cli import call, data, demo, login, logs, main, running
from plait.cli.generate import GenerateError
from plait.local import up
from plait.local.mistake import Mistake

LOGIN = {"admin": False, "password_stdin": False, "print_token": False}
COMMANDS = {
    *(
        "up",
        "down",
        "restart",
        "ps",
        "logs",
        "login",
        "logout",
        "call",
        "migrate",
        "seed",
        "generate",
    ),
    "demo",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "plait.toml").write_text('[project]\nname = "test"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main._Here, "root", None)
    return tmp_path


def plait(*arguments: str, cwd, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plait.cli.main", *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_and_the_exit_codes(tmp_path):
    done = plait("--help", cwd=tmp_path)

    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert listed >= COMMANDS
    assert "Exit codes: 0 done" in done.stdout


def test_help_loads_nothing_heavy(tmp_path):
    script = "import sys, plait.cli.main; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    heavy = {"grpc", "google.protobuf", "sqlalchemy", "opentelemetry", "pydantic", "joserfc"}
    assert not heavy & set(done.stdout.split())


def test_a_mistake_is_a_sentence_and_an_exit_code(project):
    began = time.monotonic()
    done = plait("ps", cwd=project)

    assert done.returncode == 3
    assert done.stderr == f"plait: plait does not run in {project}: start it with `plait up`\n"
    assert time.monotonic() - began < 60


def test_a_mistake_has_a_traceback_for_who_asks(project):
    done = plait("ps", cwd=project, PLAIT_DEBUG="1")

    assert "Traceback" in done.stderr
    assert "Mistake" in done.stderr


def test_a_folder_without_a_project_is_a_mistake_of_use(tmp_path):
    done = plait("ps", cwd=tmp_path)

    assert done.returncode == 2
    assert "there is no plait.toml" in done.stderr


@pytest.mark.parametrize("arguments", [["restart"], ["dance"], ["logs", "-n", "-1"], ["login"]])
def test_a_wrong_use_ends_with_two(project, arguments):
    done = plait(*arguments, cwd=project)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_project_may_be_named(project, tmp_path):
    done = plait("--root", str(project), "ps", cwd="/")

    assert done.returncode == 3


def test_without_a_mistake_main_ends_as_the_command_does(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["plait", "--help"])

    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 0
    assert "Usage" in capsys.readouterr().out


def test_main_turns_a_mistake_into_its_exit_code(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["plait", "down"])
    monkeypatch.delenv("PLAIT_DEBUG", raising=False)

    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 3
    assert capsys.readouterr().err.startswith("plait: plait does not run in ")
    monkeypatch.setenv("PLAIT_DEBUG", "1")
    with pytest.raises(Mistake):
        main.main()


class Asked:
    """Stands where a command's work begins, and notes what it is asked."""

    def __init__(self) -> None:
        self.with_ = []

    def __call__(self, *arguments, **named):
        self.with_.append((*arguments, named) if named else arguments)
        return 0


@pytest.mark.parametrize(
    ("command", "module", "function", "asked"),
    [
        ("down", running, "down", ()),
        ("restart gateway", running, "restart", ("gateway",)),
        ("ps", running, "ps", ({"json": False},)),
        ("ps --json", running, "ps", ({"json": True},)),
        ("logs", logs, "show", ("", {"count": 50, "follow": False, "raw": False})),
        ("logs a -f -n 3 --json", logs, "show", ("a", {"count": 3, "follow": True, "raw": True})),
        ("login a@b", login, "log_in", ("a@b", {**LOGIN})),
        ("login --admin", login, "log_in", ("", {**LOGIN, "admin": True})),
        (
            "login a@b --password-stdin --print-token",
            login,
            "log_in",
            ("a@b", {**LOGIN, "password_stdin": True, "print_token": True}),
        ),
        ("logout", login, "log_out", ()),
        ("migrate catalog", data, "migrate", ("catalog",)),
        ("seed", data, "seed", (None,)),
        ("seed --products 5", data, "seed", (5,)),
        ("demo", demo, "run", ()),
    ],
)
def test_a_command_hands_over_what_was_said(  # noqa: PLR0917 - what is said, and who is asked
    project, monkeypatch, command, module, function, asked
):
    noted = Asked()
    monkeypatch.setattr(module, function, noted)

    done = CliRunner().invoke(main.app, command.split())

    assert done.exit_code == 0
    assert noted.with_ == [(project, *asked)]


@pytest.mark.parametrize(
    ("arguments", "function", "database"),
    [
        ("up", "up", "sqlite"),
        ("up --detach", "up_detached", "sqlite"),
        ("up -d --database postgres", "up_detached", "postgres"),
    ],
)
def test_up_runs_here_or_in_the_background(project, monkeypatch, arguments, function, database):
    monkeypatch.delenv("PLAIT_DATABASE", raising=False)
    noted = Asked()
    monkeypatch.setattr(up, function, noted)

    done = CliRunner().invoke(main.app, arguments.split())

    assert done.exit_code == 0
    ((root, environ, console),) = noted.with_
    assert root == project
    assert environ == {**os.environ, "PLAIT_DATABASE": database}
    assert console is not None


def test_call_hands_over_what_was_said(project, monkeypatch):
    noted = Asked()
    monkeypatch.setattr(call, "run", noted)

    CliRunner().invoke(main.app, ["call", "a/B", "x=1", "y=2", "--target", "h:1", "--trace"])

    wish = call.Wish(method="a/B", fields=("x=1", "y=2"), target="h:1", trace=True)
    assert noted.with_ == [(None, wish)]


def test_generate_says_what_is_wrong_in_a_sentence(project, monkeypatch):
    def refuse(*, check: bool, root) -> None:
        raise GenerateError(f"{check} {root}")

    monkeypatch.setattr("plait.cli.generate.generate_command", refuse)

    done = CliRunner().invoke(main.app, ["generate", "--check"])

    assert isinstance(done.exception, Mistake)
    assert str(done.exception) == f"True {project}"
