"""An exception as telemetry may show it: what it was and where, without its text.

The text of an exception may repeat what a caller sent (`invalid literal for int(): '4111...'`), so
neither logs nor spans carry it.
"""

from collections.abc import Sequence
from traceback import format_tb

from opentelemetry.trace import Span

from plait.telemetry.attributes import EXCEPTION_STACKTRACE, EXCEPTION_TYPE

_LONGEST = 16384
_MOST = 10  # exceptions of a chain, or of a group, that are shown
_DEEPEST = 2  # groups within groups that are shown
_CAUSE = "The above exception was the direct cause of the following exception:\n"
_CONTEXT = "During handling of the above exception, another exception occurred:\n"


def kind(error: BaseException) -> str:
    """Return the full name of an exception's class, for example `sqlite3.IntegrityError`."""
    of = type(error)
    return of.__qualname__ if of.__module__ == "builtins" else f"{of.__module__}.{of.__qualname__}"


def stack(error: BaseException) -> str:
    """Return where an exception came from, causes first, as Python prints it but without any text.

    At most the last 16,384 characters.
    """
    text = _chain(error, 0)
    return text if len(text) <= _LONGEST else "…" + text[-_LONGEST:]


def record(span: Span, error: BaseException) -> None:
    """Add the event `exception` of OpenTelemetry's conventions to a span, without its message."""
    span.add_event("exception", {EXCEPTION_TYPE: kind(error), EXCEPTION_STACKTRACE: stack(error)})


def _chain(error: BaseException, depth: int) -> str:
    blocks = [_block(error, depth)]
    before = _before(error)
    while before is not None and len(blocks) < _MOST:
        earlier, words = before
        blocks.append(_block(earlier, depth) + words)
        before = _before(earlier)
    return "".join(reversed(blocks))


def _before(error: BaseException) -> tuple[BaseException, str] | None:
    if error.__cause__ is not None:
        return error.__cause__, _CAUSE
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__, _CONTEXT
    return None


def _block(error: BaseException, depth: int) -> str:
    frames = "".join(format_tb(error.__traceback__))
    block = f"Traceback (most recent call last):\n{frames}{kind(error)}\n"
    parts: Sequence[BaseException] = getattr(error, "exceptions", ())
    if isinstance(error, BaseExceptionGroup) and depth < _DEEPEST:
        block += "".join(_chain(part, depth + 1) for part in parts[:_MOST])
    return block
