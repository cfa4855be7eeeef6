"""Promises of a call as interceptors see it."""

import asyncio

from plait.mesh.call import Call, Deadline, Side, current, handling, is_cancelled
from plait.mesh.method import Method
from plait.testing import FakeClock

METHOD = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)


def test_a_deadline_tells_what_is_left():
    clock = FakeClock()
    deadline = Deadline.after(2, clock)

    clock.advance(1.5)
    assert deadline.left() == 0.5
    clock.advance(1)
    assert deadline.left() == -0.5


def test_the_first_value_of_a_key_that_is_text_counts():
    metadata = [("a", "1"), ("a", "2"), ("b-bin", b"\x00")]
    call = Call(method=METHOD, side=Side.SERVER, metadata=metadata)

    assert (call.header("a"), call.header("b-bin"), call.header("c")) == ("1", "", "")


def test_everyone_who_wants_sees_each_message_in_turn():
    seen = []
    call = Call(method=METHOD, side=Side.CLIENT)
    call.receive += [lambda m: seen.append(("first", m)), lambda m: seen.append(("second", m))]
    call.send.append(lambda m: seen.append(("sent", m)))

    call.received("in")
    call.sending("out")

    assert seen == [("first", "in"), ("second", "in"), ("sent", "out")]


async def test_the_current_call_is_known_in_its_task_and_those_it_starts():
    call = Call(method=METHOD, side=Side.SERVER)

    async def inner():
        return current()

    assert current() is None
    with handling(call):
        assert current() is call
        assert await asyncio.create_task(inner()) is call
    assert current() is None


async def test_a_task_knows_whether_it_was_told_to_end():
    async def told():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return is_cancelled()

    task = asyncio.create_task(told())
    await asyncio.sleep(0)
    task.cancel()

    assert await task is True
    assert is_cancelled() is False
