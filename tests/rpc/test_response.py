"""What the head and the trailers of an answer say."""

import grpc
import pytest

from plait.rpc.http2.errors import StreamFailed
from plait.rpc.response import metadata_of, response_of, trailers_of

HEAD = [(b":status", b"200"), (b"content-type", b"application/grpc")]


@pytest.mark.parametrize("kind", [b"application/grpc", b"application/grpc+proto"])
def test_an_answer_of_grpc_goes_on(kind):
    found = response_of([(b":status", b"200"), (b"content-type", kind), (b"x", b"1")])

    assert (found.ended, found.interim, found.encoding) == (None, False, b"identity")
    assert metadata_of(found.fields) == (("x", "1"),)


def test_an_answer_that_is_only_trailers_is_the_end():
    found = response_of([*HEAD, (b"grpc-status", b"5"), (b"grpc-message", b"no %C3%A4")])

    assert (found.ended.code, found.ended.message) == (grpc.StatusCode.NOT_FOUND, "no ä")


@pytest.mark.parametrize(("status", "interim"), [(b"100", True), (b"199", True), (b"200", False)])
def test_what_comes_before_an_answer_is_told_apart(status, interim):
    assert response_of([(b":status", status), HEAD[1]]).interim is interim


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ([(b":status", b"503")], grpc.StatusCode.UNAVAILABLE, "HTTP status 503"),
        ([(b":status", b"404")], grpc.StatusCode.UNIMPLEMENTED, "HTTP status 404"),
        ([(b":status", b"200")], grpc.StatusCode.UNKNOWN, "content-type is ''"),
        (
            [(b":status", b"200"), (b"content-type", b"text/html")],
            grpc.StatusCode.UNKNOWN,
            "content-type is 'text/html'",
        ),
        (
            [*HEAD, (b"grpc-encoding", b"snappy")],
            grpc.StatusCode.INTERNAL,
            "grpc-encoding of the answer is 'snappy'",
        ),
    ],
)
def test_what_is_no_answer_of_grpc_ends_the_call(headers, code, message):
    ended = response_of(headers).ended

    assert ended.code is code
    assert message in ended.message


def test_trailers_tell_the_end_and_keep_the_details():
    found = trailers_of([(b"grpc-status", b"0"), (b"grpc-status-details-bin", b"AQ"), (b"x", b"1")])

    assert found.ended.code is grpc.StatusCode.OK
    assert metadata_of(found.fields) == (("grpc-status-details-bin", b"\1"), ("x", "1"))


def test_trailers_without_a_status_are_an_unknown_end():
    assert trailers_of([(b"x", b"1")]).ended.code is grpc.StatusCode.UNKNOWN


def test_what_http2_does_not_allow_is_refused():
    with pytest.raises(StreamFailed):
        response_of([(b":status", b"ok")])
    with pytest.raises(StreamFailed):
        trailers_of([(b":status", b"200")])
