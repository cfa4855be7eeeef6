"""Promises of the histogram of calls."""

import asyncio

import pytest
from opentelemetry.semconv._incubating.metrics import rpc_metrics

from plait.errors import Code, NotFound
from plait.mesh.call import Call, Side, Status
from plait.mesh.interceptors.metrics import BUCKETS, CLIENT_DURATION, SERVER_DURATION, metrics
from plait.mesh.method import Method
from plait.telemetry import providers
from plait.telemetry.recording import Recording

GET = Method(service="shop.v1.Shop", name="Get", client_streaming=False, server_streaming=False)


class Clock:
    """A clock that tests own."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        raise AssertionError("nobody asks for the time of day")

    def monotonic(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recording():
    return Recording()


@pytest.fixture
def run(recording, clock):
    """Run a call that takes some seconds and ends with a code."""
    surround = metrics(recording.meters, clock)

    async def run(side=Side.SERVER, code=Code.OK, seconds=0.25):
        call = Call(method=GET, side=side, peer="ipv4:10.0.0.1:80")
        async with surround(call):
            clock.seconds += seconds
            call.status = Status(code=code)

    return run


def test_the_names_are_those_of_the_conventions():
    assert rpc_metrics.RPC_SERVER_CALL_DURATION == SERVER_DURATION
    assert rpc_metrics.RPC_CLIENT_CALL_DURATION == CLIENT_DURATION


@pytest.mark.parametrize(
    ("side", "name", "other"),
    [
        (Side.SERVER, SERVER_DURATION, CLIENT_DURATION),
        (Side.CLIENT, CLIENT_DURATION, SERVER_DURATION),
    ],
)
async def test_each_side_has_its_histogram_of_seconds(recording, run, side, name, other):
    await run(side, seconds=0.25)

    [point] = recording.histogram(name)
    assert (point.count, point.sum) == (1, 0.25)
    assert point.explicit_bounds == BUCKETS
    assert point.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "shop.v1.Shop/Get",
        "rpc.response.status_code": "OK",
    }
    assert recording.histogram(other) == []


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.004, 0), (0.005, 0), (0.006, 1), (9.999, 13), (10, 13), (10.001, 14)]
)
async def test_a_call_falls_into_the_bucket_of_its_duration(recording, run, seconds, bucket):
    await run(seconds=seconds)

    [point] = recording.histogram(SERVER_DURATION)
    assert point.bucket_counts.index(1) == bucket


async def test_the_unit_is_the_second(recording, run):
    await run()

    data = recording._reader.get_metrics_data()
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.unit == "s"


@pytest.mark.parametrize(
    ("side", "code", "failed"),
    [
        (Side.SERVER, Code.NOT_FOUND, False),
        (Side.SERVER, Code.CANCELLED, False),
        (Side.SERVER, Code.INTERNAL, True),
        (Side.SERVER, Code.UNAVAILABLE, True),
        (Side.CLIENT, Code.NOT_FOUND, True),
        (Side.CLIENT, Code.CANCELLED, True),
    ],
)
async def test_a_failure_is_marked(recording, run, side, code, failed):
    await run(side, code)

    [point] = recording.histogram(SERVER_DURATION if side is Side.SERVER else CLIENT_DURATION)
    assert point.attributes["rpc.response.status_code"] == code.name
    assert point.attributes.get("error.type") == (code.name if failed else None)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("no"), "NOT_FOUND"),
        (asyncio.CancelledError(), "CANCELLED"),
        (ValueError("no"), "UNKNOWN"),
    ],
)
async def test_a_call_that_raises_is_measured_and_raises(recording, clock, error, code):
    surround = metrics(recording.meters, clock)

    async def fail():
        clock.seconds += 2
        raise error

    with pytest.raises(type(error)):
        async with surround(Call(method=GET, side=Side.SERVER)):
            await fail()

    [point] = recording.histogram(SERVER_DURATION)
    assert (point.sum, point.attributes["rpc.response.status_code"]) == (2, code)


async def test_calls_that_end_alike_are_one_point(recording, run):
    for _ in range(3):
        await run(code=Code.OK)
    await run(code=Code.ABORTED)

    counts = {
        point.attributes["rpc.response.status_code"]: point.count
        for point in recording.histogram(SERVER_DURATION)
    }
    assert counts == {"OK": 3, "ABORTED": 1}


async def test_without_a_provider_of_its_own_it_uses_that_of_the_process(monkeypatch, recording):
    monkeypatch.setattr(providers._Installed, "meters", recording.meters)

    async with metrics()(Call(method=GET, side=Side.SERVER)):
        pass

    assert len(recording.histogram(SERVER_DURATION)) == 1
