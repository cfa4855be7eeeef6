"""Promises of how a call ended."""

import asyncio

import pytest

from plait.errors import Code, Error, Internal, NotFound
from plait.mesh.call import Call, Side, Status
from plait.mesh.interceptors.outcome import bug, is_failure, outcome
from plait.mesh.method import Method

GET = Method(service="shop.v1.Shop", name="Get", client_streaming=False, server_streaming=False)
FAULTS = {
    *(Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED),
    *(Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS),
}


def call(status=None, side=Side.SERVER):
    return Call(method=GET, side=side, status=status and Status(code=status))


@pytest.mark.parametrize("error", [None, NotFound("no"), ValueError(), asyncio.CancelledError()])
def test_a_status_that_was_set_counts(error):
    assert outcome(call(Code.ABORTED), error) is Code.ABORTED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, Code.OK),
        (asyncio.CancelledError(), Code.CANCELLED),
        (GeneratorExit(), Code.CANCELLED),
        (NotFound("no"), Code.NOT_FOUND),
        (ValueError(), Code.UNKNOWN),
        (KeyboardInterrupt(), Code.UNKNOWN),
    ],
)
def test_without_a_status_the_exception_counts(error, code):
    assert outcome(call(), error) is code


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("error", [ValueError(), TimeoutError(), KeyboardInterrupt()])
def test_a_bug_is_what_nobody_meant_to_raise(side, error):
    assert bug(call(side=side), error) is error


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "error",
    [
        None,
        asyncio.CancelledError(),
        GeneratorExit(),
        *(kind("no") for kind in Error.__subclasses__() if kind is not Internal),
    ],
)
def test_what_somebody_meant_to_raise_is_no_bug(side, error):
    assert bug(call(side=side), error) is None


def test_an_internal_error_is_a_bug_where_it_was_raised():
    error = Internal("no")

    assert bug(call(), error) is error
    assert bug(call(side=Side.CLIENT), error) is None


def test_a_cancellation_that_the_status_calls_internal_is_a_bug():
    stray = asyncio.CancelledError()

    assert bug(call(Code.INTERNAL), stray) is stray


def test_the_error_that_the_status_speaks_of_counts():
    told, other = ValueError(), NotFound("no")
    ended = call(Code.INTERNAL)
    ended.error = told

    assert bug(ended, other) is told
    assert bug(ended, None) is told


@pytest.mark.parametrize("code", list(Code))
def test_a_server_fails_where_the_fault_is_its_own(code):
    assert is_failure(Side.SERVER, code) is (code in FAULTS)


@pytest.mark.parametrize("code", list(Code))
def test_a_client_fails_whenever_it_does_not_get_what_it_asked_for(code):
    assert is_failure(Side.CLIENT, code) is (code is not Code.OK)
