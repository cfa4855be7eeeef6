"""What a method that goes away says in headers: Deprecation (RFC 9745), Sunset (RFC 8594), Link."""

from datetime import UTC, date, datetime
from email.utils import format_datetime

from plait.gateway.contracts import Method
from plait.gateway.edge.http import Headers


def lifecycle(method: Method) -> Headers:
    """Return the headers of all answers of a method; none for one that stays."""
    deprecation = method.deprecation
    if deprecation is None:
        return ()
    headers = [("deprecation", f"@{int(_midnight(deprecation.since).timestamp())}")]
    if deprecation.sunset is not None:
        headers.append(("sunset", format_datetime(_midnight(deprecation.sunset), usegmt=True)))
    if deprecation.use_instead.startswith(("https://", "http://", "/")):
        headers.append(("link", f'<{deprecation.use_instead}>; rel="successor-version"'))
    return tuple(headers)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
