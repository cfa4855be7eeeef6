"""Promises of how errors travel: what is sent is bounded, and what arrives is what was raised."""

import math

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from plait.errors import (
    Code,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unknown,
    Violation,
    error_class,
)
from plait.mesh.status import LEFT_OUT, MAX_DETAILS, MAX_MESSAGE, from_status, to_status

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
LONG = st.text(max_size=700)
CLASSES = st.sampled_from([error_class(code) for code in Code if code not in {0, Code.INTERNAL}])
VIOLATIONS = st.lists(st.builds(Violation, field=TEXT, description=TEXT, rule=TEXT), max_size=6)
DETAILS = st.fixed_dictionaries(
    {
        "reason": st.from_regex(r"[A-Z][A-Z0-9_]{1,62}", fullmatch=True),
        "domain": st.sampled_from(["", "orders.shop"]),
        "violations": VIOLATIONS,
        "resource": TEXT,
        "retry_after": st.none() | st.integers(0, 10**12).map(lambda nanos: nanos / 1e9),
    }
)


def many_violations(count, text):
    return [Violation(field=f"f{n}", description=text, rule=text) for n in range(count)]


MANY_VIOLATIONS = st.builds(many_violations, st.integers(0, 60), LONG)


def raised(kind, message, metadata, told):
    error = kind(message, **told)
    error.metadata = metadata
    return error


class SkuTaken(NotFound):
    pass


def sent(error, domain="catalog.shop"):
    status = to_status(error, domain)
    return from_status(status.code, status.message, status.SerializeToString())


def details(status, kind):
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


@given(error=st.builds(raised, CLASSES, TEXT, st.dictionaries(TEXT, TEXT, max_size=4), DETAILS))
def test_an_error_that_fits_arrives_as_it_was_raised(error):
    back = sent(error)

    assert type(back) is type(error)
    assert (back.message, back.reason) == (error.message, error.reason)
    assert back.domain == (error.domain or "catalog.shop")
    assert (back.violations, back.resource) == (error.violations, error.resource)
    assert back.metadata == error.metadata
    assert back.retry_after == error.retry_after


@given(
    error=st.builds(
        raised,
        CLASSES,
        st.text(max_size=2000),
        st.dictionaries(LONG.filter(LEFT_OUT.__ne__), LONG, max_size=50),
        st.fixed_dictionaries({"reason": LONG, "resource": LONG, "violations": MANY_VIOLATIONS}),
    )
)
def test_no_error_takes_more_than_four_kibibytes_and_the_head_of_it_always_arrives(error):
    status = to_status(error, "catalog.shop")
    back = from_status(status.code, status.message, status.SerializeToString())

    assert status.ByteSize() <= MAX_DETAILS
    assert len(status.message.encode()) <= MAX_MESSAGE
    assert len(details(status, error_details_pb2.ErrorInfo)) == 1
    assert type(back) is type(error)
    kept, count = len(back.violations), len(error.violations)
    assert [v.field for v in back.violations] == [f"f{n}" for n in range(kept)]
    assert back.metadata.get(LEFT_OUT, "0") == str(count - kept)


@pytest.mark.parametrize(("count", "told"), [(19, 19), (20, 20), (21, 20), (200, 20)])
def test_at_most_twenty_violations_are_sent(count, told):
    violations = [Violation(field=f"f{n}", description="no") for n in range(count)]

    back = sent(InvalidArgument("bad", violations=violations))

    assert len(back.violations) == told
    assert back.metadata.get(LEFT_OUT, "0") == str(count - told)


def test_long_violations_are_left_out_from_the_last_until_the_rest_fits():
    text = "x" * 300
    violations = [Violation(field=f"f{n}", description=text, rule="r") for n in range(20)]

    status = to_status(InvalidArgument("bad", violations=violations), "d")
    back = from_status(3, "", status.SerializeToString())

    assert MAX_DETAILS - 300 < status.ByteSize() <= MAX_DETAILS
    assert [v.field for v in back.violations] == [f"f{n}" for n in range(len(back.violations))]
    assert back.metadata == {LEFT_OUT: str(20 - len(back.violations))}
    assert back.violations[0].description == "x" * 253 + "…"


