"""`plait call`: JSON in, a call, JSON out."""

import asyncio
import json
import os
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest

from plait.cli import call as module
from plait.cli.call import Wish, described
from plait.clock import SystemClock
from plait.errors import Unavailable
from plait.local.config import load
from plait.local.folders import Folders
from plait.local.login import KeptLogin
from plait.local.mistake import USAGE, Mistake
from plait.local.sessions import Sessions
from tests.people import ADMIN, PASSWORD, People, running

SERVICE = """
[[services]]
name = "echo"
module = "echo.main"
port = {port}
contracts = ["test.v1.EchoService"]
"""
FILE = f"""
[project]
name = "test"
{SERVICE}
"""


@pytest.fixture
def call(echo, capsys, monkeypatch):
    """Make a call as `plait call` does; returns the exit code and what was printed."""
    monkeypatch.delenv("PLAIT_TOKEN", raising=False)

    async def made(method: str, *fields: str, project=None, **more):
        target = "" if project else echo.target
        wish = Wish(**{"method": method, "fields": fields, "target": target} | more)
        code = await module._run(project, wish, ())
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return made


@pytest.fixture
def project(tmp_path, echo):
    (tmp_path / "plait.toml").write_text(FILE.format(port=echo.target.rpartition(":")[2]))
    Folders(root=tmp_path).create()
    return load(tmp_path, {})


async def test_one_request_gets_one_answer(call):
    answer = await call("echo/Say", "text=hello", "inner_words.times=2", "loud=true")

    assert answer.code == 0
    assert json.loads(answer.out) == {"text": "hello", "loud": True, "innerWords": {"times": 2}}


async def test_a_stream_of_answers_is_a_line_each(call):
    answer = await call("echo/Repeat", "text=a", "times=3")

    assert [json.loads(line) for line in answer.out.splitlines()] == [
        {"text": "a"},
        {"text": "a", "times": 1},
        {"text": "a", "times": 2},
    ]


async def test_a_stream_of_requests_is_a_line_each(call):
    answer = await call("echo/Count", data='{"text": "a"}\n\n{"text": "b"}\n')

    assert json.loads(answer.out) == {"times": 2}


async def test_both_may_stream(call):
    answer = await call("echo/Chat", data='{"text": "a"}\n{"text": "b"}')

    assert [json.loads(line)["text"] for line in answer.out.splitlines()] == ["a!", "b!"]


async def test_a_request_may_be_json(call):
    answer = await call("echo/Say", data='{\n "text": "a"\n}')

    assert json.loads(answer.out) == {"text": "a"}


async def test_a_request_may_be_read_from_a_file(call, tmp_path):
    one, many = tmp_path / "one.json", tmp_path / "many.ndjson"
    one.write_text('{\n "text": "a"\n}')
    many.write_text('{"text": "a"}\n\n{"text": "b"}\n')

    assert json.loads((await call("echo/Say", data=f"@{one}")).out) == {"text": "a"}
    assert json.loads((await call("echo/Count", data=f"@{many}")).out) == {"times": 2}


async def test_requests_may_come_from_standard_input(call, monkeypatch):
    reader, writer = os.pipe()
    os.write(writer, b'{"text": "a"}\n')
    os.close(writer)
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)

        answer = await call("echo/Count", data="@-")

    assert json.loads(answer.out) == {"times": 1}


async def test_an_error_is_printed_with_its_details(call):
    answer = await call("echo/Say", "text=fail")

    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.splitlines() == [
        "NOT_FOUND: no such words",
        "  reason: NO_WORDS (echo.test)",
        "  words: w1",
        "  resource: words/w1",
        "  field text: must be kind [string.kind]",
    ]


async def test_a_server_that_is_not_there_is_an_error_of_the_call(call):
    answer = await call("echo/Say", target="127.0.0.1:1")

    assert answer.code == 1
    assert answer.err.startswith("UNAVAILABLE: ")


def test_an_error_that_may_be_tried_again_says_when():
    text = described(Unavailable("not now", reason="BUSY", retry_after=1.5))

    assert text == "UNAVAILABLE: not now\n  reason: BUSY\n  try again after 1.5 s\n"


@pytest.mark.parametrize(
    ("method", "data", "message"),
    [
        ("Say", "{", "the request is not JSON: line 1, column 2"),
        ("Count", '{}\n{"text": }', "the request is not JSON: line 2, column 10"),
        ("Say", '{"txt": 1}', 'line 1 of --data: not a test.v1.Words: .*"txt"'),
        ("Say", '{"times": "many"}', "not a test.v1.Words: .*times"),
        ("Say", "[1]", "not a test.v1.Words"),
        ("Say", "@/no/such/file", "cannot read /no/such/file: No such file"),
    ],
)
async def test_what_is_no_request_is_refused_with_the_place(call, method, data, message):
    with pytest.raises(Mistake, match=message) as refused:
        await call(f"echo/{method}", data=data)

    assert refused.value.code == USAGE


