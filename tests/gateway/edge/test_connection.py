"""The client's end of a request, against a scripted server side of ASGI."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from plait.errors import Error, InvalidArgument, Unavailable
from plait.gateway.edge.connection import ClientGone, Connection
from plait.gateway.edge.http import Response, Stream
from plait.gateway.errors import BodyTimedOut, BodyTooLarge
from tests.gateway.live import eventually

BOUND = 10.0


class Peer:
    """The server side of ASGI: gives the body in pieces, takes what is sent."""

    def __init__(self, *pieces: bytes, leaves: bool = False, headers=()) -> None:
        self.pieces = list(pieces)
        self.leaves = leaves
        self.headers = list(headers)
        self.sent: list[dict] = []
        self.gone = asyncio.Event()
        self.blocked: asyncio.Event | None = None
        self.received = 0

    async def receive(self) -> dict:
        if self.pieces:
            piece = self.pieces.pop(0)
            self.received += 1
            more = bool(self.pieces) or self.leaves
            return {"type": "http.request", "body": piece, "more_body": more}
        if not self.leaves:
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        if self.blocked is not None and message["type"] == "http.response.body":
            await self.blocked.wait()
        self.sent.append(message)

    def connection(self, **times: float) -> Connection:
        times = {"body_pause": BOUND, "write_pause": BOUND, "heartbeat": BOUND} | times
        return Connection({"headers": self.headers}, self.receive, self.send, **times)

    @property
    def body(self) -> bytes:
        return b"".join(each.get("body", b"") for each in self.sent)

    @property
    def is_complete(self) -> bool:
        return self.sent[-1].get("more_body") is False


def stream_of(chunks: AsyncIterator[bytes], *, idle: bytes = b"", last: bytes | None = b"!"):
    closed: list[bool] = []

    async def close() -> None:
        closed.append(True)

    stream = Stream(chunks=chunks, broken=lambda error: last, close=close, idle=idle)
    return Response(status=200, stream=stream), closed


async def gives(*chunks: bytes, error: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def test_a_body_is_read_whole_or_in_pieces():
    whole, pieces = Peer(b"ab", b"", b"cd").connection(), Peer(b"ab", b"", b"cd").connection()

    assert await whole.read(10, BOUND) == b"abcd"
    assert [piece async for piece in pieces.chunks(10, BOUND)] == [b"ab", b"cd"]
    await whole.close()
    await pieces.close()


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False)])
async def test_a_body_is_bounded_while_it_is_read(size, fits):
    connection = Peer(b"x" * (size - 1), b"x").connection()

    if fits:
        assert len(await connection.read(10, BOUND)) == size
    else:
        with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
            await connection.read(10, BOUND)
    await connection.close()


async def test_a_body_that_says_that_it_is_too_large_is_not_even_begun():
    peer = Peer(b"x" * 11, headers=[(b"content-length", b"11")])

    with pytest.raises(BodyTooLarge):
        await peer.connection().read(10, BOUND)

    assert peer.received == 0


async def test_a_body_that_stops_is_timed_out():
    class Stops(Peer):
        async def receive(self):
            await asyncio.Event().wait()

    with pytest.raises(BodyTimedOut) as refused:
        await Stops().connection(body_pause=0.01).read(10, BOUND)

    assert refused.value.http == 408


class Trickles(Peer):
    """Gives a byte whenever it is asked for one, without an end."""

    async def receive(self):
        self.received += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}


@pytest.mark.parametrize("within", [0.0, 0.05])
async def test_a_body_that_trickles_is_timed_out_though_it_never_pauses(within):
    peer = Trickles()

    async with asyncio.timeout(BOUND):
        with pytest.raises(BodyTimedOut, match=f"not complete after {within:g} s"):
            await peer.connection(body_pause=BOUND).read(10**9, within)

    assert peer.received >= 1


async def test_a_stream_that_trickles_is_timed_out_too():
    pieces = Trickles().connection(body_pause=BOUND).chunks(10**9, 0.05)

    async with asyncio.timeout(BOUND):
        with pytest.raises(BodyTimedOut, match="not complete"):
            [piece async for piece in pieces]


async def test_a_body_that_is_complete_in_time_is_not_timed_out():
    connection = Peer(b"ab", b"c").connection(body_pause=BOUND)

    assert await connection.read(10, BOUND) == b"abc"
    await connection.close()


async def test_a_client_that_leaves_within_its_body_is_gone():
    connection = Peer(b"ab", leaves=True).connection()

    with pytest.raises(ClientGone):
        await connection.read(10, BOUND)

    assert connection.gone
    assert asyncio.current_task().cancelling() == 0


async def test_a_client_that_leaves_after_its_body_cancels_what_is_done_for_it():
    peer = Peer(b"ab")
    begun = asyncio.Event()

    async def work() -> Connection:
        connection = peer.connection()
        await connection.read(10, BOUND)
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await connection.close()
        return connection

    working = asyncio.create_task(work())
    await begun.wait()
    peer.gone.set()

    async with asyncio.timeout(BOUND):
        assert (await working).gone


async def test_an_answer_is_its_head_and_its_body():
    peer = Peer(b"")
    connection = peer.connection()
    await connection.read(1, BOUND)

    await connection.write(Response(status=200, headers=(("x-a", "1"),), body=b"hello"))
    await connection.close()

    assert peer.sent[0]["status"] == 200
    assert peer.sent[0]["headers"] == [(b"x-a", b"1"), (b"content-length", b"5")]
    assert peer.body == b"hello"
    assert peer.is_complete


async def test_head_and_204_have_no_body():
    for response, head, length in (
        (Response(status=200, body=b"hello"), True, [(b"content-length", b"5")]),
        (Response(status=204), False, []),
        (Response(status=304, body=b"x"), False, []),
    ):
        peer = Peer(b"")
        connection = peer.connection()
        await connection.write(response, head=head)
        await connection.close()

        assert peer.body == b""
        assert peer.sent[0]["headers"] == length


async def test_a_control_character_cannot_break_out_of_a_header():
    peer = Peer(b"")
    connection = peer.connection()

    await connection.write(Response(status=200, headers=(("x-a", "1\r\nx-b: 2"), ("x-c", "ä→"))))
    await connection.close()

    assert dict(peer.sent[0]["headers"])[b"x-a"] == b"1  x-b: 2"
    assert dict(peer.sent[0]["headers"])[b"x-c"] == b"\xe4?"


async def test_a_refused_body_is_taken_to_its_end_so_that_the_answer_is_seen():
    peer = Peer(*[b"x"] * 50)
    connection = peer.connection()

    with pytest.raises(BodyTooLarge):
        await connection.read(3, BOUND)
    await connection.write(Response(status=413))
    await connection.close()

    assert peer.received == 50


async def test_a_client_that_waits_for_100_is_answered_at_once():
    peer = Peer(b"x", headers=[(b"expect", b"100-continue"), (b"content-length", b"999")])
    connection = peer.connection()

    await connection.write(Response(status=413))
    await connection.close()

    assert peer.received == 0
    assert peer.is_complete


async def test_a_stream_is_written_chunk_by_chunk_and_closed():
    peer = Peer(b"")
    response, closed = stream_of(gives(b"a", b"b"))

    await peer.connection().write(response)

    assert [each.get("body") for each in peer.sent[1:]] == [b"a", b"b", b""]
    assert peer.is_complete
    assert closed == [True]


async def test_head_of_a_stream_closes_it_unread():
    peer = Peer(b"")
    response, closed = stream_of(gives(b"a"))

    await peer.connection().write(response, head=True)
    await response.stream.chunks.aclose()

    assert peer.body == b""
    assert closed == [True]


async def test_a_stream_that_breaks_says_so_last():
    peer = Peer(b"")
    connection = peer.connection()
    response, closed = stream_of(gives(b"a", error=InvalidArgument("no", reason="NO")))

    await connection.write(response)

    assert peer.body == b"a!"
    assert peer.is_complete
    assert connection.broken.reason == "NO"
    assert closed == [True]


async def test_a_stream_that_cannot_say_that_it_broke_is_cut():
    peer = Peer(b"")
    response, _ = stream_of(gives(b"a", error=InvalidArgument("no")), last=None)

    await peer.connection().write(response)

    assert peer.body == b"a"
    assert not peer.is_complete


async def test_a_bug_within_a_stream_is_logged_and_said_without_its_text(caplog):
    said: list[Error] = []

    async def close() -> None:
        return

    stream = Stream(
        chunks=gives(b"a", error=KeyError("secret")),
        broken=lambda error: said.append(error) or b"!",
        close=close,
    )

    await Peer(b"").connection().write(Response(status=200, stream=stream))

    assert said[0].reason == "INTERNAL"
    assert any(record.exc_info for record in caplog.records)


async def test_a_quiet_stream_beats_and_a_busy_one_does_not():
    async def quiet() -> AsyncIterator[bytes]:
        yield b"a"
        await eventually(lambda: peer.body.count(b":") >= 2)
        yield b"b"

    peer = Peer(b"")
    response, _ = stream_of(quiet(), idle=b":")

    async with asyncio.timeout(BOUND):
        await peer.connection(heartbeat=0.005).write(response)

    assert peer.body.startswith(b"a:")
    assert peer.body.endswith(b"b")


async def test_a_client_that_reads_nothing_any_more_is_gone():
    peer = Peer(b"")
    peer.blocked = asyncio.Event()
    connection = peer.connection(write_pause=0.01)
    response, closed = stream_of(gives(b"a"))

    with pytest.raises(ClientGone):
        await connection.write(response)

    assert connection.gone
    assert closed == [True]


async def test_a_client_that_takes_no_heartbeat_ends_the_work_for_it():
    peer = Peer(b"")
    entered = asyncio.Event()

    async def quiet() -> AsyncIterator[bytes]:
        peer.blocked = asyncio.Event()
        entered.set()
        await asyncio.Event().wait()
        yield b""

    async def work() -> bool:
        connection = peer.connection(write_pause=0.01, heartbeat=0.01)
        response, _ = stream_of(quiet(), idle=b":")
        try:
            await connection.write(response)
        except asyncio.CancelledError:
            return connection.gone
        return False

    async with asyncio.timeout(BOUND):
        assert await asyncio.create_task(work())


async def test_what_is_broken_off_is_answered_or_ended():
    error = Unavailable("stopping")
    fresh, begun = Peer(b""), Peer(b"")
    connection = fresh.connection()
    await connection.break_off(error, Response(status=503))
    await connection.close()

    assert fresh.sent[0]["status"] == 503

    async def endless() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    async def work() -> None:
        connection = begun.connection()
        response, _ = stream_of(endless())
        try:
            await connection.write(response)
        except asyncio.CancelledError:
            await connection.break_off(error, Response(status=503))

    working = asyncio.create_task(work())
    async with asyncio.timeout(BOUND):
        await eventually(lambda: bool(begun.body))
        working.cancel()
        await working

    assert begun.body == b"a!"
    assert begun.is_complete


async def test_an_answer_that_is_sent_already_is_not_broken_off():
    peer = Peer(b"")
    connection = peer.connection()
    await connection.write(Response(status=200))

    await connection.break_off(Unavailable("stopping"), Response(status=503))
    await connection.close()

    assert [each.get("status") for each in peer.sent if "status" in each] == [200]
