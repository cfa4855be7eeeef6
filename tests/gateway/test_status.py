import json

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import (
    Aborted,
    AlreadyExists,
    Code,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    Unavailable,
    Unknown,
    Violation,
    error_class,
)
from plait.gateway.errors import MethodNotAllowed, NotAcceptable
from plait.gateway.rest.negotiation import Format
from plait.gateway.status import error_json, failure, http_status


def status(code: int, message: str = "secret", *details) -> status_pb2.Status:
    made = status_pb2.Status(code=code, message=message)
    for detail in details:
        made.details.add().Pack(detail)
    return made


def body(found):
    return json.loads(found.body)["error"]


def details(found) -> dict[str, dict]:
    """The details of an AIP-193 body by the short names of their types."""
    return {detail["@type"].rpartition(".")[2]: detail for detail in body(found)["details"]}


@pytest.mark.parametrize(
    ("code", "http"),
    [
        (Code.OK, 200),
        (Code.CANCELLED, 499),
        (Code.UNKNOWN, 500),
        (Code.INVALID_ARGUMENT, 400),
        (Code.DEADLINE_EXCEEDED, 504),
        (Code.NOT_FOUND, 404),
        (Code.ALREADY_EXISTS, 409),
        (Code.PERMISSION_DENIED, 403),
        (Code.RESOURCE_EXHAUSTED, 429),
        (Code.FAILED_PRECONDITION, 400),
        (Code.ABORTED, 409),
        (Code.OUT_OF_RANGE, 400),
        (Code.UNIMPLEMENTED, 501),
        (Code.INTERNAL, 500),
        (Code.UNAVAILABLE, 503),
        (Code.DATA_LOSS, 500),
        (Code.UNAUTHENTICATED, 401),
        (17, 500),
        (-1, 500),
        (10**6, 500),
    ],
)
def test_each_code_has_its_http_status(code, http):
    assert http_status(code) == http


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_an_error_of_each_code_is_answered_with_its_status(code):
    found = failure(error_class(code)("text", domain="catalog.shop"))

    assert found.status == http_status(code)
    assert body(found)["code"] == http_status(code)
    assert body(found)["status"] == code.name
    assert details(found)["ErrorInfo"]["reason"]


def test_an_error_is_the_body_of_aip_193():
    error = AlreadyExists(
        "the sku is taken",
        reason="SKU_TAKEN",
        domain="catalog.shop",
        resource="products/p1",
        sku="A-1",
    )

    found = failure(error)

    assert found.content_type == "application/json"
    assert json.loads(found.body) == {
        "error": {
            "code": 409,
            "message": "the sku is taken",
            "status": "ALREADY_EXISTS",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "SKU_TAKEN",
                    "domain": "catalog.shop",
                    "metadata": {"sku": "A-1"},
                },
                {
                    "@type": "type.googleapis.com/google.rpc.ResourceInfo",
                    "resourceName": "products/p1",
                    "description": "the sku is taken",
                },
            ],
        }
    }


def test_an_error_may_be_a_problem_of_rfc_9457():
    error = InvalidArgument(
        "it does not fit",
        reason="X",
        domain="catalog.shop",
        violations=[Violation(field="page_size", description="too big", rule="int32.lte")],
        retry_after=2,
        seen="7",
    )

    found = failure(error, form=Format.PROBLEM)

    assert found.content_type == "application/problem+json"
    assert found.status == 400
    assert json.loads(found.body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "it does not fit",
        "code": "INVALID_ARGUMENT",
        "reason": "X",
        "domain": "catalog.shop",
        "metadata": {"seen": "7"},
        "violations": [{"field": "page_size", "description": "too big", "reason": "int32.lte"}],
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}],
    }


def test_a_problem_without_details_is_short():
    found = failure(status(1, "gone"), form=Format.PROBLEM)

    assert json.loads(found.body) == {
        "type": "about:blank",
        "title": "Client Closed Request",
        "status": 499,
        "detail": "gone",
        "code": "CANCELLED",
        "reason": "CANCELLED",
        "domain": "gateway",
    }


@pytest.mark.parametrize(
    "error",
    [
        Internal("secret"),
        Internal("secret", domain="catalog.shop", password="secret"),
        Unknown("secret"),
        Unknown("secret", domain="catalog.shop"),
        status(13),
        status(2),
        status(0),
        status(17),
        status(-5),
        status(13, "secret", error_details_pb2.DebugInfo(detail="secret")),
        status(2, "secret", error_details_pb2.ErrorInfo(reason="R", metadata={"a": "secret"})),
    ],
)
@pytest.mark.parametrize("form", [Format.JSON, Format.PROBLEM])
def test_a_bug_never_shows_its_text(error, form):
    found = failure(error, form=form)

    assert found.status == 500
    assert b"secret" not in found.body
    assert b"internal error" in found.body


def test_a_bug_keeps_who_says_it():
    found = failure(Internal("secret", reason="BROKEN", domain="catalog.shop"))

    assert details(found)["ErrorInfo"]["reason"] == "BROKEN"
    assert details(found)["ErrorInfo"]["domain"] == "catalog.shop"


