"""Promises of the line about a call."""

import asyncio
import logging

import pytest

from plait.errors import Code, NotFound
from plait.mesh.call import Call, Side, Status
from plait.mesh.identity.identity import User, Workload
from plait.mesh.interceptors.logs import logs
from plait.mesh.method import Method
from plait.telemetry.attributes import ALLOWED

SECRET = "hunter2"
FAULTS = {
    *(Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED),
    *(Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS),
}
STANDARD = set(logging.makeLogRecord({}).__dict__)


class Clock:
    """A clock that tests own."""

    def __init__(self):
        self.seconds = 100.0

    def now(self):
        raise AssertionError("nobody asks for the time of day")

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.DEBUG, "plait.calls")
    return lambda: [record for record in caplog.records if record.name == "plait.calls"]


def call(side=Side.SERVER, service="shop.v1.Shop", **known):
    method = Method(service=service, name="Get", client_streaming=False, server_streaming=False)
    return Call(method=method, side=side, **known)


def said(record):
    """The fields that a record carries besides those of logging itself."""
    ours = record.__dict__.keys() - STANDARD - {"message", "asctime", "taskName"}
    return {key: record.__dict__[key] for key in ours}


async def run(clock, of, code=Code.OK):
    async with logs(clock)(of):
        clock.seconds += 0.25
        of.status = Status(code=code, message=SECRET)


async def test_a_served_call_is_one_line(clock, records):
    await run(clock, call(peer="ipv4:127.0.0.1:40000"))

    [record] = records()
    assert record.levelno == logging.INFO
    assert record.getMessage() == "shop.v1.Shop/Get OK"
    assert said(record) == {
        "method": "shop.v1.Shop/Get",
        "code": "OK",
        "duration": 0.25,
        "peer": "ipv4:127.0.0.1:40000",
    }


async def test_the_line_says_who_called(clock, records):
    user = User(name="users/u1", roles=frozenset({"admin"}), token=SECRET)

    await run(clock, call(user=user, workload=Workload(name="orders")))

    [record] = records()
    assert (record.user, record.workload) == ("users/u1", "orders")
    assert SECRET not in str(record.__dict__)


async def test_every_field_may_be_written(clock, records):
    await run(clock, call(user=User(name="users/u1"), workload=Workload(name="orders"), peer="p"))

    assert said(records()[0]).keys() <= ALLOWED


@pytest.mark.parametrize("code", list(Code))
async def test_the_servers_own_fault_is_a_warning(clock, records, code):
    await run(clock, call(), code)

    [record] = records()
    assert record.levelno == (logging.WARNING if code in FAULTS else logging.INFO)
    assert record.code == code.name


@pytest.mark.parametrize(
    ("code", "level"), [(Code.OK, logging.DEBUG), (Code.INTERNAL, logging.WARNING)]
)
async def test_probes_make_no_noise_unless_they_fail(clock, records, code, level):
    await run(clock, call(service="grpc.health.v1.Health"), code)

    assert records()[0].levelno == level


@pytest.mark.parametrize("code", [Code.OK, Code.UNAVAILABLE])
async def test_a_call_that_is_made_is_there_for_debugging(clock, records, code):
    await run(clock, call(side=Side.CLIENT), code)

    assert records()[0].levelno == logging.DEBUG


async def test_what_is_below_the_level_is_not_written(clock, records, caplog):
    caplog.set_level(logging.INFO, "plait.calls")

    await run(clock, call(side=Side.CLIENT))

    assert records() == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound(SECRET), "NOT_FOUND"),
        (asyncio.CancelledError(), "CANCELLED"),
        (ValueError(SECRET), "UNKNOWN"),
    ],
)
async def test_a_call_that_raises_is_written_and_raises(clock, records, error, code):
    with pytest.raises(type(error)):
        async with logs(clock)(call()):
            raise error

    [record] = records()
    assert record.code == code
    assert SECRET not in str(record.__dict__)


async def test_without_a_clock_the_duration_is_real(records):
    async with logs()(call()):
        pass

    assert 0 <= records()[0].duration < 5
