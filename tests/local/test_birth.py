"""What a process does before its `main()`; the rest is seen in test_spawner."""

import json
import os
import signal
import subprocess
import sys

import pytest

from plait.local import birth
from plait.local.birth import Start, run


def test_a_start_survives_its_way_through_json():
    start = Start(name="a", module="m", log="/l", env={"A": "1"}, arguments=("x",))

    again = Start.from_json(json.loads(json.dumps(start.to_json())))

    assert again.name == "a"
    assert list(again.arguments) == ["x"]
    assert again.env == {"A": "1"}


@pytest.mark.parametrize(("answer", "code"), [("None", 0), ("7", 7), ("'text'", 0)])
def test_the_exit_code_is_what_main_returns(tmp_path, monkeypatch, answer, code):
    name = f"module_{code}_{len(answer)}"
    (tmp_path / f"{name}.py").write_text(f"def main():\n    return {answer}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])

    assert run(Start(name="a", module=name, log="", env={}, arguments=("b",))) == code
    assert sys.argv == [name, "b"]


def test_a_process_whose_parent_is_gone_already_dies():
    script = "from plait.local.birth import live_with; live_with(1); print('alive')"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b""


def test_where_the_kernel_sends_no_signal_the_parent_is_watched(processes, tmp_path, until):
    script = (
        "import os, sys, time\n"
        "from plait.local import birth\n"
        "birth._LINUX = False\n"
        "birth._WATCH_PARENT = 0.01\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "elif os.fork():\n"
        "    time.sleep(0.3)\n"
        "    os._exit(0)\n"
        "else:\n"
        "    birth.call_it('x')\n"
        "    birth.live_with(os.getppid())\n"
        "    time.sleep(60)\n"
    )
    process = processes("-c", script, cwd=tmp_path, env=dict(os.environ))

    output, _ = process.communicate(timeout=20)  # ends when nobody holds the pipe any more

    assert output == ""


def test_a_log_is_private_and_appended_to(tmp_path):
    path = tmp_path / "a.log"
    for text in (b"one", b"two"):
        descriptor = birth.open_log(str(path))
        os.write(descriptor, text)
        os.close(descriptor)

    assert path.read_bytes() == b"onetwo"
    assert path.stat().st_mode & 0o777 == 0o600
