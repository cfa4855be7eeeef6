"""Promises of `connect`: where a service is, and what goes along with a call."""

import pytest

from plait.mesh.channel import connect
from plait.mesh.method import Method
from plait.settings import Settings
from tests.mesh.asking import echoing
from tests.mesh.echo import SERVICE, EchoRequest, EchoStub


@pytest.mark.parametrize(
    ("environ", "default", "target"),
    [
        ({"PLAIT_TARGET_ECHO": "a:1"}, "", "a:1"),
        ({"PLAIT_TARGET_ECHO": "a:1"}, "b:2", "a:1"),
        ({"PLAIT_TARGET_ECHO": ""}, "b:2", "b:2"),
        ({}, "b:2", "b:2"),
    ],
)
def test_the_environment_says_where_a_service_is(environ, default, target):
    assert connect("echo", target=default, environ=environ).target == target


def test_the_environment_of_the_process_is_the_one_that_counts(monkeypatch):
    monkeypatch.setenv("PLAIT_TARGET_FRONT_DOOR", "a:1")

    assert connect("front-door").target == "a:1"


def test_a_service_of_which_nobody_says_where_it_is_names_the_setting():
    with pytest.raises(ValueError, match="set PLAIT_TARGET_FRONT_DOOR"):
        connect("front-door", environ={})


@pytest.mark.parametrize("name", ["", "Echo", "echo/../x", "shop.echo", "-echo", "e" * 64])
def test_a_service_has_a_short_name(name):
    with pytest.raises(ValueError, match="not the name of a service"):
        connect(name, target="a:1", environ={})


async def test_a_channel_that_was_never_used_can_be_closed():
    await connect("echo", target="a:1", environ={}).close()


async def test_the_own_workload_token_goes_along(tmp_path):
    async with echoing() as (running, _):
        (tmp_path / "echo").write_text(running.keys.workload_token("orders", "echo"))
        settings = Settings(workload_tokens=str(tmp_path))

        async with connect("echo", settings, target=running.target, environ={}) as channel:
            answer = await EchoStub(channel).SayInside(EchoRequest(text="hi"))

    assert answer.text == "hi"


async def test_what_a_contract_says_may_come_from_elsewhere():
    asked = []

    def find(path):
        asked.append(path)
        return Method(
            service=SERVICE, name="Say", client_streaming=False, server_streaming=False, deadline=30
        )

    async with (
        echoing() as (running, _),
        connect("echo", target=running.target, environ={}, find_method=find) as channel,
    ):
        said = channel.unary_unary(f"/{SERVICE}/Say")(b"")
        await said

    assert asked == [f"/{SERVICE}/Say"]
    assert 29 < said.call.deadline.left() <= 30


async def test_a_method_that_nobody_knows_can_be_called_all_the_same():
    async with (
        echoing() as (running, _),
        connect("echo", target=running.target, environ={}, find_method=lambda _: None) as channel,
    ):
        assert await channel.unary_unary(f"/{SERVICE}/Say")(b"") == b""
