"""gRPC status to HTTP status and error bodies: the one table that every outside style uses."""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from protobuf import DescMessage

from plait.errors import Code, Error
from plait.gateway.errors import DOMAIN, MethodNotAllowed, http_status_of
from plait.gateway.rest.names import json_path
from plait.gateway.rest.negotiation import Format
from plait.mesh.status import INTERNAL_MESSAGE, first_detail, to_status

HTTP: Mapping[int, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""The HTTP status of each gRPC code (google/rpc/code.proto, "HTTP Mapping")."""

_INFO = "google.rpc.ErrorInfo"
_DEBUG = "google.rpc.DebugInfo"
_BAD_REQUEST = "google.rpc.BadRequest"
_PHRASES = {499: "Client Closed Request"}  # not one of RFC 9110


class Failure(NamedTuple):
    """An error as HTTP: `headers` beside Content-Type are Allow, Retry-After and the like."""

    status: int
    content_type: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def http_status(code: int) -> int:
    """Return the HTTP status of a gRPC status code; 500 for a number that is none."""
    return HTTP.get(code, 500)


def failure(
    error: Error | status_pb2.Status,
    *,
    request: DescMessage | None = None,
    form: Format = Format.JSON,
) -> Failure:
    """Return an error as HTTP.

    A bug (INTERNAL, UNKNOWN, a code that gRPC does not have) loses its text and details. What a
    transport says of a service that cannot be reached never comes here (`plait.gateway.upstream`).

    Args:
        error: raised in the gateway, or what the service answered.
        request: the request message, by which proto field paths of violations become JSON paths.
        form: PROBLEM (RFC 9457), anything else is JSON (AIP-193).
    """
    status = _presentable(error)
    asked = http_status_of(error) if isinstance(error, Error) else 0
    code = asked or http_status(status.code)
    value = (
        _problem(status, code, request) if form is Format.PROBLEM else _aip(status, code, request)
    )
    form = Format.PROBLEM if form is Format.PROBLEM else Format.JSON
    return Failure(code, form.content_type, tuple(_headers(error, status)), _dumped(value))


def error_json(error: Error | status_pb2.Status, *, request: DescMessage | None = None) -> bytes:
    """Return the AIP-193 body on one line, as for an error after the first message of a stream."""
    return failure(error, request=request).body


def _presentable(error: Error | status_pb2.Status) -> status_pb2.Status:
    """Return what a client may see of an error, with exactly one ErrorInfo (AIP-193)."""
    status = to_status(error, DOMAIN) if isinstance(error, Error) else error
    code = Code(status.code) if status.code in HTTP else Code.UNKNOWN
    if code in {Code.OK, Code.INTERNAL, Code.UNKNOWN}:  # a bug; OK is no error
        shown = Code.UNKNOWN if code is Code.OK else code
        return _without_text(shown, _info_of(status))
    return _with_info(status, code)


def _without_text(code: Code, said: error_details_pb2.ErrorInfo | None) -> status_pb2.Status:
    """Return the status of a bug: of what was said, it keeps the reason and the domain."""
    reason, domain = (said.reason, said.domain) if said is not None else (code.name, DOMAIN)
    status = status_pb2.Status(code=code, message=INTERNAL_MESSAGE)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain))
    return status


def _with_info(status: status_pb2.Status, code: Code) -> status_pb2.Status:
    """Return a status with one ErrorInfo, the first detail, and without what is for its makers."""
    info = _info_of(status) or error_details_pb2.ErrorInfo(reason=code.name, domain=DOMAIN)
    shown = status_pb2.Status(code=code, message=status.message)
    shown.details.add().Pack(info)
    for detail in status.details:
        if detail.TypeName() not in {_INFO, _DEBUG}:
            shown.details.append(detail)
    return shown


def _info_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo | None:
    return first_detail(status.details, error_details_pb2.ErrorInfo)


def _aip(status: status_pb2.Status, http: int, request: DescMessage | None) -> dict[str, Any]:
    return {
        "error": {
            "code": http,
            "message": status.message,
            "status": Code(status.code).name,
            "details": [_shown(detail, request) for detail in status.details],
        }
    }


def _problem(status: status_pb2.Status, http: int, request: DescMessage | None) -> dict[str, Any]:
    """Return a problem of RFC 9457; it has no type of its own, so its title is the HTTP phrase."""
    details = [_shown(detail, request) for detail in status.details]
    info, *others = details
    violations = [v for detail in others for v in detail.get("fieldViolations", ())]
    members = {
        "type": "about:blank",
        "title": _PHRASES.get(http) or HTTPStatus(http).phrase,
        "status": http,
        "detail": status.message,
        "code": Code(status.code).name,
        "reason": info.get("reason", ""),
        "domain": info.get("domain", ""),
        "metadata": info.get("metadata", {}),
        "violations": violations,
        "details": [detail for detail in others if "fieldViolations" not in detail],
    }
    return {name: value for name, value in members.items() if value not in ({}, [])}


def _shown(detail: AnyMessage, request: DescMessage | None) -> dict[str, Any]:
    """Return a detail as JSON; one whose type is not known by its type and bytes."""
    try:
        value: dict[str, Any] = json_format.MessageToDict(detail)
    except (TypeError, ValueError, DecodeError, json_format.Error):
        value = {}
    if "@type" not in value:
        return {"@type": detail.type_url, "value": base64.b64encode(detail.value).decode()}
    if request is not None and detail.TypeName() == _BAD_REQUEST:
        for violation in value.get("fieldViolations", ()):
            violation["field"] = json_path(violation.get("field", ""), request)
    return value


def _headers(
    error: Error | status_pb2.Status, status: status_pb2.Status
) -> Iterator[tuple[str, str]]:
    if isinstance(error, MethodNotAllowed):
        yield "allow", ", ".join(error.allow)
    if retry := first_detail(status.details, error_details_pb2.RetryInfo):
        seconds = retry.retry_delay.ToNanoseconds() / 1e9
        yield "retry-after", str(max(math.ceil(seconds), 0))


def _dumped(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
