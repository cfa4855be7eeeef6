"""The errors that a caller may see: business words, each with its gRPC status code."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class Code(IntEnum):
    """The status codes of gRPC (google/rpc/code.proto)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field that breaks a rule (google.rpc.BadRequest.FieldViolation).

    `field` is the path by proto names (`product.price`, `items[0].sku`); `rule` is the id of the
    rule, for example `string.min_len`.
    """

    field: str
    description: str
    rule: str = ""


class Error(Exception):
    """Something that the caller may know; becomes a google.rpc.Status at the edge (AIP-193).

    The class gives the code and, by its name, the reason (`EtagMismatch` -> `ETAG_MISMATCH`).
    Further keyword arguments become the ErrorInfo's metadata: ids and numbers, never secrets.

    Args:
        message: one sentence for the developer who reads it: what was expected, what was found.
        reason: UPPER_SNAKE_CASE, in place of the one made from the class name.
        domain: who says it, for example `catalog.shop`; the edge fills in its own where empty.
        violations: fields of the request that break a rule (BadRequest).
        resource: the name of the thing that it is about (ResourceInfo).
        retry_after: seconds after which to try again (RetryInfo).
    """

    code: ClassVar[Code] = Code.UNKNOWN

    def __init__(  # noqa: PLR0913 - each is a detail that AIP-193 names
        self,
        message: str,
        /,
        *,
        reason: str = "",
        domain: str = "",
        violations: Sequence[Violation] = (),
        resource: str = "",
        retry_after: float | None = None,
        **metadata: str,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or _reason(type(self).__name__)
        self.domain = domain
        self.violations = tuple(violations)
        self.resource = resource
        self.retry_after = retry_after
        self.metadata: Mapping[str, str] = metadata


class Cancelled(Error):
    """The caller went away."""

    code = Code.CANCELLED


class Unknown(Error):
    """An error of a foreign peer that says no more."""

    code = Code.UNKNOWN


class InvalidArgument(Error):
    """The request is wrong whatever the state of the system."""

    code = Code.INVALID_ARGUMENT


class DeadlineExceeded(Error):
    """The time that the caller gave was not enough."""

    code = Code.DEADLINE_EXCEEDED


class NotFound(Error):
    """There is no such thing, or none that this caller may know of."""

    code = Code.NOT_FOUND


class AlreadyExists(Error):
    """The thing to create is there already."""

    code = Code.ALREADY_EXISTS


class PermissionDenied(Error):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED


class ResourceExhausted(Error):
    """A quota or a capacity is used up."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPrecondition(Error):
    """The system is not in a state for this; trying again does not help by itself."""

    code = Code.FAILED_PRECONDITION


class Aborted(Error):
    """Somebody else was faster; read again and repeat at a higher level."""

    code = Code.ABORTED


class OutOfRange(Error):
    """The request points past the end."""

    code = Code.OUT_OF_RANGE


class Unimplemented(Error):
    """There is no such method here."""

    code = Code.UNIMPLEMENTED


class Internal(Error):
    """A bug; its text never reaches a caller."""

    code = Code.INTERNAL


class Unavailable(Error):
    """Not now; the same call may go through later."""

    code = Code.UNAVAILABLE


class DataLoss(Error):
    """Data is lost or corrupt beyond repair."""

    code = Code.DATA_LOSS


class Unauthenticated(Error):
    """It is not known who calls."""

    code = Code.UNAUTHENTICATED


_BY_CODE: Mapping[int, type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def error_class(code: int) -> type[Error]:
    """Return the class of a status code; `Unknown` for a code that gRPC does not define."""
    return _BY_CODE.get(code, Unknown)


def _reason(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()
