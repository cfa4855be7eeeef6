"""Promises of what we hand to those who test their services."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from plait.errors import DeadlineExceeded, Unauthenticated
from plait.mesh.call import current
from plait.settings import Settings
from plait.testing import FakeClock, serving
from tests.mesh.echo import Echo, EchoRequest, EchoResponse, EchoStub, add_echo


def test_a_fake_clock_stands_still_until_it_is_moved():
    clock = FakeClock(datetime(2031, 5, 1, tzinfo=UTC))
    now, moment = clock.now(), clock.monotonic()

    assert (clock.now(), clock.monotonic()) == (now, moment)
    clock.advance(90)
    assert clock.now() - now == timedelta(seconds=90)
    assert clock.monotonic() - moment == 90


@pytest.mark.parametrize(("seconds", "fits"), [(0, True), (0.001, True), (-0.001, False)])
def test_a_fake_clock_never_goes_back(seconds, fits):
    clock = FakeClock()

    if fits:
        clock.advance(seconds)
    else:
        with pytest.raises(ValueError, match="does not go back"):
            clock.advance(seconds)


async def test_a_server_runs_while_the_block_lasts():
    async with serving(add_echo(Echo())) as running:
        stub = EchoStub(running.channel)
        assert (await stub.Say(EchoRequest(text="hi"))).text == "hi"
        host, port = running.target.rsplit(":", 1)

    assert host == "127.0.0.1"
    with pytest.raises(OSError, match="Errno"):
        await asyncio.open_connection(host, int(port))


async def test_a_server_is_stopped_and_its_channels_closed_when_a_test_fails():
    async def fails():
        async with serving(add_echo(Echo())) as running:
            left.append(running)
            raise LookupError

    left = []
    with pytest.raises(LookupError):
        await fails()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert left[0].channel._inner is None


async def test_a_channel_calls_as_whoever_one_says():
    known = []

    async def say(request, context):
        call = current()
        known.append((call.user and call.user.name, call.workload and call.workload.name))
        return EchoResponse()

    async with serving(add_echo(Echo(Say=say)), name="echo") as running:
        for channel in (
            running.channel,
            running.connect_as(),
            running.connect_as("users/anna", workload="orders"),
            running.connect_as("", workload="orders"),
        ):
            await EchoStub(channel).Say(EchoRequest())

    assert known == [(None, None), ("users/u1", None), ("users/anna", "orders"), (None, "orders")]


async def test_settings_of_a_test_keep_what_is_the_services_own():
    class Own(Settings):
        greeting: str = "hi"

    async with serving(add_echo(Echo()), settings=Own(greeting="ho", port=1)) as running:
        assert running.server._settings.greeting == "ho"
        assert not running.target.endswith(":1")


async def test_a_test_owns_the_time_of_tokens_and_deadlines():
    clock = FakeClock()
    async with serving(add_echo(Echo()), name="echo", clock=clock) as running:
        token = (("authorization", f"Bearer {running.keys.user_token()}"),)
        stub = EchoStub(running.channel)
        await stub.SayLoggedIn(EchoRequest(), metadata=token)

        clock.advance(16 * 60)

        with pytest.raises(Unauthenticated, match="expired"):
            await stub.SayLoggedIn(EchoRequest(), metadata=token)
        with pytest.raises(DeadlineExceeded):
            await stub.Say(EchoRequest(), timeout=0)
