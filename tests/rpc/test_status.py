"""How a call ended, as it travels."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.rpc.http2.errors import ErrorCode
from plait.rpc.status import (
    Ended,
    code_of,
    of_http,
    of_reset,
    percent_decoded,
    percent_encoded,
    trailers_of,
)


@given(st.text())
def test_a_message_comes_back(message):
    sent = percent_encoded(message)

    assert percent_decoded(sent) == message.encode("utf-8", "replace").decode()
    assert all(0x20 <= byte <= 0x7E for byte in sent)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"\t\ntest with whitespace", "\t\ntest with whitespace"),
        (b"100%", "100%"),
        (b"%zz", "%zz"),
        (b"%4", "%4"),
        (b"a%20b", "a b"),
        (b"%f0%9f%98%88", "😈"),
        (b"%ff", "�"),
    ],
)
def test_what_is_badly_encoded_is_kept_as_far_as_it_goes(sent, message):
    assert percent_decoded(sent) == message


def test_only_what_must_is_encoded():
    assert percent_encoded("50% of ä\n") == b"50%25 of %C3%A4%0A"


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_each_code_has_its_number(code):
    assert code_of(b"%d" % code.value[0]) is code


@pytest.mark.parametrize("value", [b"17", b"x", b"", b"-1", b"1.0"])
def test_a_number_that_is_none_is_unknown(value):
    assert code_of(value) is grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, grpc.StatusCode.INTERNAL),
        (401, grpc.StatusCode.UNAUTHENTICATED),
        (403, grpc.StatusCode.PERMISSION_DENIED),
        (404, grpc.StatusCode.UNIMPLEMENTED),
        (429, grpc.StatusCode.UNAVAILABLE),
        (502, grpc.StatusCode.UNAVAILABLE),
        (503, grpc.StatusCode.UNAVAILABLE),
        (504, grpc.StatusCode.UNAVAILABLE),
        (500, grpc.StatusCode.UNKNOWN),
        (200, grpc.StatusCode.UNKNOWN),
    ],
)
def test_an_http_status_means_what_the_protocol_says(status, code):
    assert of_http(status) is code


@pytest.mark.parametrize(
    ("reset", "code"),
    [
        (ErrorCode.REFUSED_STREAM, grpc.StatusCode.UNAVAILABLE),
        (ErrorCode.CANCEL, grpc.StatusCode.CANCELLED),
        (ErrorCode.ENHANCE_YOUR_CALM, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (ErrorCode.INADEQUATE_SECURITY, grpc.StatusCode.PERMISSION_DENIED),
        (ErrorCode.PROTOCOL_ERROR, grpc.StatusCode.INTERNAL),
        (ErrorCode.NO_ERROR, grpc.StatusCode.INTERNAL),
    ],
)
def test_a_reset_means_what_the_protocol_says(reset, code):
    assert of_reset(reset) is code


def test_trailers_have_a_message_only_where_there_is_one():
    assert trailers_of(Ended(grpc.StatusCode.OK)) == [(b"grpc-status", b"0")]
    assert trailers_of(Ended(grpc.StatusCode.NOT_FOUND, "no ä")) == [
        (b"grpc-status", b"5"),
        (b"grpc-message", b"no %C3%A4"),
    ]
