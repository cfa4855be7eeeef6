"""Promises of the error tree."""

import pytest
from google.rpc import code_pb2

from plait import errors
from plait.errors import Code, Error, FailedPrecondition, InvalidArgument, Unknown, Violation

CLASSES = [kind for kind in Error.__subclasses__() if kind.__module__ == "plait.errors"]


class EtagMismatch(FailedPrecondition):
    pass


class OverSku2Limit(FailedPrecondition):
    pass


def test_the_codes_are_those_of_google_rpc():
    assert {code.name: code.value for code in Code} == dict(code_pb2.Code.items())


def test_each_code_but_ok_has_one_class():
    codes = [kind.code for kind in CLASSES]

    assert sorted(codes) == [code for code in Code if code is not Code.OK]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_class_of_a_code_is_found_by_the_code(kind):
    assert errors.error_class(kind.code) is kind
    assert errors.error_class(int(kind.code)) is kind


@pytest.mark.parametrize("code", [-1, 0, 17, 1000])
def test_a_code_that_grpc_does_not_define_as_an_error_is_unknown(code):
    assert errors.error_class(code) is Unknown


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EtagMismatch, "ETAG_MISMATCH"),
        (OverSku2Limit, "OVER_SKU2_LIMIT"),
        (errors.NotFound, "NOT_FOUND"),
        (errors.Cancelled, "CANCELLED"),
        (errors.Unauthenticated, "UNAUTHENTICATED"),
    ],
)
def test_the_class_name_is_the_reason(kind, reason):
    assert kind("no").reason == reason


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_of_a_code_has_the_name_of_the_code_as_its_reason(kind):
    assert kind("no").reason == kind.code.name


def test_a_reason_can_be_given():
    assert EtagMismatch("no", reason="STALE").reason == "STALE"


def test_an_error_keeps_what_it_was_given():
    broken = Violation(field="product.price", description="must be positive", rule="int64.gt")

    error = InvalidArgument(
        "the price is wrong",
        domain="catalog.shop",
        violations=[broken],
        resource="products/p1",
        retry_after=1.5,
        product="p1",
    )

    assert str(error) == error.message == "the price is wrong"
    assert error.code is Code.INVALID_ARGUMENT
    assert error.domain == "catalog.shop"
    assert error.violations == (broken,)
    assert error.resource == "products/p1"
    assert error.retry_after == 1.5
    assert error.metadata == {"product": "p1"}


def test_an_error_needs_nothing_but_a_message():
    error = EtagMismatch("no")

    assert (error.domain, error.violations, error.resource, error.retry_after) == ("", (), "", None)
    assert error.metadata == {}


def test_a_violation_does_not_change():
    with pytest.raises(AttributeError):
        Violation(field="a", description="b").field = "c"