def test_what_a_service_says_on_purpose_stays():
    busy = Unavailable("too many orders", reason="BUSY", domain="orders.shop", retry_after=2.5)
    foreign = status(14, "busy", error_details_pb2.ErrorInfo(reason="BUSY", domain="x"))

    assert body(failure(busy))["message"] == "too many orders"
    assert failure(busy).headers == (("retry-after", "3"),)
    assert body(failure(foreign))["message"] == "busy"


def test_an_error_of_the_gateway_has_its_domain():
    for error in (NotFound("no such route"), Unauthenticated("no token"), Unavailable("stopping")):
        found = failure(error)
        assert details(found)["ErrorInfo"]["domain"] == "gateway"
        assert body(found)["message"] == error.message


def test_a_status_without_an_error_info_gets_one():
    found = failure(status(5, "no such thing"))

    assert body(found)["message"] == "no such thing"
    assert details(found)["ErrorInfo"] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "NOT_FOUND",
        "domain": "gateway",
    }


def test_there_is_exactly_one_error_info_and_it_comes_first():
    info = error_details_pb2.ErrorInfo(reason="FIRST", domain="x")
    other = error_details_pb2.ErrorInfo(reason="SECOND", domain="x")
    link = error_details_pb2.Help(links=[error_details_pb2.Help.Link(url="https://example.org")])

    found = body(failure(status(9, "m", link, info, other)))["details"]

    assert [detail["@type"].rpartition(".")[2] for detail in found] == ["ErrorInfo", "Help"]
    assert found[0]["reason"] == "FIRST"


def test_what_is_for_the_makers_of_a_service_is_left_out():
    debug = error_details_pb2.DebugInfo(stack_entries=["secret"])

    found = failure(status(9, "m", debug))

    assert b"secret" not in found.body


def test_a_detail_of_unknown_type_is_its_type_and_bytes():
    made = status(9, "m")
    made.details.add(type_url="type.googleapis.com/no.Such", value=b"\x08\x01")
    made.details.add(type_url="type.googleapis.com/google.rpc.Help", value=b"\xff")
    made.details.add()

    found = body(failure(made))["details"]

    assert found[1:] == [
        {"@type": "type.googleapis.com/no.Such", "value": "CAE="},
        {"@type": "type.googleapis.com/google.rpc.Help", "value": "/w=="},
        {"@type": "", "value": ""},
    ]


def test_a_detail_whose_value_is_special_is_shown():
    found = body(failure(status(9, "m", Duration(seconds=5))))["details"]

    assert found[1] == {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "5s"}


def test_violations_name_json_paths(library):
    request = library.registry.message("plait.testing.v1.CreateBookRequest")
    error = InvalidArgument(
        "x",
        domain="catalog.shop",
        violations=[
            Violation(field="book.price.currency_code", description="d"),
            Violation(field="book.pageCount", description="d"),
            Violation(field="", description="d"),
        ],
    )

    shown = details(failure(error, request=request))["BadRequest"]["fieldViolations"]
    plain = details(failure(error))["BadRequest"]["fieldViolations"]

    assert [v["field"] for v in shown] == ["book.price.currencyCode", "book.pageCount", ""]
    assert plain[0]["field"] == "book.price.currency_code"


def test_a_class_of_error_may_ask_for_an_http_status():
    refused = failure(NotAcceptable("x"))
    wrong = failure(MethodNotAllowed("x", allow=("GET", "HEAD", "OPTIONS")))

    assert (refused.status, body(refused)["status"]) == (406, "INVALID_ARGUMENT")
    assert (wrong.status, body(wrong)["code"]) == (405, 405)
    assert wrong.headers == (("allow", "GET, HEAD, OPTIONS"),)


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "0"), (0.001, "1"), (1.0, "1"), (90.5, "91")]
)
def test_when_to_try_again_is_a_header_in_whole_seconds(seconds, header):
    error = FailedPrecondition("x", domain="d", retry_after=seconds)

    assert failure(error).headers == (("retry-after", header),)


def test_an_error_in_a_stream_is_one_line():
    found = error_json(Aborted("a\nb", domain="catalog.shop"))

    assert b"\n" not in found
    assert json.loads(found)["error"]["message"] == "a\nb"


@given(
    code=st.integers(-3, 20),
    message=st.text(max_size=10),
    details=st.lists(
        st.builds(
            Any,
            type_url=st.sampled_from(
                ["", "x", "type.googleapis.com/google.rpc.ErrorInfo", "/google.rpc.RetryInfo"]
            ),
            value=st.binary(max_size=8),
        ),
        max_size=3,
    ),
    form=st.sampled_from([Format.JSON, Format.PROBLEM]),
)
def test_any_status_has_a_body_with_one_error_info(code, message, details, form):
    made = status_pb2.Status(code=code, message=message, details=details)

    found = failure(made, form=form)

    value = json.loads(found.body)
    assert 400 <= found.status < 600
    if form is Format.JSON:
        kinds = [detail["@type"] for detail in value["error"]["details"]]
        assert kinds[0] == "type.googleapis.com/google.rpc.ErrorInfo"
        assert sum(kind.endswith("/google.rpc.ErrorInfo") for kind in kinds) == 1