def test_metadata_gives_way_last():
    error = InvalidArgument("bad", violations=[Violation(field="f", description="no")])
    error.metadata = {f"key{n}": "x" * 300 for n in range(40)}

    status = to_status(error, "d")
    back = from_status(3, "", status.SerializeToString())

    assert status.ByteSize() <= MAX_DETAILS
    assert not back.violations
    assert back.metadata[LEFT_OUT] == "1"
    assert back.metadata["key0"] == "x" * 253 + "…"
    assert "key39" not in back.metadata


@pytest.mark.parametrize(("size", "kept"), [(511, 511), (512, 512), (513, 512)])
def test_a_message_is_cut_at_its_limit(size, kept):
    message = "x" * size

    status = to_status(NotFound(message), "d")

    assert len(status.message.encode()) == kept
    assert status.message.endswith("…" if size > 512 else "x")


def test_a_cut_never_splits_a_character():
    status = to_status(NotFound("é" * 400), "d")

    assert status.message == "é" * 254 + "…"


def test_text_that_is_no_unicode_is_sent_all_the_same():
    status = to_status(NotFound("half \ud800 of a pair"), "d")

    assert status.message == "half ? of a pair"


def test_the_text_of_a_bug_stays_here():
    status = to_status(Internal("password is hunter2"), "d")

    assert status.message == "internal error"
    assert b"hunter2" not in status.SerializeToString()


def test_the_reason_is_the_name_of_the_class():
    assert sent(SkuTaken("taken")).reason == "SKU_TAKEN"


def test_a_failed_precondition_says_which_one():
    error = FailedPrecondition("paid before", reason="ALREADY_PAID", resource="orders/o1")

    [failure] = details(to_status(error, "d"), error_details_pb2.PreconditionFailure)

    [violation] = failure.violations
    assert (violation.type, violation.subject) == ("ALREADY_PAID", "orders/o1")
    assert violation.description == "paid before"


@pytest.mark.parametrize(("seconds", "sent_as"), [(math.nan, 0), (-1, 0), (math.inf, 315576000000)])
def test_a_time_to_wait_that_is_none_is_sent_as_the_nearest_that_is(seconds, sent_as):
    assert sent(ResourceExhausted("full", retry_after=seconds)).retry_after == sent_as


@pytest.mark.parametrize("garbage", [b"\xff", b"not a status", b""])
def test_details_that_cannot_be_read_do_not_hide_the_error(garbage):
    error = from_status(5, "gone", garbage)

    assert (type(error), error.message, error.reason) == (NotFound, "gone", "NOT_FOUND")


def test_a_detail_that_cannot_be_read_does_not_hide_the_others():
    status = to_status(NotFound("gone", reason="GONE", resource="a/b"), "d")
    for detail in status.details:
        if "ResourceInfo" in detail.type_url:
            detail.value = b"\xff"

    error = from_status(5, "gone", status.SerializeToString())

    assert (error.reason, error.resource) == ("GONE", "")


def test_details_of_other_systems_are_passed_over():
    foreign = status_pb2.Status(code=5, message="gone")
    foreign.details.append(AnyMessage(type_url="type.example.com/Foreign", value=b"x"))

    error = from_status(5, "", foreign.SerializeToString())

    assert (type(error), error.message) == (NotFound, "gone")


@pytest.mark.parametrize("code", [17, 99])
def test_a_code_that_grpc_does_not_define_is_unknown(code):
    assert type(from_status(code, "what")) is Unknown


def test_metadata_may_have_any_name():
    error = Error("x")
    error.metadata = {"message": "a", "reason": "b", "self": "c"}

    assert sent(error).metadata == {"message": "a", "reason": "b", "self": "c"}


def test_a_detail_that_cannot_be_parsed_hides_none_behind_it():
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    status = status_pb2.Status(code=5, message="m", details=[broken])
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="R", domain="d"))

    error = from_status(5, "m", status.SerializeToString())

    assert (error.reason, error.domain) == ("R", "d")
