"""The console's JSON API: what its pages and `plait trace` read."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plait.clock import Clock
from plait.console import wire
from plait.console.golden import GoldenSignals
from plait.console.query import BadQuery, parse
from plait.console.store import Trace, TraceStore
from plait.errors import Code

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")  # W3C Trace Context, section 3.2.2.3
_STATUS: Mapping[int, Code] = {404: Code.NOT_FOUND, 405: Code.UNIMPLEMENTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSteps:
    """What a page without traces tells to do; `otlp` is empty where the receiver is off."""

    otlp: str = ""
    example: str = ""


class Api:
    """Answers from the store and the signals."""

    def __init__(
        self, store: TraceStore, signals: GoldenSignals, clock: Clock, first_steps: FirstSteps
    ) -> None:
        self._store = store
        self._signals = signals
        self._clock = clock
        self._first_steps = first_steps
        self._palette = wire.Palette()
        self._life = secrets.token_hex(4)  # versions begin anew with each process

    def routes(self) -> list[Route]:
        return [
            Route("/api/traces", self._traces),
            Route("/api/traces/{trace_id}", self._trace),
            Route("/api/services", self._services),
            Route("/healthz", self._healthz),
        ]

    async def _traces(self, request: Request) -> Response:
        query = parse(request.query_params.multi_items())
        tag = self._tag(self._store.version)
        if _knows(request, tag):
            return Response(status_code=304, headers=_headers(tag))
        found = [wire.summary_to(one, self._palette) for one in self._store.search(query)]
        body = {
            "traces": found,
            "stored": len(self._store),
            "evicted": self._store.evicted,
            "otlp_endpoint": self._first_steps.otlp,
            "example": self._first_steps.example,
        }
        return JSONResponse(body, headers=_headers(tag))

    async def _trace(self, request: Request) -> Response:
        trace_id = request.path_params["trace_id"]
        if not _TRACE_ID.fullmatch(trace_id):
            message = f"expected a trace id of 32 hexadecimal digits, found {trace_id[:40]!r}"
            raise BadQuery(message)
        trace = self._store.get(trace_id.lower())
        if trace is None:
            raise HTTPException(
                404,
                f"no trace {trace_id} here: its spans have not arrived yet (they come a few seconds"
                " after the request), it had to go for newer traces, or the console was restarted",
            )
        tag = self._tag(trace.version)
        if _knows(request, tag):
            return Response(status_code=304, headers=_headers(tag))
        # Ten thousand spans take half a second, in which exporters must not wait.
        return await asyncio.to_thread(self._shown, trace, tag)

    def _shown(self, trace: Trace, tag: str) -> Response:
        return JSONResponse(wire.trace_to(trace, self._palette), headers=_headers(tag))

    async def _services(self, _request: Request) -> Response:
        signals = self._signals.read(self._clock.now().timestamp())
        body = {
            "window_seconds": self._signals.window,
            "services": wire.services_to(signals, self._store.operations(), self._palette),
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    def _tag(self, version: int) -> str:
        return f'"{self._life}-{version}"'


async def refusal(_request: Request, error: Exception) -> Response:
    """Say what went wrong in the shape of AIP-193."""
    if isinstance(error, BadQuery):
        return _error(400, error.code, error.message)
    assert isinstance(error, HTTPException)
    code = _STATUS.get(error.status_code, Code.UNKNOWN)
    return _error(error.status_code, code, error.detail, error.headers)


def _error(
    status: int, code: Code, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = {"error": {"code": status, "message": message, "status": code.name}}
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


def _knows(request: Request, tag: str) -> bool:
    return tag in request.headers.get("if-none-match", "")


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "no-cache"}  # keep it, but ask each time
