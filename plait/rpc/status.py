"""How a call ended, as it travels: status, message and details, and what other endings mean."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc

from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.hpack import Header

CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
DETAILS = b"grpc-status-details-bin"

_HTTP: Mapping[int, grpc.StatusCode] = {  # "HTTP to gRPC Status Code Mapping"
    400: grpc.StatusCode.INTERNAL,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.UNIMPLEMENTED,
    429: grpc.StatusCode.UNAVAILABLE,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.UNAVAILABLE,
}
_RESET: Mapping[ErrorCode, grpc.StatusCode] = {  # "Errors" of gRPC over HTTP/2
    ErrorCode.REFUSED_STREAM: grpc.StatusCode.UNAVAILABLE,
    ErrorCode.CANCEL: grpc.StatusCode.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: grpc.StatusCode.PERMISSION_DENIED,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a call."""

    code: grpc.StatusCode
    message: str = ""


OK = Ended(grpc.StatusCode.OK)
UNKNOWN = grpc.StatusCode.UNKNOWN


def of_http(status: int) -> grpc.StatusCode:
    """Return what an HTTP status means where the answer has no grpc-status."""
    return _HTTP.get(status, UNKNOWN)


def of_reset(code: ErrorCode) -> grpc.StatusCode:
    """Return what a RST_STREAM means to the caller."""
    return _RESET.get(code, grpc.StatusCode.INTERNAL)


def code_from(value: object) -> grpc.StatusCode:
    """Return the code that an application names: a code, or its number, as grpcio takes both.

    What is neither is UNKNOWN.
    """
    if isinstance(value, grpc.StatusCode):
        return value
    return CODES.get(value, UNKNOWN) if isinstance(value, int) else UNKNOWN


def code_of(value: bytes) -> grpc.StatusCode:
    """Return the code that grpc-status says; what is none is UNKNOWN."""
    return CODES.get(int(value), UNKNOWN) if value.isdigit() and len(value) <= 2 else UNKNOWN


def trailers_of(ended: Ended) -> list[Header]:
    """Return the fields that tell the end of a call, but for metadata."""
    fields = [(b"grpc-status", b"%d" % ended.code.value[0])]
    if ended.message:
        fields.append((b"grpc-message", percent_encoded(ended.message)))
    return fields


def percent_encoded(message: str) -> bytes:
    """Write a message for `grpc-message`: UTF-8, but for printable ASCII in percent-encoding."""
    raw = message.encode("utf-8", "replace")
    if raw.isascii() and b"%" not in raw and message.isprintable():
        return raw
    return b"".join(
        bytes((byte,)) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte
        for byte in raw
    )


def percent_decoded(value: bytes) -> str:
    """Read a `grpc-message`; what is not well encoded is kept as it is."""
    if b"%" not in value:
        return value.decode("utf-8", "replace")
    first, *parts = value.split(b"%")
    found = [first]
    for part in parts:
        try:
            found.append(
                bytes.fromhex(part[:2].decode("ascii")) + part[2:]
                if len(part[:2]) == 2
                else b"%" + part
            )
        except (ValueError, UnicodeDecodeError):
            found.append(b"%" + part)
    return b"".join(found).decode("utf-8", "replace")
