"""One span around a call, and the trace that goes on over the wire (W3C Trace Context, Baggage).

Names and attributes are those of OpenTelemetry's conventions for RPC and gRPC in the form that is
stable since 1.45: span `package.Service/Method`, `rpc.system.name`, `rpc.method`,
`rpc.response.status_code`, `error.type`, `server.address` and `server.port` on the client,
`client.address` and `client.port` on the server. Messages and metadata are never recorded.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from plait.mesh.call import Call, Interceptor, Side
from plait.mesh.interceptors.outcome import bug, is_failure, outcome
from plait.mesh.origin import address_of
from plait.telemetry import providers
from plait.telemetry.attributes import (
    CLIENT_ADDRESS,
    CLIENT_PORT,
    ERROR_TYPE,
    RPC_METHOD,
    RPC_STATUS_CODE,
    RPC_SYSTEM,
    SERVER_ADDRESS,
    SERVER_PORT,
)
from plait.telemetry.failures import record

_Carrier = list[tuple[str, str | bytes]]

PROPAGATOR = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
"""How a trace goes from one process to the next: W3C Trace Context and Baggage."""

_LONGEST_BAGGAGE = 2048  # bytes: all metadata of a call has to stay below gRPC's usual 8 KiB


def tracing(provider: TracerProvider | None = None) -> Interceptor:
    """Return the interceptor that makes spans, by `provider` or else by the process' own.

    On the server the caller's context is taken from the metadata and the span becomes current, so
    that spans of databases and further calls are its children. On the client the current span is
    the parent, and the metadata takes the new one along. The span ends when the call does, once,
    however that happens.
    """

    @asynccontextmanager
    async def surround(call: Call) -> AsyncGenerator[None]:
        tracer = _tracer(provider or providers.tracers())
        opened = _serve(tracer, call) if call.side is Side.SERVER else _ask(tracer, call)
        with opened as span:
            try:
                yield
            except BaseException as error:
                _finish(span, call, error)
                raise
            _finish(span, call, None)

    return surround


@contextmanager
def _serve(tracer: Tracer, call: Call) -> Generator[Span]:
    # From an empty context: what this process does of its own is no parent of a call from outside.
    parent = PROPAGATOR.extract(call.metadata, Context(), _READER)
    span = _start(tracer, call, parent, SpanKind.SERVER)
    token, task = attach(set_span_in_context(span, parent)), asyncio.current_task()
    try:
        yield span
    finally:
        # A stream that nobody reads any more is closed by another task, which has another context.
        if asyncio.current_task() is task:
            detach(token)


@contextmanager
def _ask(tracer: Tracer, call: Call) -> Generator[Span]:
    # Not attached: a stream's reader runs between its messages, and what it does is not this call.
    current = get_current()
    span = _start(tracer, call, current, SpanKind.CLIENT)
    PROPAGATOR.inject(call.metadata, set_span_in_context(span, current), _WRITER)
    yield span


def _start(tracer: Tracer, call: Call, parent: Context, kind: SpanKind) -> Span:
    name = f"{call.method.service}/{call.method.name}"
    attributes = {RPC_SYSTEM: "grpc", RPC_METHOD: name}
    return tracer.start_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    )


def _finish(span: Span, call: Call, error: BaseException | None) -> None:
    if span.is_recording():
        code = outcome(call, error)
        span.set_attributes({RPC_STATUS_CODE: code.name, **_peer(call)})
        if is_failure(call.side, code):
            span.set_attribute(ERROR_TYPE, code.name)
            span.set_status(Status(StatusCode.ERROR))
        if (found := bug(call, error)) is not None:
            record(span, found)
    span.end()


def _peer(call: Call) -> dict[str, str | int]:
    address, port = address_of(call.peer)
    served = call.side is Side.SERVER
    found: dict[str, str | int] = {}
    if address:
        found[CLIENT_ADDRESS if served else SERVER_ADDRESS] = address
    if port:
        found[CLIENT_PORT if served else SERVER_PORT] = port
    return found


@lru_cache(maxsize=4)
def _tracer(provider: TracerProvider) -> Tracer:
    return provider.get_tracer(providers.SCOPE)


class _Reader(Getter[_Carrier]):
    def get(self, carrier: _Carrier, key: str) -> list[str] | None:
        return [value for name, value in carrier if name == key and isinstance(value, str)] or None

    def keys(self, carrier: _Carrier) -> list[str]:
        return [name for name, _ in carrier]


class _Writer(Setter[_Carrier]):
    def set(self, carrier: _Carrier, key: str, value: str) -> None:
        carrier[:] = [pair for pair in carrier if pair[0] != key]
        if key != "baggage" or len(value) <= _LONGEST_BAGGAGE:
            carrier.append((key, value))


_READER = _Reader()
_WRITER = _Writer()
