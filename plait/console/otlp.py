"""The OTLP/HTTP receiver: POST /v1/traces and /v1/metrics (OTLP specification 1.x, OTLP/HTTP)."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plait.clock import Clock
from plait.console.body import read
from plait.console.decode import Refused, points_of, spans_of
from plait.console.encoding import Encoding, Malformed, TooMany, encode, to_binary
from plait.console.frames import groups
from plait.console.golden import GoldenSignals
from plait.console.span import Span
from plait.console.store import TraceStore
from plait.errors import Code

T = TypeVar("T")
_CHUNK = 500  # spans or points taken in before others get a turn: a few milliseconds
_CODES: Mapping[int, Code] = {
    400: Code.INVALID_ARGUMENT,
    404: Code.UNIMPLEMENTED,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.INVALID_ARGUMENT,
    503: Code.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a sender may take up: bytes of a body, seconds to send it, requests at the same time."""

    body_bytes: int = 16 * 1024 * 1024
    patience: float = 10.0
    requests: int = 8


class Receiver:
    """Takes in what exporters send. Telemetry that it cannot keep is counted in its answer."""

    def __init__(
        self, store: TraceStore, signals: GoldenSignals, clock: Clock, intake: Intake | None = None
    ) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._intake = intake or Intake()
        self._busy = 0

    def app(self) -> Starlette:
        """Return the ASGI application; a signal that it does not take is a 404, as OTLP says."""
        return Starlette(
            routes=[
                Route("/v1/traces", self._traces, methods=["POST"]),
                Route("/v1/metrics", self._metrics, methods=["POST"]),
            ],
            exception_handlers={
                HTTPException: _refusal,
                Malformed: _unreadable,
                TooMany: _unreadable,
            },
        )

    async def _traces(self, request: Request) -> Response:
        async with self._turn():
            encoding, body = await self._read(request)
            found = groups(to_binary(ExportTraceServiceRequest, body, encoding))
            refused: Counter[str] = Counter()
            for chunk in _chunks(spans_of(found)):
                spans = [one for one in chunk if isinstance(one, Span)]
                refused.update(one.reason for one in chunk if isinstance(one, Refused))
                refused += self._store.add(spans)
                await asyncio.sleep(0)
        return _answer(_traces_taken(refused), encoding)

    async def _metrics(self, request: Request) -> Response:
        async with self._turn():
            encoding, body = await self._read(request)
            found = groups(to_binary(ExportMetricsServiceRequest, body, encoding))
            for chunk in _chunks(points_of(found)):
                self._signals.record(chunk, self._clock.now().timestamp())
                await asyncio.sleep(0)
        return _answer(ExportMetricsServiceResponse(), encoding)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        if self._busy >= self._intake.requests:
            headers = {"Retry-After": "1"}  # exporters wait and come again, OTLP/HTTP Throttling
            raise HTTPException(503, "too many exports at the same time; come again", headers)
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    async def _read(self, request: Request) -> tuple[Encoding, bytes]:
        encoding = _encoding(request)
        if encoding is None:
            found = request.headers.get("content-type", "nothing")[:80]
            names = " or ".join(known.value for known in Encoding)
            raise HTTPException(415, f"expected Content-Type {names}, found {found}")
        return encoding, await read(request, self._intake.body_bytes, self._intake.patience)


def _encoding(request: Request) -> Encoding | None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return next((known for known in Encoding if known.value == media_type), None)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    items = iter(items)
    while chunk := list(islice(items, _CHUNK)):
        yield chunk


def _traces_taken(refused: Mapping[str, int]) -> ExportTraceServiceResponse:
    if not refused:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=sum(refused.values()),
            error_message="; ".join(f"{count} refused: {why}" for why, count in refused.items()),
        )
    )


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, Code.UNKNOWN)
    body = Status(code=code, message=error.detail)
    return _answer(body, _encoding(request), error.status_code, error.headers)


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Malformed | TooMany)
    status = 413 if isinstance(error, TooMany) else 400
    return _answer(Status(code=error.code, message=error.message), _encoding(request), status)


def _answer(
    message: Message,
    encoding: Encoding | None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer in the encoding that the request has, JSON where it has none that is known."""
    encoding = encoding or Encoding.JSON
    body = encode(message, encoding)
    return Response(body, status, dict(headers or {}), media_type=encoding.value)
