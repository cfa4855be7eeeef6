"""How the shop says no: the same by HTTP and by gRPC, so that tests can ask the same of both."""

from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import httpx
from google.protobuf import json_format
from google.rpc import (
    error_details_pb2,  # noqa: F401 - the details are of its types
    status_pb2,
)

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as a client sees it.

    Attributes:
        status: the name of the gRPC status, which the HTTP body has too.
        message: for a person.
        reason: of the one ErrorInfo.
        domain: of it: who says it.
        metadata: of it.
        violations: what each field breaks: its path, and the rule's id.
        headers: of HTTP.
    """

    status: str
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    violations: dict[str, str]
    headers: dict[str, str]


def by_http(answer: httpx.Response, status: int) -> Refusal:
    """Read an answer with this HTTP status (AIP-193)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["code"] == status
    return _refusal(error["status"], error, dict(answer.headers))


def by_grpc(error: grpc.aio.AioRpcError) -> Refusal:
    """Read the error of a call (google.rpc.Status in its trailers)."""
    trailing = dict(error.trailing_metadata())
    said = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    code = error.code()
    assert (said.code, said.message) == (code.value[0], error.details())
    return _refusal(code.name, json_format.MessageToDict(said), {})


def _refusal(status: str, error: dict[str, Any], headers: dict[str, str]) -> Refusal:
    details = error["details"]
    (info,) = (detail for detail in details if detail["@type"] == _INFO)
    return Refusal(
        status=status,
        message=error["message"],
        reason=info["reason"],
        domain=info["domain"],
        metadata=info.get("metadata", {}),
        violations={
            violation["field"]: violation["reason"]
            for detail in details
            if detail["@type"] == _BAD_REQUEST
            for violation in detail["fieldViolations"]
        },
        headers=headers,
    )
