"""Promises about the programs that a cluster needs: a missing one is one clear sentence."""

import pytest

from k8s.tools import need, output, run, succeeds


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH with nothing on it but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def add(name, script="exit 0"):
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)

    return add


@pytest.mark.parametrize("tool", ["docker", "kind", "kubectl"])
def test_a_missing_tool_is_a_sentence_that_says_how_to_get_it(path, tool):
    for other in {"docker", "kind", "kubectl"} - {tool}:
        path(other)

    with pytest.raises(SystemExit) as ended:
        need("docker", "kind", "kubectl")

    said = str(ended.value)
    assert said.startswith(f"plait: this needs {tool}, which is not on the PATH: install ")
    assert "https://" in said
    assert "\n" not in said


def test_a_docker_that_does_not_run_is_a_sentence(path):
    path("docker", "exit 1")

    with pytest.raises(SystemExit, match="its daemon does not answer: start it"):
        need("docker")


def test_with_all_tools_there_nothing_is_said(path, capsys):
    for tool in ("docker", "kind", "kubectl"):
        path(tool)

    need("docker", "kind", "kubectl")

    assert capsys.readouterr() == ("", "")


def test_what_a_command_prints_is_returned(path):
    path("kind", "echo shop; echo noise >&2")

    assert output("kind", "get", "clusters") == "shop"


def test_a_command_that_fails_says_why(path):
    path("kind", "echo 'no such cluster' >&2; exit 3")

    with pytest.raises(SystemExit, match="plait: `kind get nodes` failed: no such cluster"):
        output("kind", "get", "nodes")


def test_a_command_that_fails_without_a_word_on_stderr_shows_what_it_printed(path):
    path("kind", "echo 'on stdout'; exit 3")

    with pytest.raises(SystemExit, match="failed: on stdout"):
        output("kind")


def test_a_command_that_speaks_for_itself_fails_by_its_name(path):
    path("kind", "exit 3")

    with pytest.raises(SystemExit, match="plait: `kind delete cluster` failed"):
        run("kind", "delete", "cluster")


def test_whether_a_command_ends_well_is_asked_in_silence(path, capfd):
    path("docker", 'echo noise; test "$1" = info')

    assert succeeds("docker", "info")
    assert not succeeds("docker", "stop")
    assert capfd.readouterr() == ("", "")
