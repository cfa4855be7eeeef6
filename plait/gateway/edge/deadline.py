"""How long a client is willing to wait, from the headers that say so."""

import re
from collections.abc import Mapping

from plait.errors import InvalidArgument
from plait.mesh.interceptors.deadline import DEFAULT

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_GRPC = re.compile(r"(\d{1,8})([HMSmun])")
_CONNECT = re.compile(r"\d{1,10}")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class InvalidTimeout(InvalidArgument):
    """A header that names a time to wait cannot be read: 400."""


def wish_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the client waits for its answer, None if it does not say.

    It is the least of `Request-Timeout` (seconds, with a fraction), `Grpc-Timeout` (gRPC's
    PROTOCOL-HTTP2) and `Connect-Timeout-Ms` (connectrpc.com/docs/protocol, Timeout).

    Raises:
        InvalidTimeout: a header is there and is no time.
    """
    wanted: list[float] = []
    if (text := headers.get("request-timeout")) is not None:
        wanted.append(_seconds(text))
    if (text := headers.get("grpc-timeout")) is not None:
        wanted.append(_grpc(text))
    if (text := headers.get("connect-timeout-ms")) is not None:
        wanted.append(_connect(text))
    return min(wanted, default=None)


def timeout_of(wish: float | None, *, declared: float | None, streaming: bool) -> float | None:
    """Return the seconds that a call may take, None for as long as it likes.

    It is the least of what is left of the client's wish and what the contract declares (2 s for a
    unary method without a word).
    """
    longest = declared if declared is not None or streaming else DEFAULT
    return min((each for each in (wish, longest) if each is not None), default=None)


def _seconds(text: str) -> float:
    if not _SECONDS.fullmatch(text):
        raise InvalidTimeout(
            f'the header Request-Timeout is "{text[:40]}"; expected seconds, for example 1.5'
        )
    return float(text)


def _grpc(text: str) -> float:
    found = _GRPC.fullmatch(text)
    if found is None:
        raise InvalidTimeout(
            f'the header Grpc-Timeout is "{text[:40]}"; expected at most 8 digits and one of'
            " H, M, S, m, u, n, for example 1500m"
        )
    return int(found[1]) * _UNITS[found[2]]


def _connect(text: str) -> float:
    if not _CONNECT.fullmatch(text):
        raise InvalidTimeout(
            f'the header Connect-Timeout-Ms is "{text[:40]}"; expected milliseconds, at most 10'
            " digits, for example 1500"
        )
    return int(text) / 1000
