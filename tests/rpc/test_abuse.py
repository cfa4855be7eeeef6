"""What a peer can do to a server on purpose: each is answered or ended, and hurts nobody else."""

import asyncio
import socket
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from plait.rpc.framing import framed
from plait.rpc.http2 import frames
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.frames import Type
from tests.rpc.abused import MIB, Abused, abused
from tests.rpc.peer import Peer, peer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

CALM = ErrorCode.ENHANCE_YOUR_CALM
HEAD = b"\x83\x86\x44\x10/test.Echo/Unary\x5f\x10application/grpc"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with abused(tmp_path_factory.mktemp("abused")) as server:
        yield server


@asynccontextmanager
async def unharmed(server: Abused, *, most: int = 32 * MIB, **how) -> AsyncIterator[Peer]:
    """Open a connection to do harm on; another one is answered meanwhile, and memory is bounded."""
    async with peer(server.target) as bystander:
        assert await bystander.echoes()
        before, over = server.forget_peak(), asyncio.Event()
        watching = asyncio.ensure_future(watch(bystander, over))
        try:
            async with peer(server.target, **how) as one:
                yield one
        finally:
            over.set()
            answered = await watching
        assert await bystander.echoes()
    assert answered
    assert server.peak() - before < most


async def watch(bystander: Peer, over: asyncio.Event) -> int:
    """Call again and again until all is over; return how many calls were answered."""
    count = 0
    while not over.is_set():
        assert await bystander.echoes()
        count += 1
    return count


async def flood(one: Peer, data: bytes, times: int) -> None:
    """Send the same bytes again and again, as fast as the server takes them."""
    try:
        for _ in range(times):
            one.send(data)
            await one.writer.drain()
    except ConnectionError:
        return  # the server has had enough


def heads(
    first: int, count: int, *, end: bool, head: bytes = HEAD, then=lambda stream: b""
) -> bytes:
    """Return the heads of calls, each with what follows it."""
    return b"".join(
        frames.headers(stream, head, end=end, largest=16384) + then(stream)
        for stream in range(first, first + 2 * count, 2)
    )


# Floods.


@pytest.mark.parametrize(
    ("then", "end"),
    [
        (lambda stream: frames.reset(stream, ErrorCode.CANCEL), True),
        (lambda stream: frames.window_update(stream, 0), True),
        (lambda stream: frames.frame(Type.PRIORITY, 0, stream, b"1234"), False),
        (lambda stream: frames.frame(0, frames.END_STREAM, stream) * 2, True),
    ],
    ids=["rapid reset", "a window of nothing", "half a priority", "data after the end"],
)
async def test_streams_that_end_early_end_the_connection(server, then, end):
    async with unharmed(server) as one:
        sending = asyncio.ensure_future(flood(one, heads(1, 2000, end=end, then=then), 1))
        code, why = await one.goaway()
        await sending

        assert code is CALM
        assert why == b"too many streams end early"
        assert server.lines(one) == [
            "connection ended: ENHANCE_YOUR_CALM: too many streams end early"
        ]


NUISANCES = {
    "PING frames": frames.ping(b"12345678"),
    "answers to no PING": frames.ping(b"12345678", ack=True),
    "SETTINGS frames": frames.settings({}),
    "answers to no SETTINGS": frames.settings_ack(),
    "PRIORITY frames": frames.frame(2, 0, 1, b"\0\0\0\0\x10"),
    "WINDOW_UPDATE frames": frames.window_update(1, 1),
    "empty DATA frames": frames.frame(0, 0, 1),
    "frames of unknown types": frames.frame(0xBE, 0, 0, b"x" * 100),
    "GOAWAY frames": frames.goaway(0, ErrorCode.NO_ERROR),
}


@pytest.mark.parametrize("name", NUISANCES)
async def test_frames_that_carry_no_call_end_the_connection(server, name):
    async with unharmed(server) as one:
        one.head()
        sending = asyncio.ensure_future(flood(one, NUISANCES[name] * 500, 8))
        code, why = await one.goaway()
        await sending

        assert code is CALM
        said = b"too_many_pings" if name == "PING frames" else f"too many {name}".encode()
        assert why == said
        assert len(server.lines(one)) == 1


async def test_a_flood_that_goes_on_is_cut_off(server):
    async with unharmed(server) as one:
        await flood(one, frames.ping(b"12345678") * 5000, 1000)

        assert await one.ended()
        assert len(server.lines(one)) == 1


@pytest.mark.parametrize("size", [0, 1000, 16_000])
async def test_a_header_block_without_an_end_ends_the_connection(server, size):
    async with unharmed(server) as one:
        one.send(frames.frame(Type.HEADERS, 0, 1, HEAD))
        endless = frames.frame(Type.CONTINUATION, 0, 1, b"\0" * size)
        sending = asyncio.ensure_future(flood(one, endless, 50))

        assert await one.goaway() == (CALM, b"a header block is too long")
        await sending
        assert len(server.lines(one)) == 1


async def test_an_hpack_bomb_ends_the_connection(server):
    async with unharmed(server) as one:
        entry = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000
        one.send(frames.headers(1, HEAD + entry + b"\xbe" * 12_000, end=True, largest=2**14))

        code, why = await one.goaway()

        assert code is CALM
        assert why.startswith(b"a header list of more than")
        assert len(server.lines(one)) == 1


