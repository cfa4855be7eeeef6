"""Promises of deadlines: every unary call has one, it is passed on, and a spent one is refused."""

import asyncio
from dataclasses import replace

import pytest

from plait.errors import DeadlineExceeded
from plait.mesh.call import Call, Deadline, Side, handling
from plait.mesh.interceptors.deadline import DEFAULT, MARGIN, deadline
from plait.mesh.method import Method
from plait.testing import FakeClock

UNARY = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)
STREAM = replace(UNARY, server_streaming=True)


@pytest.fixture
def clock():
    return FakeClock()


async def left(clock, call):
    """Return what is left of a call's deadline inside the interceptor."""
    async with deadline(clock)(call):
        return call.deadline and pytest.approx(call.deadline.left())


def a_call(side, method=UNARY, seconds=None, clock=None):
    given = None if seconds is None else Deadline.after(seconds, clock)
    return Call(method=method, side=side, deadline=given)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        (UNARY, None, DEFAULT),
        (UNARY, 7, 7),
        (replace(UNARY, deadline=30), None, 30),
        (replace(UNARY, deadline=30), 60, 60),
        (replace(UNARY, deadline=30), 1, 1),
        (STREAM, None, None),
        (STREAM, 7, 7),
        (replace(STREAM, deadline=30), None, 30),
        (replace(UNARY, client_streaming=True), None, None),
    ],
)
async def test_a_call_has_the_deadline_of_caller_or_contract_or_the_default(
    clock, side, method, given, expected
):
    assert await left(clock, a_call(side, method, given, clock)) == expected


@pytest.mark.parametrize(
    ("serving", "given", "expected"),
    [
        (1, None, 1 - MARGIN),
        (1, 7, 1 - MARGIN),
        (1, 0.5, 0.5),
        (9, None, DEFAULT),
        (None, None, DEFAULT),
        (None, 7, 7),
    ],
)
async def test_what_is_left_of_the_call_that_is_served_is_passed_on_less_a_margin(
    clock, serving, given, expected
):
    with handling(a_call(Side.SERVER, UNARY, serving, clock)):
        assert await left(clock, a_call(Side.CLIENT, UNARY, given, clock)) == expected


async def test_a_stream_that_is_opened_for_a_call_ends_with_it(clock):
    with handling(a_call(Side.SERVER, UNARY, 1, clock)):
        assert await left(clock, a_call(Side.CLIENT, STREAM)) == 1 - MARGIN


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_spent_deadline_is_refused(clock, side, seconds):
    call = a_call(side, UNARY, seconds, clock)

    with pytest.raises(DeadlineExceeded, match=r"/a\.B/C") as raised:
        await left(clock, call)

    assert raised.value.reason == "DEADLINE_SPENT"


@pytest.mark.parametrize(("more", "refused"), [(-0.001, True), (0, True), (0.001, False)])
async def test_a_call_that_would_have_no_more_than_the_margin_is_not_sent(clock, more, refused):
    with handling(a_call(Side.SERVER, UNARY, MARGIN + more, clock)):
        asking = left(clock, a_call(Side.CLIENT))
        if refused:
            with pytest.raises(DeadlineExceeded):
                await asking
        else:
            assert await asking == more


async def test_a_handler_is_cancelled_when_its_time_is_over(clock):
    call = a_call(Side.SERVER, UNARY, 0.01, clock)
    ends = []

    async def hang():
        async with deadline(clock)(call):
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("cancelled")

    with pytest.raises(DeadlineExceeded) as raised:
        await hang()

    assert ends == ["cancelled"]
    assert raised.value.reason == "DEADLINE_EXCEEDED"


async def test_a_timeout_of_the_handlers_own_is_its_own(clock):
    with pytest.raises(TimeoutError):
        async with deadline(clock)(a_call(Side.SERVER)):
            raise TimeoutError
