"""What the head of a call says."""

import grpc
import pytest

from plait.rpc.handled import handled_of
from plait.rpc.http2.errors import StreamFailed
from plait.rpc.request import Refusal, request_of


async def act(request, context):
    return request


HANDLED = handled_of("/a/B", grpc.unary_unary_rpc_method_handler(act))
HEAD = {
    b":method": b"POST",
    b":scheme": b"http",
    b":path": b"/a/B",
    b"content-type": b"application/grpc",
}


def read(**changes):
    """Read a head with changes; a value of None leaves a header out."""
    named = {name.replace("_", "-").encode(): value for name, value in changes.items()}
    path = {b":" + k: v for k, v in named.items() if k in (b"path", b"method")}
    fields = {k: v for k, v in named.items() if k not in (b"path", b"method")}
    headers = {**HEAD, **path, **fields}
    return request_of([(k, v) for k, v in headers.items() if v is not None], {b"/a/B": HANDLED})


def test_a_registered_method_is_found():
    assert read().handled is HANDLED
    assert read(path=b"/a/C").handled is None
    assert read(path=b"/a/C").path == "/a/C"


@pytest.mark.parametrize(
    "kind", [b"application/grpc", b"application/grpc+proto", b"application/grpc;charset=utf-8"]
)
def test_what_grpc_speaks_is_a_call(kind):
    assert read(content_type=kind).refusal is None


@pytest.mark.parametrize(
    "kind", [None, b"", b"application/json", b"application/grpc-web", b"application/grpcx"]
)
def test_what_grpc_does_not_speak_is_refused(kind):
    assert read(content_type=kind).refusal == Refusal(
        415, "gRPC calls have the content-type application/grpc"
    )


@pytest.mark.parametrize(("method", "silent"), [(b"GET", False), (b"HEAD", True)])
def test_a_method_that_is_not_post_is_refused(method, silent):
    assert read(method=method).refusal == Refusal(405, "gRPC calls are POST requests", silent)


def test_a_timeout_is_read():
    assert read(grpc_timeout=b"1500m").timeout == 1.5
    assert read().timeout is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grpc_timeout": b"0S"}, grpc.StatusCode.DEADLINE_EXCEEDED),
        ({"grpc_timeout": b"1"}, grpc.StatusCode.INTERNAL),
        ({"grpc_encoding": b"snappy"}, grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_a_call_may_be_over_before_it_begins(changes, code):
    assert read(**changes).ended.code is code


def test_how_messages_are_packed_is_read():
    request = read(grpc_encoding=b"gzip", grpc_accept_encoding=b"gzip, deflate,,x")

    assert request.ended is None
    assert request.encoding == b"gzip"
    assert request.accepts == {b"identity", b"gzip", b"deflate", b"x"}
    assert read().accepts == {b"identity"}


def test_what_http2_does_not_allow_is_no_request():
    with pytest.raises(StreamFailed):
        read(connection=b"close")
