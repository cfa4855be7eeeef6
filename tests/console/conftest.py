"""What the console's tests share: spans in few words, a clock that stands, a console that runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from plait.console.main import Addresses, run
from plait.console.settings import ConsoleSettings
from plait.console.span import Kind, Origin, Span

BOUND = 20  # seconds that anything here may take


@dataclass(frozen=True, slots=True)
class StandingClock:
    time: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A console on free ports; `client` asks its pages, `otlp` is the address to export to.

    `smtp` is where mail goes, empty where it takes none.
    """

    client: httpx.AsyncClient
    otlp: str
    smtp: str

    async def export(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        sent = {"content-type": "application/x-protobuf"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(self.otlp + path, content=body, headers=sent)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def a_span() -> Callable[..., Span]:
    def make(
        span: int = 1,
        parent: int = 0,
        *,
        trace: int = 1,
        start: int = 0,
        end: int = 10,
        service: str = "catalog",
        name: str = "GetProduct",
        **more: object,
    ) -> Span:
        resource = Resource(
            attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))]
        )
        return Span(
            trace_id=f"{trace:032x}",
            span_id=f"{span:016x}",
            parent_id=f"{parent:016x}" if parent else "",
            name=name,
            start=start,
            end=end,
            origin=Origin(service=service, resource=resource.SerializeToString()),
            **{"kind": Kind.INTERNAL, **more},
        )

    return make


@pytest.fixture
async def start_console() -> AsyncIterator[Callable[..., object]]:
    """Start consoles with settings of the test's choice; they end with the test."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, httpx.AsyncClient(timeout=BOUND) as plain:

        async def start(**settings: object) -> Running:
            ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
            chosen = ConsoleSettings(**{"port": 0, "otlp_port": 0, **settings})
            tasks.create_task(run(chosen, stop, ready.set_result))
            where = await ready
            plain.base_url = where.pages
            return Running(client=plain, otlp=where.otlp, smtp=where.smtp)

        try:
            async with asyncio.timeout(BOUND):
                yield start
        finally:
            stop.set()


@pytest.fixture
async def console(start_console) -> Running:
    return await start_console()
