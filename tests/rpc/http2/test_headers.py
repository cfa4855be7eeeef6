"""What a header list must be."""

import pytest

from plait.rpc.http2.errors import ErrorCode, StreamFailed
from plait.rpc.http2.headers import NO_LENGTH, check_fields, request_head, response_head

REQUEST = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a"), (b":authority", b"b")]


def test_a_request_is_told_apart_into_pseudo_headers_and_fields():
    head = request_head([*REQUEST, (b"te", b"trailers"), (b"x", b"1")])

    assert head.pseudo == dict(REQUEST)
    assert head.fields == [(b"te", b"trailers"), (b"x", b"1")]
    assert head.length == NO_LENGTH


def test_a_response_has_a_status():
    head = response_head([(b":status", b"200"), (b"x", b"1"), (b"content-length", b"7")])

    assert (head.pseudo, head.length) == ({b":status": b"200"}, 7)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        REQUEST[1:],
        [REQUEST[0], *REQUEST[2:]],
        [*REQUEST[:2], *REQUEST[3:]],
        [*REQUEST[:2], (b":path", b""), REQUEST[3]],
        [*REQUEST, REQUEST[0]],
        [*REQUEST, (b":status", b"200")],
        [*REQUEST, (b":unknown", b"a")],
        [*REQUEST, (b"x", b"1"), (b":late", b"a")],
    ],
    ids=["nothing", "method", "scheme", "path", "empty", "twice", "status", "unknown", "late"],
)
def test_a_request_without_its_pseudo_headers_is_malformed(headers):
    with pytest.raises(StreamFailed) as refused:
        request_head(headers)

    assert refused.value.code is ErrorCode.PROTOCOL_ERROR


def test_connect_has_neither_scheme_nor_path():
    assert request_head([(b":method", b"CONNECT"), (b":authority", b"a")]).fields == []


@pytest.mark.parametrize(
    "headers",
    [[], [(b":status", b"20")], [(b":status", b"abc")], [(b":status", b"200"), (b":path", b"/")]],
)
def test_a_response_without_a_status_is_malformed(headers):
    with pytest.raises(StreamFailed, match="PROTOCOL_ERROR"):
        response_head(headers)


@pytest.mark.parametrize(
    "field",
    [
        (b"Upper", b"a"),
        (b"", b"a"),
        (b"a b", b"a"),
        (b"a\x80", b"a"),
        (b":path", b"/"),
        (b"connection", b"close"),
        (b"proxy-connection", b"a"),
        (b"keep-alive", b"a"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"a"),
        (b"te", b"gzip"),
        (b"x", b" a"),
        (b"x", b"a\t"),
        (b"x", b"a\nb"),
        (b"x", b"a\rb"),
        (b"x", b"a\0b"),
        (b"content-length", b"-1"),
        (b"content-length", b"1" * 20),
    ],
)
def test_a_field_that_is_not_allowed_is_malformed(field):
    with pytest.raises(StreamFailed, match="PROTOCOL_ERROR"):
        check_fields([field])


def test_fields_that_are_allowed_pass():
    fields = [(b"te", b"Trailers"), (b"x", b""), (b"y", b"a b"), (b"z", b"\x80\xff")]

    assert check_fields(fields) == NO_LENGTH


def test_content_length_may_come_twice_only_if_it_says_the_same():
    assert check_fields([(b"content-length", b"5"), (b"content-length", b"5")]) == 5
    with pytest.raises(StreamFailed, match="two values"):
        check_fields([(b"content-length", b"5"), (b"content-length", b"6")])
