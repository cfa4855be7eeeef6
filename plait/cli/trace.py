"""`plait call --trace`: the call's spans, as the console has received them, as a tree."""

import http.client
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from plait.local.environment import OTLP
from plait.mesh.call import Call, Interceptor
from plait.mesh.interceptors.tracing import tracing
from plait.telemetry.setup import setup, shutdown

_PATIENCE = 5.0  # seconds until all processes have sent their spans
_LOOK = 0.25  # seconds between two looks
_TIMEOUT = 2.0  # seconds for one answer of the console


def traced(console: tuple[str, str], act: Callable[[Sequence[Interceptor]], int]) -> int:
    """Run `act` with an interceptor that traces its call, then print the trace.

    `console` is its address and that of its OTLP receiver. Returns what `act` returns.
    """
    page, otlp = console
    os.environ.setdefault(OTLP, otlp)
    setup("plait call", log_level="ERROR")
    traces: list[str] = []
    try:
        return act((_noting(traces),))
    finally:
        shutdown()
        for trace in traces:
            sys.stdout.write(_shown(page, trace))


def _noting(traces: list[str]) -> Interceptor:
    surround = tracing()

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        if call.method.service.startswith("grpc."):  # reflection, which is not what was asked for
            yield
            return
        async with surround(call):
            traces.append(call.header("traceparent").split("-")[1])
            yield

    return around


def _shown(page: str, trace: str) -> str:
    link = f"{page}/traces/{trace}"
    try:
        found = _complete(page, trace)
    except (OSError, http.client.HTTPException) as error:
        return f"trace {trace}: the console at {page} does not answer ({error})\n"
    if found is None:
        return f"trace {trace}: its spans have not arrived yet; later: {link}\n"
    return f"trace {link}\n{tree(found)}"


def tree(trace: Mapping[str, Any]) -> str:
    """Return the rows of a trace, each indented below its parent, with service and duration."""
    rows = [
        (f"{'  ' * row['depth']}{row.get('name', '(not received)')}", row)
        for row in trace["waterfall"]["rows"]
    ]
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(
        f"  {name:<{width}}  {row['duration_nanos'] / 1e6:9.3f} ms  {row.get('service', '')}"
        f"{'  ' + (row['code'] or 'error') if row.get('error') else ''}\n"
        for name, row in rows
    )


def _complete(page: str, trace: str) -> dict[str, Any] | None:
    """Ask until the trace is complete and no longer grows; else return what there is by then."""
    before: dict[str, Any] | None = None
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        now = _asked(page, trace)
        if now is not None and before is not None:
            others = len({row.get("service") for row in now["waterfall"]["rows"]}) > 1
            if now["complete"] and others and now["spans"] == before["spans"]:
                return now
        before = now
        time.sleep(_LOOK)
    return before


def _asked(page: str, trace: str) -> dict[str, Any] | None:
    place = urlsplit(page)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", f"/api/traces/{trace}")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status == http.client.NOT_FOUND:
        return None
    if answer.status != http.client.OK:
        raise http.client.HTTPException(f"it answers {answer.status} {answer.reason}")
    found: dict[str, Any] = json.loads(body)
    return found
