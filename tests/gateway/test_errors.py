import pytest

from plait.errors import Code, NotFound, Violation
from plait.gateway.errors import (
    BodyTooLarge,
    InvalidRequest,
    MalformedJson,
    MalformedPath,
    MethodNotAllowed,
    NotAcceptable,
    RouteNotFound,
    UnsupportedMediaType,
    http_status_of,
)


@pytest.mark.parametrize(
    ("error", "code", "reason", "http"),
    [
        (RouteNotFound("x"), Code.NOT_FOUND, "ROUTE_NOT_FOUND", 0),
        (MalformedPath("x"), Code.INVALID_ARGUMENT, "MALFORMED_PATH", 0),
        (MethodNotAllowed("x", allow=("GET",)), Code.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", 405),
        (NotAcceptable("x"), Code.INVALID_ARGUMENT, "NOT_ACCEPTABLE", 406),
        (BodyTooLarge("x"), Code.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE", 413),
        (UnsupportedMediaType("x"), Code.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE", 415),
        (MalformedJson("x"), Code.INVALID_ARGUMENT, "MALFORMED_JSON", 0),
        (InvalidRequest("x"), Code.INVALID_ARGUMENT, "INVALID_REQUEST", 0),
    ],
)
def test_an_error_of_the_gateway_says_so(error, code, reason, http):
    assert (error.code, error.reason, error.domain) == (code, reason, "gateway")
    assert http_status_of(error) == http


def test_details_of_an_error_are_kept():
    violation = Violation(field="a", description="b")

    assert InvalidRequest("x", violations=[violation]).violations == (violation,)
    assert MalformedJson("x", line="1", column="2").metadata == {"line": "1", "column": "2"}
    assert MethodNotAllowed("x", allow=("GET", "HEAD")).metadata == {"allow": "GET, HEAD"}


def test_other_errors_have_the_http_status_of_their_code():
    assert http_status_of(NotFound("x")) == 0
