"""How long calls take and how they end, as one histogram for each side.

`rpc.server.call.duration` and `rpc.client.call.duration`, in seconds, with the buckets and the
attributes (`rpc.system.name`, `rpc.method`, `rpc.response.status_code`, `error.type`) of
OpenTelemetry's conventions for RPC metrics. They name no gauge of running calls.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache

from opentelemetry.metrics import Histogram, MeterProvider

from plait.clock import Clock, SystemClock
from plait.mesh.call import Call, Interceptor, Side
from plait.mesh.interceptors.outcome import is_failure, outcome
from plait.telemetry import providers
from plait.telemetry.attributes import ERROR_TYPE, RPC_METHOD, RPC_STATUS_CODE, RPC_SYSTEM

SERVER_DURATION = "rpc.server.call.duration"
CLIENT_DURATION = "rpc.client.call.duration"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, as the conventions advise."""


def metrics(provider: MeterProvider | None = None, clock: Clock | None = None) -> Interceptor:
    """Return the interceptor that measures, with `provider`'s instruments or else the process' own.

    A stream counts once, from its beginning to its end.
    """
    time = clock or SystemClock()

    @asynccontextmanager
    async def surround(call: Call) -> AsyncGenerator[None]:
        histogram = _histograms(provider or providers.meters())[call.side]
        began = time.monotonic()
        try:
            yield
        except BaseException as error:
            histogram.record(time.monotonic() - began, _attributes(call, error))
            raise
        histogram.record(time.monotonic() - began, _attributes(call, None))

    return surround


@lru_cache(maxsize=4)
def _histograms(provider: MeterProvider) -> Mapping[Side, Histogram]:
    meter = provider.get_meter(providers.SCOPE)
    return {
        Side.SERVER: meter.create_histogram(
            SERVER_DURATION,
            unit="s",
            description="Measures the duration of an incoming Remote Procedure Call (RPC).",
            explicit_bucket_boundaries_advisory=BUCKETS,
        ),
        Side.CLIENT: meter.create_histogram(
            CLIENT_DURATION,
            unit="s",
            description="Measures the duration of an outgoing Remote Procedure Call (RPC).",
            explicit_bucket_boundaries_advisory=BUCKETS,
        ),
    }


def _attributes(call: Call, error: BaseException | None) -> dict[str, str]:
    code = outcome(call, error)
    attributes = {
        RPC_SYSTEM: "grpc",
        RPC_METHOD: f"{call.method.service}/{call.method.name}",
        RPC_STATUS_CODE: code.name,
    }
    if is_failure(call.side, code):
        attributes[ERROR_TYPE] = code.name
    return attributes
