"""Who watches stock is told of what changes, whoever changed it and however slowly they read."""

import asyncio
from contextlib import aclosing

import pytest

from plait.data.resume import InvalidResumeToken, resume_token
from services.inventory.watch import Seen, ServerStopping, StockWatch
from tests.services.inventory.goods import MINUTE, NOW, stock

P1, P2, P3 = "products/p1", "products/p2", "products/p3"


@pytest.fixture(autouse=True)
async def in_time():
    async with asyncio.timeout(30):
        yield


class Shelf:
    """The part of a store that a watch asks; changes as a test wants, told or found out."""

    def __init__(self):
        self.stocks = {}
        self.listeners = []
        self.asked = []
        self.at_find = None

    def listen(self, listener):
        self.listeners.append(listener)

    def set(self, on_hand, product=P1, *, told=True, **more):
        before = self.stocks.get(product)
        usual = {"revision": before.revision + 1 if before else 1}
        self.stocks[product] = stock(on_hand, product=product, **(usual | more))
        if told:
            self.tell(self.stocks[product])

    def tell(self, *stocks):
        for listener in self.listeners:
            listener(stocks)

    async def find(self, products):
        self.asked.append(list(products))
        found = tuple(self.stocks[name] for name in products if name in self.stocks)
        if self.at_find is not None:  # what happens once this has been read
            act, self.at_find = self.at_find, None
            act()
        return found


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def watch(shelf):
    return StockWatch(shelf, interval=1.0)


class Stream:
    """One watcher, read by hand."""

    def __init__(self, watch, products=(P1,), token=""):
        self._inner = watch.watch(products, Seen.of(products, token))
        self.token = token

    async def next(self):
        found, seen = await anext(self._inner)
        self.token = seen.token
        return found.product, found.on_hand

    async def quiet(self):
        """Ask for the next message, and be sure that none comes; returns the question."""
        asked = asyncio.ensure_future(self.next())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asked.done()
        return asked

    async def close(self):
        await self._inner.aclose()


# Changes of this process


async def test_a_stream_begins_with_what_is_there(shelf, watch):
    shelf.set(1, P1)
    shelf.set(2, P2)
    stream = Stream(watch, (P2, P1))

    assert [await stream.next(), await stream.next()] == [(P2, 2), (P1, 1)]
    asked = await stream.quiet()
    asked.cancel()


