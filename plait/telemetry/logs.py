"""Structured logs on the standard library's logging: JSON for machines, short lines for eyes."""

import json
import logging
import math
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from opentelemetry import trace

from plait.telemetry.attributes import ALLOWED, permitted, short
from plait.telemetry.failures import kind, stack

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}

# What these libraries say below this level repeats what they carry: statements with parameters,
# URLs with queries, and (OpenTelemetry's propagators, in warnings) a caller's baggage.
QUIET: Mapping[str, int] = {
    "asyncio": logging.WARNING,
    "asyncpg": logging.WARNING,
    "grpc": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "opentelemetry": logging.WARNING,
    "opentelemetry.baggage": logging.ERROR,
    "opentelemetry.trace": logging.ERROR,
    "requests": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.WARNING,
}


def configure(
    service: str,
    *,
    level: str = "INFO",
    allowed: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all logs of the process to `stream` (standard error), one line a record.

    A terminal gets a short line and whole tracebacks; anything else gets one JSON object a line:
    `time` (RFC 3339, UTC), `level`, `logger`, `message`, `service`, `trace_id` and `span_id` inside
    of a span, `exception` and `stack` for an exception, and of the record's `extra` fields only the
    allowed ones (plait.telemetry.attributes). Calling it again replaces what it did before.

    Raises:
        ValueError: there is no such level.
    """
    out: TextIO = stream or sys.stderr
    handler = _Handler(out)
    handler.setFormatter(
        Terminal(allowed=allowed) if out.isatty() else JsonLines(service=service, allowed=allowed)
    )
    root = logging.getLogger()
    root.setLevel(level)
    for before in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(before)
    root.addHandler(handler)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(root.level, least))


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII, so that no message can break the line or the terminal."""

    def __init__(self, *, service: str, allowed: Iterable[str] = ()) -> None:
        super().__init__()
        self._service = service
        self._allowed = ALLOWED.union(allowed)

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _rfc3339(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": short(_message(record)),
            "service": self._service,
        }
        for key, value in permitted(record.__dict__, self._allowed).items():
            entry.setdefault(key, _finite(value))
        return json.dumps(entry | _span() | _failure(record))


class Terminal(logging.Formatter):
    """`12:00:00.123 INFO plait.calls shop.v1.Shop/Get OK duration=0.003 trace_id=...`."""

    def __init__(self, *, allowed: Iterable[str] = ()) -> None:
        super().__init__()
        self._allowed = ALLOWED.union(allowed)

    def format(self, record: logging.LogRecord) -> str:
        message = short(_message(record))
        fields = permitted(record.__dict__, self._allowed) | _span()
        fields.pop("span_id", None)
        said = [f"{key}={value}" for key, value in fields.items() if str(value) not in message]
        clock = datetime.fromtimestamp(record.created, UTC).astimezone()
        line = " ".join([record.levelname, record.name, message, *said])
        line = f"{clock:%H:%M:%S}.{int(record.msecs):03d} {_CONTROL.sub(_escape, line)}"
        if colour := _COLOURS.get(record.levelname):
            line = f"\x1b[{colour}m{line}\x1b[0m"
        if record.exc_info and record.exc_info[0]:
            text = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(_CONTROL.sub(_escape, part) for part in text)])
        return line


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that it can be found again, and never prints the arguments of a broken log call."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: the stream itself is broken, and there is nowhere else to say it."""


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a wrong format must neither end the caller nor show its arguments
        place = f"{record.pathname}:{record.lineno}"
        return (
            f"wrong log call at {place}: {record.msg!r} does not fit its arguments ({kind(error)})"
        )


def _rfc3339(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def _span() -> dict[str, object]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def _failure(record: logging.LogRecord) -> dict[str, object]:
    if not record.exc_info or record.exc_info[1] is None:
        return {}
    return {"exception": kind(record.exc_info[1]), "stack": stack(record.exc_info[1])}


def _finite(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
