"""What the head and the trailers of an answer say, read once."""

from dataclasses import dataclass

import grpc

from plait.rpc import framing
from plait.rpc.http2.headers import check_fields, response_head
from plait.rpc.http2.hpack import Header
from plait.rpc.metadata import Pair, pairs_of
from plait.rpc.status import DETAILS, Ended, code_of, of_http, percent_decoded

_KNOWN = frozenset({framing.IDENTITY, framing.GZIP, framing.DEFLATE})
_KEPT = frozenset({DETAILS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer's head; equal bytes make equal heads, so it is shared and never changed.

    `ended` is set where the head ends the call: it has a grpc-status, or is no answer of gRPC.
    """

    fields: list[Header]
    length: int
    interim: bool
    encoding: bytes = framing.IDENTITY
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Trailers:
    """What follows the messages of an answer."""

    fields: list[Header]
    ended: Ended


def response_of(headers: list[Header]) -> Response:
    """Read the head of an answer.

    Raises:
        StreamFailed: HTTP/2 does not allow it.
    """
    head = response_head(headers)
    status = int(head.pseudo[b":status"])
    found = dict(head.fields)
    return Response(
        fields=head.fields,
        length=head.length,
        interim=100 <= status < 200,
        encoding=found.get(b"grpc-encoding", framing.IDENTITY),
        ended=_ended_at_once(status, found),
    )


def trailers_of(headers: list[Header]) -> Trailers:
    """Read the trailers of an answer; raises as `response_of` does."""
    check_fields(headers)
    found = dict(headers)
    if b"grpc-status" not in found:
        return Trailers(headers, Ended(grpc.StatusCode.UNKNOWN, "the answer ends without a status"))
    return Trailers(headers, _ended(found))


def metadata_of(fields: list[Header]) -> tuple[Pair, ...]:
    """Return the metadata among the fields of a head or of trailers."""
    return pairs_of(fields, kept=_KEPT)


def _ended_at_once(status: int, found: dict[bytes, bytes]) -> Ended | None:
    if b"grpc-status" in found:
        return _ended(found)
    if status != 200:
        return Ended(of_http(status), f"the answer is not gRPC's: HTTP status {status}")
    kind = found.get(b"content-type", b"")
    if not kind.startswith(b"application/grpc"):
        shown = kind[:50].decode("latin-1")
        return Ended(
            grpc.StatusCode.UNKNOWN, f"the answer is not gRPC's: content-type is {shown!r}"
        )
    encoding = found.get(b"grpc-encoding", framing.IDENTITY)
    if encoding not in _KNOWN:
        shown = encoding[:50].decode("latin-1")
        return Ended(grpc.StatusCode.INTERNAL, f"grpc-encoding of the answer is {shown!r}")
    return None


def _ended(found: dict[bytes, bytes]) -> Ended:
    return Ended(
        code_of(found[b"grpc-status"]),
        percent_decoded(found.get(b"grpc-message", b"")),
    )
