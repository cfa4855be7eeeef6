"""`grpc-timeout`: how long the caller will wait, as it travels (gRPC over HTTP/2, Requests)."""

_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_MOST_DIGITS = 8
_LARGEST = 10**_MOST_DIGITS - 1
_UNITS = ((b"n", 10**9), (b"u", 10**6), (b"m", 10**3), (b"S", 1))
_LONGEST = _LARGEST * 3600.0


def seconds_of(value: bytes) -> float:
    """Return the seconds that a timeout says.

    Raises:
        ValueError: it is not of one to eight digits and a unit.
    """
    digits, unit = value[:-1], value[-1:]
    if unit not in _SECONDS or not digits.isdigit() or len(digits) > _MOST_DIGITS:
        raise ValueError(
            "grpc-timeout must be one to eight digits and one of H, M, S, m, u, n; "
            f"found {value[:20]!r}"
        )
    return int(digits) * _SECONDS[unit]


def timeout_of(seconds: float) -> bytes:
    """Write a timeout in the finest unit that eight digits can hold, never longer than it is."""
    if seconds <= 0:
        return b"0n"
    seconds = min(seconds, _LONGEST)
    for unit, per_second in _UNITS:
        count = int(seconds * per_second)
        if count <= _LARGEST:
            return b"%d%s" % (count, unit)
    if seconds < _LARGEST * 60:
        return b"%dM" % (seconds // 60)
    return b"%dH" % (seconds // 3600)
