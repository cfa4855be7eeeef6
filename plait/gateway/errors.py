"""What the gateway itself refuses; a class says its HTTP status where it is not its gRPC code's."""

from collections.abc import Sequence
from typing import ClassVar

from plait.errors import (
    DeadlineExceeded,
    Error,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unimplemented,
    Violation,
)

DOMAIN = "gateway"
"""The ErrorInfo domain of errors that the gateway makes itself."""


class _Own(Error):
    """An error of the gateway: its domain says so, and its class may ask for an HTTP status."""

    http: ClassVar[int] = 0  # that of the gRPC code

    def __init__(
        self, message: str, /, *, violations: Sequence[Violation] = (), **metadata: str
    ) -> None:
        super().__init__(message, domain=DOMAIN, violations=violations)
        self.metadata = metadata


class RouteNotFound(_Own, NotFound):
    """No route has this path: 404."""


class MalformedPath(_Own, InvalidArgument):
    """An escape in the path is malformed, or is not UTF-8 once decoded: 400."""


class MethodNotAllowed(_Own, Unimplemented):
    """The path has no route for this HTTP method: 405. `allow` is for the header Allow."""

    http = 405

    def __init__(self, message: str, /, *, allow: tuple[str, ...]) -> None:
        super().__init__(message, allow=", ".join(allow))
        self.allow = allow


class NeedsWebsocket(_Own, Unimplemented):
    """The route is one for messages both ways at once, which HTTP alone cannot carry: 501.

    Not 426: that would promise an upgrade (RFC 9110 section 15.5.22) which this gateway refuses.
    """


class NotAcceptable(_Own, InvalidArgument):
    """The client accepts no form that the answer could take: 406."""

    http = 406


class BodyTimedOut(_Own, DeadlineExceeded):
    """The client stopped in the middle of its body, or took too long for it: 408."""

    http = 408


class BodyTooLarge(_Own, ResourceExhausted):
    """The body is longer than the gateway takes: 413."""

    http = 413


class UriTooLong(_Own, InvalidArgument):
    """Path and query are longer than the gateway takes: 414."""

    http = 414


class UnsupportedMediaType(_Own, InvalidArgument):
    """The body has a form that the route does not take: 415."""

    http = 415


class HeadersTooLarge(_Own, InvalidArgument):
    """There are more headers, or longer ones, than the gateway takes: 431 (RFC 6585)."""

    http = 431


class MalformedJson(_Own, InvalidArgument):
    """The body is not JSON: 400; metadata `line` and `column`, from 1."""


class InvalidRequest(_Own, InvalidArgument):
    """Path, query, headers or body do not fit the contract: 400; one violation for each problem.

    A violation's field is a JSON path (`product.price.currencyCode`); its rule is one of
    `json.unknown_field`, `json.type`, `json.duplicate_key`, `json.oneof`, `json.bound` and
    `json.depth` (the body), `query.unknown`, `query.bound`, `query.repeated`, `query.oneof` and
    `query.value`, `path.value`, `header.value`, `cookie.value`, `body.unexpected`.
    """


def http_status_of(error: Error) -> int:
    """Return the HTTP status that the error's class asks for, or 0: that of its gRPC code."""
    return int(getattr(error, "http", 0))
