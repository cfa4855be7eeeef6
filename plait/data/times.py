"""Times as databases keep them here: whole microseconds since 1970, equal in every kind."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(stored: int) -> datetime:
    """Return the time, in UTC, of so many microseconds since 1970."""
    return _EPOCH + stored * _MICROSECOND
