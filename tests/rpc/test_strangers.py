"""Who speaks HTTP/2 but not gRPC, and who speaks neither."""

import asyncio

import pytest

from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.lifetime import Lifetimes
from tests.rpc.echo import serving
from tests.rpc.peer import PATIENCE, peer


@pytest.fixture
async def target(echo):
    async with serving("plait", echo) as target:
        yield target


@pytest.fixture
async def one(target):
    async with peer(target) as one:
        yield one


@pytest.mark.parametrize("kind", ["application/json", "application/grpc-web", ""])
@pytest.mark.parametrize("late", [False, True])
async def test_a_content_type_that_is_not_grpcs_is_answered_in_plain_http(one, kind, late):
    stream = one.head("/test.Echo/Unary", ("content-type", kind), end=not late)

    answer = await one.answer(stream)
    if late:
        one.data(stream, b"{}", end=True)

    assert answer.head[":status"] == "415"
    assert answer.head["content-type"] == "text/plain"
    assert answer.head["content-length"] == str(len(answer.data))
    assert b"application/grpc" in answer.data
    assert answer.status is None
    assert await one.echoes()


async def test_a_missing_content_type_is_answered_in_plain_http(one):
    answer = await one.answer(one.head(without="content-type", end=True))

    assert answer.head[":status"] == "415"
    assert await one.echoes()


async def test_get_is_told_what_is_allowed(one):
    answer = await one.answer(one.head("/", (":method", "GET"), end=True))

    assert (answer.head[":status"], answer.head["allow"]) == ("405", "POST")
    assert answer.data == b"gRPC calls are POST requests"
    assert await one.echoes()


async def test_head_is_answered_without_content(one):
    answer = await one.answer(one.head("/", (":method", "HEAD"), end=True))

    assert (answer.head[":status"], answer.data) == ("405", b"")
    assert answer.head["content-length"] == "28"
    assert await one.echoes()


async def test_connect_is_refused(one):
    stream, one.next = one.next, one.next + 2
    head = one.encoder.encode([(":method", "CONNECT"), (":authority", "example:443")])
    one.send(frames.headers(stream, head, end=False, largest=16384))

    assert (await one.answer(stream)).head[":status"] == "405"
    assert await one.echoes()


async def test_an_unknown_method_is_unimplemented_and_its_data_do_no_harm(one):
    stream = one.head("/test.Echo/Nothing")
    answer = await one.answer(stream)
    one.data(stream, b"\0\0\0\0\1x", end=True)

    assert (answer.head[":status"], answer.status) == ("200", "12")
    assert answer.message == "Method not found!"
    assert await one.echoes()


async def test_a_malformed_request_ends_its_stream_only(one):
    stream = one.head("/test.Echo/Unary", ("Upper", "case"), end=True)

    assert (await one.answer(stream)).reset is ErrorCode.PROTOCOL_ERROR
    assert await one.echoes()


async def test_http1_is_answered_in_http1(target):
    async with peer(target, greets=False) as one:
        one.send(b"GET /test.Echo/Unary HTTP/1.1\r\nhost: a\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            answer = await one.reader.read()

    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert text == b"This port speaks HTTP/2 only.\n"


@pytest.mark.parametrize(
    "begin", [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\0" * 30, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"]
)
async def test_who_does_not_begin_as_http2_does_is_told_and_left(target, begin):
    async with peer(target, greets=False) as one:
        one.send(begin)

        assert (await one.goaway())[0] is ErrorCode.PROTOCOL_ERROR

    async with peer(target) as another:
        assert await another.echoes()


async def test_who_does_not_begin_at_all_is_left(echo):
    quick = Lifetimes(greeting=0.0)
    async with serving("plait", echo, lifetimes=quick) as target:
        async with peer(target, greets=False) as silent:
            assert await silent.ended()
        async with peer(target, greets=False) as slow:
            slow.send(frames.PREFACE[:20])
            assert await slow.ended()


async def test_settings_that_mean_nothing_here_are_passed_over(target):
    async with peer(target, {0x8: 1, 0x9: 1, 0xFFFF: 12345}) as one:
        assert await one.echoes()


async def test_a_client_that_pads_and_prioritizes_is_understood(one):
    stream, one.next = one.next, one.next + 2
    head = one.encoder.encode(
        [
            *((":method", "POST"), (":scheme", "http"), (":path", "/test.Echo/Unary")),
            ("content-type", "application/grpc"),
        ]
    )
    flags = frames.END_HEADERS | frames.PADDED | frames.PRIORITY
    one.send(
        frames.frame(1, flags, stream, b"\x03" + b"\0\0\0\0\x10" + head + b"\0" * 3),
        frames.frame(2, 0, stream, b"\0\0\0\0\x10"),
        frames.frame(0, frames.PADDED | frames.END_STREAM, stream, b"\x02\0\0\0\0\1x\0\0"),
    )

    assert (await one.answer(stream)).data == b"\0\0\0\0\5re: x"