async def test_a_change_is_told_at_once_and_without_asking_the_database(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    asked = await stream.quiet()
    before = list(shelf.asked)

    shelf.set(7)

    assert await asked == (P1, 7)
    assert shelf.asked == before


async def test_a_product_without_stock_comes_when_it_has_some(shelf, watch):
    stream = Stream(watch)
    asked = await stream.quiet()

    shelf.set(3)

    assert await asked == (P1, 3)


async def test_of_changes_in_quick_succession_the_last_one_is_told(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()

    for number in range(2, 100):
        shelf.set(number)

    assert await stream.next() == (P1, 99)
    asked = await stream.quiet()
    asked.cancel()


async def test_other_products_are_nobody_elses_business(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()

    shelf.set(9, P2)

    asked = await stream.quiet()
    asked.cancel()


async def test_what_is_told_out_of_turn_is_not_taken_for_news(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    older, newer = stock(5, revision=2), stock(6, revision=3)

    shelf.tell(newer)
    shelf.tell(older)

    assert await stream.next() == (P1, 6)
    asked = await stream.quiet()
    asked.cancel()


async def test_a_change_while_the_stream_begins_is_not_lost(shelf, watch):
    shelf.set(1)
    shelf.at_find = lambda: shelf.set(2)
    stream = Stream(watch)

    assert await stream.next() == (P1, 2)
    asked = await stream.quiet()
    asked.cancel()


async def test_a_change_back_to_the_same_numbers_is_a_change(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()

    shelf.set(1)

    assert await stream.next() == (P1, 1)


async def test_every_watcher_is_told(shelf, watch):
    shelf.set(1)
    streams = [Stream(watch) for _ in range(50)]
    await asyncio.gather(*(stream.next() for stream in streams))
    asked = [asyncio.ensure_future(stream.next()) for stream in streams]
    await asyncio.sleep(0)

    shelf.set(2)

    assert await asyncio.gather(*asked) == [(P1, 2)] * 50


async def test_a_watcher_that_does_not_read_holds_names_and_no_stock(shelf, watch):
    shelf.set(1, P1)
    shelf.set(1, P2)
    stream = Stream(watch, (P1, P2))
    await stream.next()

    for number in range(1000):
        shelf.set(number, P1)
        shelf.set(number, P2)

    [watcher] = watch._watchers[P1]
    assert set(watcher.changed) == {P1, P2}
    assert set(watch._latest) == {P1, P2}
    assert {await stream.next(), await stream.next()} == {(P1, 999), (P2, 999)}


# Changes of others


async def test_what_others_have_changed_is_found_by_a_look(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    shelf.set(2, told=False)
    asked = await stream.quiet()

    await watch.look()

    assert await asked == (P1, 2)


async def test_a_first_stock_that_others_have_made_is_found_by_a_look(shelf, watch):
    stream = Stream(watch)
    asked = await stream.quiet()
    shelf.set(2, told=False)

    await watch.look()

    assert await asked == (P1, 2)


async def test_a_look_that_finds_nothing_new_tells_nothing(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()

    await watch.look()

    asked = await stream.quiet()
    asked.cancel()


async def test_a_look_asks_once_for_all_that_is_watched(shelf, watch):
    shelf.set(1, P1)
    shelf.set(2, P2)
    streams = [Stream(watch, (P1,)), Stream(watch, (P1, P2)), Stream(watch, (P2,))]
    for stream in streams:
        await stream.next()
    shelf.asked.clear()

    await watch.look()

    assert [sorted(asked) for asked in shelf.asked] == [[P1, P2]]


async def test_a_look_asks_for_nothing_where_nobody_watches(shelf, watch):
    await watch.look()

    assert shelf.asked == []


async def test_what_is_told_during_a_look_is_not_undone_by_what_it_has_read(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    shelf.at_find = lambda: shelf.set(3)

    await watch.look()

    assert await stream.next() == (P1, 3)
    asked = await stream.quiet()
    asked.cancel()


async def test_a_look_that_has_read_more_than_was_told_meanwhile_is_believed(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    told = stock(2, revision=2)
    shelf.set(3, told=False, revision=3)
    shelf.at_find = lambda: shelf.tell(told)

    await watch.look()

    assert await stream.next() == (P1, 3)


async def test_a_database_that_was_restored_from_a_backup_is_believed(shelf, watch):
    shelf.set(9, revision=50)
    stream = Stream(watch)
    await stream.next()
    shelf.set(4, told=False, revision=20)

    await watch.look()

    assert await stream.next() == (P1, 4)


async def test_who_leaves_during_a_look_is_not_missed(shelf, watch):
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()
    shelf.set(2, told=False)
    leaving = []
    shelf.at_find = lambda: leaving.append(asyncio.ensure_future(stream.close()))

    async def find(products, find=shelf.find):
        found = await find(products)
        await asyncio.gather(*leaving)
        return found

    shelf.find = find
    await watch.look()

    assert (watch._watchers, watch._latest) == ({}, {})


# The chore


class Pauses:
    """Pauses that end when a test says so."""

    def __init__(self):
        self.seconds = []
        self.begun = asyncio.Event()
        self._go = asyncio.Semaphore(0)

    async def sleep(self, seconds):
        self.seconds.append(seconds)
        self.begun.set()
        await self._go.acquire()

    async def end(self):
        """End the pause that is, and wait for the next one."""
        self.begun.clear()
        self._go.release()
        await self.begun.wait()


async def test_looks_follow_each_other_at_the_interval_until_the_end(shelf):
    pauses = Pauses()
    watch = StockWatch(shelf, interval=2.5, sleep=pauses.sleep)
    following = asyncio.ensure_future(watch.follow())
    stream = Stream(watch)
    asked = await stream.quiet()
    shelf.set(4, told=False)

    await pauses.end()
    assert await asked == (P1, 4)
    await pauses.end()

    assert pauses.seconds == [2.5] * 3
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


async def test_a_look_that_fails_is_told_to_who_runs_it_and_ends_no_stream(shelf):
    pauses = Pauses()
    watch = StockWatch(shelf, interval=1.0, sleep=pauses.sleep)
    shelf.set(1)
    stream = Stream(watch)
    await stream.next()

    async def fails(products):
        raise LookupError("no database")

    find, shelf.find = shelf.find, fails
    following = asyncio.ensure_future(watch.follow())
    pauses._go.release()
    with pytest.raises(LookupError):
        await following

    shelf.find = find
    shelf.set(2)
    assert await stream.next() == (P1, 2)


# The end


async def test_all_streams_end_when_the_server_does(shelf):
    watch = StockWatch(shelf, interval=1.0, sleep=Pauses().sleep)
    following = asyncio.ensure_future(watch.follow())
    streams = [Stream(watch, (P1,)), Stream(watch, (P2, P3))]
    asked = [await stream.quiet() for stream in streams]

    following.cancel()

    for each in asked:
        with pytest.raises(ServerStopping) as caught:
            await each
        assert (caught.value.code.name, caught.value.reason) == ("UNAVAILABLE", "SERVER_STOPPING")
    assert (watch._watchers, watch._latest) == ({}, {})


async def test_a_stream_that_begins_when_all_have_ended_ends_too(shelf, watch):
    shelf.set(1)
    watch.close()

    with pytest.raises(ServerStopping):
        await Stream(watch).next()


async def test_who_leaves_leaves_nothing_behind(shelf, watch):
    shelf.set(1, P1)
    stays, goes = Stream(watch, (P1,)), Stream(watch, (P1, P2))
    await stays.next()
    await goes.next()

    await goes.close()

    assert set(watch._watchers) == set(watch._latest) == {P1}
    assert len(watch._watchers[P1]) == 1
    await stays.close()
    assert (watch._watchers, watch._latest) == ({}, {})


async def test_who_is_cancelled_while_waiting_leaves_nothing_behind(shelf, watch):
    asked = await Stream(watch).quiet()

    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    assert watch._watchers == {}


async def test_a_stream_that_cannot_begin_leaves_nothing_behind(shelf, watch):
    async def fails(products):
        raise LookupError("no database")

    shelf.find = fails
    with pytest.raises(LookupError):
        await Stream(watch).next()

    assert watch._watchers == {}


# Tokens


async def test_a_token_goes_on_with_what_has_changed_since(shelf, watch):
    for number, product in enumerate((P1, P2, P3), start=1):
        shelf.set(number, product)
    first = Stream(watch, (P1, P2, P3))
    for _ in range(3):
        await first.next()
    await first.close()
    shelf.set(9, P2)

    second = Stream(watch, (P1, P2, P3), first.token)

    assert await second.next() == (P2, 9)
    asked = await second.quiet()
    asked.cancel()


async def test_a_token_of_the_middle_goes_on_in_the_middle(shelf, watch):
    shelf.set(1, P1)
    shelf.set(2, P2)
    first = Stream(watch, (P1, P2))
    await first.next()
    await first.close()

    second = Stream(watch, (P1, P2), first.token)

    assert await second.next() == (P2, 2)
    asked = await second.quiet()
    asked.cancel()


async def test_a_token_holds_for_the_same_products_in_any_order(shelf, watch):
    shelf.set(1, P1)
    shelf.set(2, P2)
    first = Stream(watch, (P1, P2))
    await first.next()
    await first.next()

    second = Stream(watch, (P2, P1), first.token)

    asked = await second.quiet()
    asked.cancel()


@pytest.mark.parametrize(
    ("products", "token"),
    [
        ((P1,), "none"),
        ((P1,), Seen.of([P2], "").token),
        ((P1,), Seen.of([P1, P2], "").token),
        ((P1, P2), Seen.of([P1], "").token),
        ((P1,), resume_token(bytes(6), "WatchStock")),
        ((P1,), resume_token(bytes(5), f"WatchStock {P1}")),
        ((P1,), resume_token(bytes(7), f"WatchStock {P1}")),
        ((P1,), resume_token(bytes(12), f"WatchStock {P1}")),
    ],
)
def test_a_token_of_another_stream_is_refused(products, token):
    with pytest.raises(InvalidResumeToken):
        Seen.of(products, token)


def test_a_hundred_products_fit_into_a_token():
    names = [f"products/{'p' * 59}{number:03}" for number in range(100)]
    seen = Seen.of(names, "")
    for name in names:
        seen = seen.with_(stock(product=name))

    assert len(seen.token) == 816
    assert Seen.of(names, seen.token) == seen


@pytest.mark.parametrize("other", [{"revision": 2}, {"update_time": NOW + MINUTE}])
def test_what_was_seen_is_known_by_its_version(other):
    seen = Seen.of([P1], "").with_(stock())

    assert seen.has(stock())
    assert not seen.has(stock(**other))
    assert not Seen.of([P1], "").has(stock())


async def test_a_stream_can_be_left_early(shelf, watch):
    shelf.set(1)
    async with aclosing(watch.watch((P1,), Seen.of((P1,), ""))) as changes:
        async for _ in changes:
            break

    assert watch._watchers == {}
