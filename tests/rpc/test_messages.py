"""A stream of messages, between two ends in memory."""

import asyncio
import gzip

import pytest

from plait.rpc.framing import GZIP, MessageBroken, MessageTooLarge, framed
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.http2.settings import Settings
from plait.rpc.messages import CallOver, MessageStream
from tests.rpc.http2.ends import REQUEST, RESPONSE, End, exchange


class Hearing(MessageStream):
    """Takes in what comes, as calls do."""

    def on_head(self, head, *, end):
        self.complete = end

    def on_data(self, data, *, end):
        self.take_in(data, end=end)

    def on_trailers(self, trailers):
        self.finish_taking()


class Side(End):
    """An end whose streams carry messages."""

    largest = 100_000
    largest_sent = 2**32 - 1

    def accept(self, stream_id):
        stream = self.streams[stream_id] = self.stream(stream_id)
        return stream

    def stream(self, stream_id):
        return Hearing(
            self.connection, stream_id, largest=self.largest, largest_sent=self.largest_sent
        )

    def begin(self):
        stream = self.stream(self.connection.next_stream())
        self.connection.open(stream)
        stream.send_head(REQUEST)
        return stream


class Both:
    """A stream, as its two ends see it."""

    def __init__(self, **how) -> None:
        self.client, self.server = Side(server=False), Side(server=True, **how)
        self.client.connection.start()
        self.server.connection.start()
        self.here = self.client.begin()
        self.carry()
        self.there = self.server.streams[1]

    def carry(self):
        exchange(self.client, self.server)

    def send(self, data, *, end=False):
        """Send bytes that need be no message."""
        self.here.send_data(data, end=end)
        self.carry()


@pytest.fixture
async def two():
    return Both()


async def test_messages_are_read_in_their_order_and_then_none(two):
    for message in (b"a", b"", b"c" * 1000):
        await two.here.write_message(message)
    two.here.send_message(b"last", end=True)
    two.carry()

    assert [await two.there.next_message() for _ in range(5)] == [
        *(b"a", b"", b"c" * 1000),
        *(b"last", None),
    ]


async def test_a_reader_waits_for_a_message(two):
    reading = asyncio.ensure_future(two.there.next_message())
    await asyncio.sleep(0)
    assert not reading.done()

    two.send(framed(b"a"))

    assert await reading == b"a"


async def test_two_readers_get_a_message_each(two):
    reading = [asyncio.ensure_future(two.there.next_message()) for _ in range(2)]
    await asyncio.sleep(0)

    two.send(framed(b"a") + framed(b"b"))

    assert sorted(await asyncio.gather(*reading)) == [b"a", b"b"]