async def test_a_line_of_a_file_is_named(call, tmp_path):
    path = tmp_path / "many.ndjson"
    path.write_text('{}\n{"txt": 1}\n')

    with pytest.raises(Mistake, match="line 2: not a"):
        await call("echo/Count", data=f"@{path}")


def test_fields_and_data_together_are_refused(tmp_path):
    with pytest.raises(Mistake, match="not both"):
        module.run(None, Wish(method="a/B", target="x:1", fields=("a=1",), data="{}"))


async def test_a_token_goes_along(call, echo):
    await call("echo/Say", token="t1")

    assert echo.metadata[-1]["authorization"] == "Bearer t1"


@pytest.fixture
async def people(tmp_path):
    """Who can log in; the project's file names the methods for it."""
    served = People()
    async with running(served, tmp_path):
        yield served


@pytest.fixture
async def shop(people, echo, tmp_path):
    file = tmp_path / "plait.toml"
    port = echo.target.rpartition(":")[2]
    file.write_text(file.read_text() + SERVICE.format(port=port))
    return load(tmp_path, {})


async def log_in(project) -> None:
    session = await Sessions(project, {}).log_in(ADMIN, PASSWORD)
    await KeptLogin(Folders(root=project.root), SystemClock()).keep(session)


def sent(echo) -> list[str]:
    return [metadata.get("authorization", "") for metadata in echo.metadata]


async def test_the_last_login_goes_along_unless_another_token_is_given(
    call, echo, shop, monkeypatch
):
    await log_in(shop)

    await call("echo/Say", project=shop)
    await call("echo/Say", project=shop, token="")
    monkeypatch.setenv("PLAIT_TOKEN", "environment")
    await call("test.v1.EchoService/Say", project=shop)

    assert sent(echo) == ["Bearer access-2", "", "Bearer environment"]


async def test_a_login_is_shown_to_nobody_but_the_projects_services(call, echo, shop, monkeypatch):
    await log_in(shop)
    monkeypatch.setattr(module, "connect", partial(elsewhere, module.connect, echo.target))

    await call("echo/Say", project=shop, target=echo.target)
    await call("echo/Say", project=shop, target="127.0.0.1:1")

    assert sent(echo) == ["Bearer access-2", ""]


def elsewhere(connect, where, *arguments, target, **more):
    """Connect to the one server there is, whatever address was given."""
    return connect(*arguments, target=where, **more)


async def test_without_a_login_a_call_is_nobodys(call, echo, shop):
    await call("echo/Say", project=shop)

    assert sent(echo) == [""]


async def test_calls_at_once_renew_an_expired_login_once(call, echo, shop, people):
    people.life = timedelta(0)
    await log_in(shop)
    people.life = timedelta(minutes=15)

    await asyncio.gather(*(call("echo/Say", project=shop) for _ in range(3)))

    assert people.refreshes == 1
    assert sent(echo) == ["Bearer access-3"] * 3


async def test_a_login_that_has_ended_says_so_and_nothing_is_called(call, echo, shop, people):
    people.life = timedelta(0)
    await log_in(shop)
    people.current.clear()

    with pytest.raises(Mistake, match=r"users/admin has ended \(REFRESH_TOKEN_INVALID\): log in"):
        await call("echo/Say", project=shop)

    assert echo.metadata == []


async def test_a_target_of_the_environment_moves_the_call(call, echo, project, monkeypatch):
    monkeypatch.setenv("PLAIT_TARGET_ECHO", "127.0.0.1:1")

    assert (await call("echo/Say", project=project)).code == 1


async def test_an_unknown_service_is_refused_with_the_nearest(call, project):
    with pytest.raises(Mistake, match=r"did you mean 'echo'\?; or say with --target"):
        await call("ecco/Say", project=project)


def test_without_a_project_a_target_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert module._project(None, Wish(method="a/B", target="x:1")) is None
    with pytest.raises(Mistake, match=r"there is no plait.toml"):
        module._project(None, Wish(method="a/B"))


def test_the_project_is_found_from_where_the_command_runs(project, monkeypatch):
    monkeypatch.chdir(project.root)

    assert module._project(None, Wish(method="echo/Say")).name == "test"


def test_a_whole_call_ends_with_an_exit_code(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert module.run(None, Wish(method="a/B", target="127.0.0.1:1")) == 1
    assert "UNAVAILABLE" in capsys.readouterr().err


def test_a_trace_needs_a_console(project):
    with pytest.raises(Mistake, match=r"no \[console\] in plait.toml"):
        module.run(project.root, Wish(method="echo/Say", trace=True))
