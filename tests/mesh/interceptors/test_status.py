"""Promises of the status: whatever is raised inside, observers find it there and the caller too."""

import asyncio
import logging
from contextlib import suppress

import pytest
from google.rpc import status_pb2

from plait.errors import Cancelled, Code, Internal, NotFound
from plait.mesh.call import Call, Deadline, Side, Status
from plait.mesh.interceptors.status import status
from plait.mesh.method import Method
from plait.mesh.status import from_status
from plait.testing import FakeClock

METHOD = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)


async def ended(call, error=None):
    """Run a call that ends with an error, or well."""
    async with status("echo.shop")(call):
        if error is not None:
            raise error


def a_call(side=Side.SERVER, left=None):
    deadline = None if left is None else Deadline.after(left, FakeClock())
    return Call(method=METHOD, side=side, deadline=deadline)


@pytest.mark.parametrize("side", Side)
async def test_a_call_that_ends_well_is_ok(side):
    call = a_call(side)

    await ended(call)

    assert call.status == Status(code=Code.OK)


@pytest.mark.parametrize("side", Side)
async def test_an_error_becomes_the_status_and_goes_on(side):
    call, error = a_call(side), NotFound("gone", resource="a/b")

    with pytest.raises(NotFound) as raised:
        await ended(call, error)

    told = from_status(call.status.code, call.status.message, call.status.details)
    assert raised.value is error is call.error
    assert (told.message, told.domain, told.resource) == ("gone", "echo.shop", "a/b")


@pytest.mark.parametrize("error", [RuntimeError("hunter2"), Internal("hunter2")])
async def test_a_bug_on_the_server_is_logged_and_its_text_stays(caplog, error):
    call = a_call()

    with pytest.raises(type(error)):
        await ended(call, error)

    told = status_pb2.Status.FromString(call.status.details)
    assert (call.status.code, call.status.message) == (Code.INTERNAL, "internal error")
    assert "hunter2" not in str(told)
    [logged] = caplog.records
    assert (logged.levelno, logged.exc_info[1]) == (logging.ERROR, error)


async def test_a_mistake_on_the_client_is_for_its_caller_to_handle(caplog):
    call = a_call(Side.CLIENT)

    with pytest.raises(TypeError):
        await ended(call, TypeError("no message"))

    assert call.status.code is Code.INTERNAL
    assert not caplog.records


async def test_on_the_client_the_status_of_the_wire_stays():
    call = a_call(Side.CLIENT)
    call.status = wire = Status(code=Code.NOT_FOUND, message="gone", details=b"rich")

    with pytest.raises(NotFound):
        await ended(call, NotFound("gone"))

    assert call.status is wire


@pytest.mark.parametrize(
    ("left", "stopping", "code"),
    [
        (None, False, Code.CANCELLED),
        (10, False, Code.CANCELLED),
        (0, False, Code.DEADLINE_EXCEEDED),
        (0.02, False, Code.DEADLINE_EXCEEDED),
        (-1, False, Code.DEADLINE_EXCEEDED),
        (10, True, Code.UNAVAILABLE),
    ],
)
async def test_a_call_that_is_cut_off_says_why(left, stopping, code):
    call = a_call(left=left)
    call.stopping = stopping

    async def hang():
        async with status("echo.shop")(call):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call.status.code is code


async def test_a_caller_that_is_found_gone_while_writing_is_a_caller_gone(caplog):
    call = a_call()

    with pytest.raises(Cancelled):
        await ended(call, Cancelled("the caller went away"))

    assert call.status.code is Code.CANCELLED
    assert not caplog.records


async def test_something_else_that_was_cancelled_is_a_bug(caplog):
    call = a_call()

    with suppress(asyncio.CancelledError):
        await ended(call, asyncio.CancelledError())

    assert call.status.code is Code.INTERNAL
    assert "a bug ended /a.B/C" in caplog.text