async def test_heads_that_are_too_large_end_their_streams_and_then_the_connection(server):
    async with unharmed(server) as one:
        large = (
            HEAD
            + b"\x00\x01a\x7f\xa1\x1e"
            + b"x" * 4000
            + (b"\x00\x01b\x7f\xa1\x1e" + b"y" * 4000) * 4
        )
        block = [
            frames.headers(stream, large, end=True, largest=2**14) for stream in range(1, 2001, 2)
        ]
        sending = asyncio.ensure_future(flood(one, b"".join(block), 1))
        reset = await one.until(Type.RST_STREAM)

        assert int.from_bytes(reset.payload) == CALM
        assert await one.goaway() == (CALM, b"too many streams end early")
        await sending


async def test_a_frame_that_announces_16_mebibytes_ends_the_connection(server):
    async with unharmed(server) as one:
        one.send(b"\xff\xff\xff\0\0\0\0\0\1")

        assert (await one.goaway())[0] is ErrorCode.FRAME_SIZE_ERROR


# What a peer makes a server hold.


async def test_answers_that_nobody_lets_out_are_bounded(server):
    async with unharmed(server, most=128 * MIB, settings={4: 0}) as one:
        one.send(frames.window_update(0, 2**31 - 65_536))
        streams = [one.call(b"large 1048576") for _ in range(400)]
        await one.until(Type.HEADERS)
        one.send(frames.ping(b"whatever"))
        await one.until(Type.PING)
        late = one.call(b"hello")  # it waits behind them, until they are given up
        for stream in streams:
            one.send(frames.reset(stream, ErrorCode.CANCEL))
        one.send(frames.window_update(late, 100))

        assert (await one.answer(late)).data == framed(b"re: hello")


async def test_streams_of_answers_that_nobody_lets_out_are_bounded(server):
    async with unharmed(server, most=64 * MIB, settings={4: 0}) as one:
        for _ in range(200):
            one.call(b"1000 100000", "/test.Echo/Down")
        one.send(frames.ping(b"whatever"))
        await one.until(Type.PING)


async def test_a_peer_that_lets_answers_dribble_is_ended(server):
    async with unharmed(server, settings={4: 0}) as one:
        one.send(frames.window_update(0, 2**20))
        stream = one.call(b"large 1048576")
        sending = asyncio.ensure_future(flood(one, frames.window_update(stream, 1) * 500, 8))

        assert await one.goaway() == (CALM, b"too many WINDOW_UPDATE frames")
        await sending


async def test_a_peer_that_asks_and_does_not_read_is_dropped(server):
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = server.target.split(":")
    narrow.connect((host, int(port)))
    head = HEAD + b"\x00\x0dgrpc-encoding\x32" + b"x" * 50
    async with unharmed(server, sock=narrow, limit=1024) as one:
        one.writer.transport.pause_reading()
        for first in range(1, 200_001, 2000):
            await flood(one, heads(first, 1000, end=True, head=head), 1)

        assert server.lines(one) == ["connection dropped: it does not read what it asks for"]


async def test_answers_that_nobody_takes_off_the_socket_are_bounded(server):
    async with unharmed(server, settings={4: 2**31 - 1}, limit=1024) as one:
        one.send(frames.window_update(0, 2**31 - 65_536))
        for _ in range(20):
            one.call(b"10000 10000", "/test.Echo/Down")
        await one.until(Type.HEADERS)
        async with peer(server.target) as another:
            for _ in range(50):
                assert await another.echoes()


async def test_a_message_in_pieces_of_a_byte_is_no_larger_than_in_one(server):
    async with unharmed(server, most=16 * MIB) as one:
        stream = one.head("/test.Echo/Up")
        one.data(stream, b"\0" + (2**20).to_bytes(4))
        for _ in range(100):
            one.send(frames.frame(0, 0, stream, b"x") * 2000)
            await one.writer.drain()
        one.send(frames.ping(b"whatever"))
        while (await one.until(Type.PING)).payload != b"whatever":
            pass


async def test_messages_that_a_handler_does_not_read_are_bounded(server):
    async with unharmed(server, most=16 * MIB) as one:
        stream = one.head("/test.Echo/Up")
        one.data(stream, framed(b"hang"))
        sent, window = 0, 65_536
        while sent + 5 * 3000 < window:
            one.data(stream, framed(b"") * 3000)
            sent += 5 * 3000
        one.send(frames.ping(b"whatever"))
        while (await one.until(Type.PING)).payload != b"whatever":
            pass


async def test_a_message_that_inflates_beyond_the_limit_is_refused_while_inflating(server):
    machine = zlib.compressobj(wbits=31)
    bomb = machine.compress(bytes(200 * MIB)) + machine.flush()
    async with unharmed(server, most=24 * MIB) as one:
        stream = one.head("/test.Echo/Unary", ("grpc-encoding", "gzip"))
        data = b"\1" + len(bomb).to_bytes(4) + bomb
        for start in range(0, 60_000, 15_000):
            one.data(stream, data[start : start + 15_000])
        await one.until(Type.WINDOW_UPDATE)
        rest = data[60_000:]
        for start in range(0, len(rest), 15_000):
            one.data(stream, rest[start : start + 15_000])
            await one.writer.drain()

        answer = await one.answer(stream)

        assert (answer.status, "once inflated" in answer.message) == ("8", True)


# Those who are slow, or gone.


async def test_who_does_not_begin_is_dropped(server):
    async with unharmed(server, greets=False) as one:
        assert await one.ended()
        assert len(server.lines(one)) == 1


async def test_who_does_not_finish_a_header_block_is_dropped(server):
    async with unharmed(server) as one:
        one.send(frames.frame(Type.HEADERS, 0, 1, HEAD[:5]))

        assert await one.ended()
        assert len(server.lines(one)) == 1


async def test_who_is_gone_without_a_word_is_dropped(server):
    async with unharmed(server) as one:
        one.call(b"hang")

        assert await one.ended()  # it is asked by a PING, and never answers
        assert len(server.lines(one)) == 1