async def test_a_reader_who_gives_up_leaves_the_other_in_peace(two):
    first, second = (asyncio.ensure_future(two.there.next_message()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)

    two.send(framed(b"a"))

    assert await second == b"a"


async def test_an_end_in_the_middle_of_a_message_is_broken(two):
    two.send(framed(b"abc")[:-1], end=True)

    with pytest.raises(MessageBroken, match="in the middle"):
        await two.there.next_message()


async def test_trailers_end_the_messages(two):
    two.send(framed(b"abc"))
    two.here.send_trailers([(b"a", b"b")])
    two.carry()

    assert [await two.there.next_message() for _ in range(2)] == [b"abc", None]


async def test_a_message_that_is_too_large_is_told_to_the_reader(two):
    two.send(b"\0" + (100_001).to_bytes(4))

    with pytest.raises(MessageTooLarge, match=r"100001 vs\. 100000"):
        await two.there.next_message()


async def test_what_follows_a_broken_message_means_nothing(two):
    two.send(b"\x07" + framed(b"x"))
    two.send(framed(b"good"))

    assert two.there.broken()
    assert two.there.waiting_messages() == 0
    with pytest.raises(MessageBroken):
        await two.there.next_message()


async def test_what_follows_a_broken_message_takes_no_window_from_others(two):
    two.send(b"\x07\0\0\0\0")

    two.send(b"x" * 1_000_000)

    assert two.here.waiting_bytes == 0


async def test_a_stream_that_is_cut_off_is_not_taken_for_complete(two):
    two.send(framed(b"a"))
    two.here.reset(ErrorCode.CANCEL)
    two.carry()

    assert await two.there.next_message() == b"a"
    with pytest.raises(CallOver):
        await two.there.next_message()


async def test_a_reader_who_waits_hears_of_the_end(two):
    reading = asyncio.ensure_future(two.there.next_message())
    await asyncio.sleep(0)

    two.server.connection.lost(ErrorCode.CANCEL)

    with pytest.raises(CallOver):
        await reading


@pytest.mark.parametrize(
    ("data", "only"),
    [(b"", None), (framed(b"a"), b"a"), (framed(b"a") + framed(b"b"), None)],
)
async def test_one_message_is_told_from_none_and_from_two(two, data, only):
    two.send(data, end=True)

    assert two.there.only_message() == only


async def test_a_broken_message_is_not_none(two):
    two.send(b"\x07\0\0\0\0", end=True)

    with pytest.raises(MessageBroken):
        two.there.only_message()


async def test_a_piece_of_a_message_makes_a_stream_stale(two):
    assert two.there.is_fresh()

    two.send(framed(b"abc")[:-1])

    assert not two.there.is_fresh()
    two.send(b"c")
    assert not two.there.is_fresh()
    await two.there.next_message()
    assert two.there.is_fresh()


async def test_compressed_messages_are_read_as_was_agreed_on(two):
    two.there.expect(GZIP)
    packed = gzip.compress(b"a" * 500)

    two.send(b"\1" + len(packed).to_bytes(4) + packed + framed(b"plain"), end=True)

    assert await two.there.next_message() == b"a" * 500
    assert await two.there.next_message() == b"plain"


@pytest.mark.parametrize(("plain", "flag"), [(False, 1), (True, 0)])
async def test_a_message_may_be_left_as_it_is_where_others_are_compressed(two, plain, flag):
    two.client.sent()
    two.here.encoding = GZIP

    two.here.send_message(b"a" * 500, plain=plain)

    assert two.client.sent()[9] == flag


@pytest.mark.parametrize("size", [10, 11])
async def test_a_message_may_be_as_large_as_may_be_sent(two, size):
    stream = MessageStream(two.client.connection, 99, largest=10, largest_sent=10)

    if size > 10:
        with pytest.raises(MessageTooLarge, match=r"sent message larger than max \(11 vs\. 10\)"):
            stream.send_message(b"x" * size)
    else:
        stream.send_message(b"x" * size)


# Memory is bounded.


async def test_a_reader_who_does_not_read_stops_the_sender(two):
    for _ in range(100):
        two.here.send_message(b"x" * 10_000)
    two.carry()

    assert two.here.waiting_bytes > 500_000
    read = 0
    while read < 100:
        assert await two.there.next_message() == b"x" * 10_000
        read += 1
        two.carry()
    assert two.here.waiting_bytes == 0


async def test_empty_messages_count_as_well(two):
    for _ in range(100_000):
        two.here.send_message(b"")
    two.carry()

    assert two.there.waiting_messages() < 30_000
    assert two.here.waiting_bytes > 0


async def test_a_message_that_is_larger_than_a_window_comes_whole(two):
    two.here.send_message(b"x" * 100_000)
    two.carry()

    assert await two.there.next_message() == b"x" * 100_000


async def test_a_writer_waits_while_much_waits_before_it(two):
    await two.here.write_message(b"x" * 60_000)
    writing = asyncio.ensure_future(two.here.write_message(b"x" * 99_000))
    await asyncio.sleep(0)
    assert not writing.done()

    two.carry()
    await two.there.next_message()
    two.carry()
    await writing


async def test_two_writers_wait_and_both_go_on():
    two = Both(ours=Settings(initial_window_size=0))
    writing = [asyncio.ensure_future(two.here.write_message(b"x" * 70_000)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in writing)

    two.client.connection.send_left = 200_000
    two.client.connection.widen_stream(two.here, 200_000)

    await asyncio.gather(*writing)


async def test_a_writer_waits_while_much_waits_on_all_streams():
    two = Both(ours=Settings(initial_window_size=0))
    for _ in range(17):
        two.client.begin().send_message(b"x" * 2**20)

    writing = asyncio.ensure_future(two.here.write_message(b"x"))
    await asyncio.sleep(0)
    assert not writing.done()
    two.client.connection.widen_stream(two.here, 200)

    await writing


async def test_a_writer_who_waits_hears_of_the_end():
    two = Both(ours=Settings(initial_window_size=0))
    writing = asyncio.ensure_future(two.here.write_message(b"x" * 70_000))
    await asyncio.sleep(0)

    two.client.connection.lost(ErrorCode.CANCEL)

    with pytest.raises(CallOver):
        await writing


async def test_nothing_can_be_sent_after_the_end(two):
    two.here.send_message(b"a", end=True)

    with pytest.raises(CallOver):
        two.here.send_message(b"b")


async def test_a_writer_of_many_messages_lets_others_have_their_turn(two):
    two.client.connection.receive(b"")
    two.here.send_left = two.client.connection.send_left = 2**30
    turns = []
    asyncio.get_running_loop().call_soon(turns.append, "another")

    for _ in range(200):
        await two.here.write_message(b"x")

    assert turns == ["another"]


async def test_what_nobody_reads_is_given_back_when_the_stream_ends(two):
    for _ in range(10):
        two.here.send_message(b"x" * 10_000)
    two.carry()
    before = two.server.connection._window._left + two.server.connection._window._owed
    assert two.there._held > 0

    two.there.send_head(RESPONSE, end=True)
    two.there.reset(ErrorCode.NO_ERROR)
    after = two.server.connection._window._left + two.server.connection._window._owed

    assert after > before
