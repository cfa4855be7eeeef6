"""What the head of a call says, read once: which method, how long, how messages are packed."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc

from plait.rpc import framing, timeouts
from plait.rpc.handled import Handled
from plait.rpc.http2.headers import NO_LENGTH, request_head
from plait.rpc.http2.hpack import Header
from plait.rpc.status import Ended

CONTENT_TYPE = b"application/grpc"

_READ = frozenset({b"content-type", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding"})
_KNOWN = frozenset({framing.IDENTITY, framing.GZIP, framing.DEFLATE})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not even a call: a plain HTTP answer (gRPC over HTTP/2, Requests).

    `silent` is whether the answer may have no content (HEAD, RFC 9110 section 9.3.2).
    """

    status: int
    message: str
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call's head; equal bytes make equal heads, so it is shared and never changed.

    `timeout` is in seconds. `refusal` is set where it is no call, `ended` where the call is over
    before it began, and `handled` where a method is registered by its name.
    """

    path: str
    fields: list[Header]
    length: int = NO_LENGTH
    handled: Handled | None = None
    timeout: float | None = None
    encoding: bytes = framing.IDENTITY
    accepts: frozenset[bytes] = frozenset({framing.IDENTITY})
    refusal: Refusal | None = None
    ended: Ended | None = None
    interim: bool = False


def request_of(headers: list[Header], handlers: Mapping[bytes, Handled]) -> Request:
    """Read a request.

    Raises:
        StreamFailed: HTTP/2 does not allow it.
    """
    head = request_head(headers)
    path = head.pseudo.get(b":path", b"")
    found = {name: value for name, value in head.fields if name in _READ}
    encoding = found.get(b"grpc-encoding", framing.IDENTITY)
    handled = handlers.get(path)
    timeout, ended = _timeout(found.get(b"grpc-timeout"))
    if encoding not in _KNOWN:
        ended = Ended(
            grpc.StatusCode.UNIMPLEMENTED,
            f"grpc-encoding is {encoding[:50].decode('latin-1')!r}, "
            f"expected one of {framing.ACCEPTED.decode()}",
        )
    return Request(
        path=path.decode("latin-1"),
        fields=head.fields,
        length=head.length,
        handled=handled,
        timeout=timeout,
        encoding=encoding,
        accepts=_accepted(found.get(b"grpc-accept-encoding", b"")),
        refusal=_refusal(head.pseudo[b":method"], found.get(b"content-type", b"")),
        ended=ended,
    )


def _refusal(method: bytes, content_type: bytes) -> Refusal | None:
    if method != b"POST":
        return Refusal(405, "gRPC calls are POST requests", silent=method == b"HEAD")
    if content_type != CONTENT_TYPE and not content_type.startswith(
        (CONTENT_TYPE + b"+", CONTENT_TYPE + b";")
    ):
        return Refusal(415, "gRPC calls have the content-type application/grpc")
    return None


def _timeout(value: bytes | None) -> tuple[float | None, Ended | None]:
    if value is None:
        return None, None
    try:
        seconds = timeouts.seconds_of(value)
    except ValueError as error:
        return None, Ended(grpc.StatusCode.INTERNAL, str(error))
    if not seconds:
        return seconds, Ended(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    return seconds, None


def _accepted(value: bytes) -> frozenset[bytes]:
    return frozenset({framing.IDENTITY, *(part.strip() for part in value.split(b",") if part)})
