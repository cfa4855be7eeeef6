"""Errors on the wire and back: `plait.errors` <-> google.rpc.Status (AIP-193)."""

import math
from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from plait.errors import Code, Error, Violation, error_class

MAX_VIOLATIONS = 20
MAX_DETAILS = 4096  # bytes of the whole google.rpc.Status; grpcio takes 8 KiB of metadata in all
MAX_MESSAGE = 512  # bytes of UTF-8: the message travels twice, percent-encoded in `grpc-message`
MAX_TEXT = 256  # bytes of one description or metadata value
MAX_METADATA = 32
LEFT_OUT = "violations_left_out"  # ErrorInfo's metadata key: how many violations were not sent
INTERNAL_MESSAGE = "internal error"

_MAX_REASON = 63  # AIP-193
_MAX_RETRY = 315_576_000_000.0  # seconds; what a google.protobuf.Duration can hold

_M = TypeVar("_M", bound=Message)


def to_status(error: Error, domain: str) -> status_pb2.Status:
    """Write an error as a google.rpc.Status of at most `MAX_DETAILS` bytes.

    It has exactly one ErrorInfo and, where the error says so, BadRequest, ResourceInfo, RetryInfo
    and PreconditionFailure. What is too long is cut; of too many violations the last are left out
    and ErrorInfo's metadata says how many (`violations_left_out`). The text of an `Internal`
    never leaves this process.

    Args:
        error: what was raised.
        domain: who says it where the error does not say so itself, for example `catalog.shop`.
    """
    message = INTERNAL_MESSAGE if error.code is Code.INTERNAL else _cut(error.message, MAX_MESSAGE)
    violations = list(error.violations[:MAX_VIOLATIONS])
    metadata = {_cut(k, MAX_TEXT): _cut(v, MAX_TEXT) for k, v in error.metadata.items()}
    metadata = dict(list(metadata.items())[:MAX_METADATA])
    while True:
        left_out = len(error.violations) - len(violations)
        info = _error_info(error, domain, metadata, left_out)
        status = status_pb2.Status(code=error.code, message=message)
        for detail in (info, *_details(error, message, violations)):
            status.details.add().Pack(detail)
        if status.ByteSize() <= MAX_DETAILS:
            return status
        if violations:
            violations.pop()
        else:
            metadata.popitem()


def from_status(code: int, message: str, details: bytes = b"") -> Error:
    """Read the error that a peer has sent: the class by its code, the rest from its details.

    Args:
        code: the value of `grpc-status`; `Unknown` for one that gRPC does not define.
        message: the value of `grpc-message`, decoded.
        details: the value of `grpc-status-details-bin`, decoded; what cannot be parsed is as if
            it were not there, because a status must not be lost to its decoration.
    """
    status = _parsed(details)
    info = (
        first_detail(status.details, error_details_pb2.ErrorInfo) or error_details_pb2.ErrorInfo()
    )
    error = error_class(code)(
        message or status.message,
        reason=info.reason,
        domain=info.domain,
        violations=_violations(status.details),
        resource=_resource(status.details),
        retry_after=_retry_after(status.details),
    )
    error.metadata = dict(info.metadata)
    return error


def first_detail(details: Iterable[AnyMessage], kind: type[_M]) -> _M | None:
    """Return the first detail of a kind; one that cannot be parsed is as if it were not there."""
    message = kind()
    for detail in details:
        try:
            if detail.Unpack(message):
                return message
        except DecodeError:
            continue
    return None


def _error_info(
    error: Error, domain: str, metadata: dict[str, str], left_out: int
) -> error_details_pb2.ErrorInfo:
    counted = {**metadata, LEFT_OUT: str(left_out)} if left_out else metadata
    return error_details_pb2.ErrorInfo(
        reason=_cut(error.reason, _MAX_REASON),
        domain=_cut(error.domain or domain, MAX_TEXT),
        metadata=counted,
    )


def _details(error: Error, message: str, violations: list[Violation]) -> Iterable[Message]:
    if violations:
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=_cut(violation.field, MAX_TEXT),
                    description=_cut(violation.description, MAX_TEXT),
                    reason=_cut(violation.rule, MAX_TEXT),
                )
                for violation in violations
            ]
        )
    resource = _cut(error.resource, MAX_TEXT)
    if error.code is Code.FAILED_PRECONDITION:
        failed = error_details_pb2.PreconditionFailure.Violation(
            type=_cut(error.reason, _MAX_REASON),
            subject=resource,
            description=_cut(message, MAX_TEXT),
        )
        yield error_details_pb2.PreconditionFailure(violations=[failed])
    if resource:
        yield error_details_pb2.ResourceInfo(
            resource_name=resource, description=_cut(message, MAX_TEXT)
        )
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        seconds = 0.0 if math.isnan(error.retry_after) else error.retry_after
        nanos = round(min(max(seconds, 0.0), _MAX_RETRY) * 1e9)
        retry.retry_delay.FromNanoseconds(nanos)
        yield retry


def _cut(text: str, limit: int) -> str:
    """Return the text in at most `limit` bytes of UTF-8, with an ellipsis where it was cut."""
    clean = text.encode(errors="replace")
    if len(clean) <= limit:
        return clean.decode()
    return clean[: limit - 3].decode(errors="ignore") + "…"


def _parsed(details: bytes) -> status_pb2.Status:
    try:
        return status_pb2.Status.FromString(details)
    except DecodeError:
        return status_pb2.Status()


def _violations(details: Iterable[AnyMessage]) -> tuple[Violation, ...]:
    bad = first_detail(details, error_details_pb2.BadRequest) or error_details_pb2.BadRequest()
    return tuple(
        Violation(field=each.field, description=each.description, rule=each.reason)
        for each in bad.field_violations
    )


def _resource(details: Iterable[AnyMessage]) -> str:
    info = first_detail(details, error_details_pb2.ResourceInfo)
    return info.resource_name if info else ""


def _retry_after(details: Iterable[AnyMessage]) -> float | None:
    retry = first_detail(details, error_details_pb2.RetryInfo)
    return retry.retry_delay.ToNanoseconds() / 1e9 if retry else None
