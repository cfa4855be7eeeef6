"""Many at once, and some of them killed: no piece is promised twice, and none is lost."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from plait.clock import SystemClock
from services.inventory.domain import OutOfStock
from services.inventory.reservation import ReservationReleased, State, confirmed, released
from services.inventory.rows import RESERVATIONS
from services.inventory.store import SqlStore
from tests.services.inventory import crowd
from tests.services.inventory.goods import (
    MINUTE,
    adjustment,
    claim,
    faults,
    fill,
    hold,
    numbers,
)

ROOT = Path(__file__).parents[3]
BUYERS, PIECES, PROCESSES = 1000, 100, 4
KILLS = 6

# Where a reservation may stand after its last step that was acknowledged: there, or a step further.
AFTER = {
    "reserve": {State.HELD, State.CONFIRMED, State.RELEASED, State.EXPIRED},
    "confirm": {State.CONFIRMED, State.COMMITTED, State.RELEASED},
    "commit": {State.COMMITTED, State.RESTOCKED},
    "restock": {State.RESTOCKED},
    "release": {State.RELEASED, State.EXPIRED},
}


@pytest.fixture(autouse=True)
async def in_time():
    async with asyncio.timeout(crowd.PATIENCE):
        yield


@pytest.fixture
def elsewhere(open_database, clock):
    """Make a store over the same database, with connections of its own, as in another process."""
    return lambda clock=clock: SqlStore(open_database(), clock=clock, patience=crowd.PATIENCE)


@contextmanager
def process(*arguments):
    """A real process of the crowd; killed where a test has not ended it."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.services.inventory.crowd", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=10)


async def line(running):
    """What a process says next; nothing once it has ended."""
    return await asyncio.to_thread(running.stdout.readline)


# Oversell


@pytest.mark.slow
async def test_of_a_thousand_buyers_in_several_processes_as_many_get_a_piece_as_there_are(
    store, url
):
    await fill(store, p1=PIECES)
    with ExitStack() as stack:
        buyers = [
            stack.enter_context(process("buy", url, f"b{number}", BUYERS // PROCESSES))
            for number in range(PROCESSES)
        ]
        assert [await line(each) for each in buyers] == ["ready\n"] * PROCESSES

        for each in buyers:
            each.stdin.write("go\n")
            each.stdin.flush()
        ends = [Counter(json.loads(await line(each))) for each in buyers]

    assert sum(ends, Counter()) == {"DONE": PIECES, "OUT_OF_STOCK": BUYERS - PIECES}
    assert await numbers(store) == (PIECES, PIECES)
    assert await faults(store) == []


async def test_of_a_thousand_buyers_in_one_process_as_many_get_a_piece_as_there_are(
    store, elsewhere
):
    await fill(store, p1=PIECES)
    shelves = [elsewhere(SystemClock()) for _ in range(4)]

    ends = await asyncio.gather(
        *(
            crowd.outcome(shelves[number % 4].reserve(hold(f"o{number}"), claim()))
            for number in range(BUYERS)
        )
    )

    assert Counter(ends) == {"DONE": PIECES, "OUT_OF_STOCK": BUYERS - PIECES}
    assert await numbers(store) == (PIECES, PIECES)
    assert await faults(store) == []


async def test_who_takes_pieces_from_the_shelf_takes_none_that_others_reserve_meanwhile(
    store, elsewhere
):
    await fill(store, p1=50)
    shelves = [elsewhere(SystemClock()) for _ in range(4)]
    reserving = [shelves[n % 4].reserve(hold(f"o{n}"), claim()) for n in range(50)]
    taking = [shelves[n % 4].adjust(adjustment(-1), claim()) for n in range(50)]
    calls = [call for pair in zip(reserving, taking, strict=True) for call in pair]

    ends = await asyncio.gather(*map(crowd.outcome, calls))

    on_hand, reserved = await numbers(store)
    assert (on_hand, reserved) == (50 - ends[1::2].count("DONE"), ends[::2].count("DONE"))
    assert on_hand == reserved
    assert set(ends) <= {"DONE", "OUT_OF_STOCK", "STOCK_TOO_LOW"}
    assert await faults(store) == []


async def test_orders_for_the_same_products_in_any_order_do_not_block_each_other(store, elsewhere):
    rng = random.Random(4711)
    products = [f"p{number}" for number in range(8)]
    await fill(store, **dict.fromkeys(products, 1000))
    shelves = [elsewhere(SystemClock()) for _ in range(4)]

    async def order(number):
        shelf = shelves[number % 4]
        wanted = dict.fromkeys(rng.sample(products, 5), 1)
        await shelf.reserve(hold(f"o{number}", **wanted), claim())
        await shelf.change(f"orders/o{number}", rng.choice([confirmed, released]))

    ends = await asyncio.gather(*(crowd.outcome(order(number)) for number in range(100)))

    assert Counter(ends) == {"DONE": 100}
    assert await faults(store) == []


# The same thing said at the same time


async def test_a_request_that_comes_many_times_at_once_holds_once(store, elsewhere):
    await fill(store, p1=1)
    shelves, request = [elsewhere() for _ in range(4)], claim("hold")

    made = await asyncio.gather(
        *(shelves[number % 4].reserve(hold(p1=1), request) for number in range(20))
    )

    assert len(set(made)) == 1
    assert await numbers(store) == (1, 1)


@pytest.mark.parametrize("before", [0, 5])
async def test_a_request_that_comes_many_times_at_once_adjusts_once(store, elsewhere, before):
    if before:
        await fill(store, p1=before)
    etag = (await store.get("products/p1")).etag if before else ""
    shelves, request = [elsewhere() for _ in range(4)], claim("add")

    made = await asyncio.gather(
        *(shelves[n % 4].adjust(adjustment(7, etag=etag), request) for n in range(20))
    )

    assert len(set(made)) == 1
    assert await numbers(store) == (before + 7, 0)
    assert await faults(store) == []


async def test_a_release_that_meets_its_reserve_leaves_nothing_held(store, elsewhere):
    await fill(store, p1=100)
    shelves = [elsewhere() for _ in range(4)]

    async def both(number):
        order = f"o{number}"
        reserving = shelves[number % 4].reserve(hold(order), claim())
        releasing = shelves[(number + 1) % 4].change(f"orders/{order}", released)
        return await asyncio.gather(reserving, releasing, return_exceptions=True)

    ends = await asyncio.gather(*(both(number) for number in range(50)))

    for reserved, left in ends:
        assert left.state is State.RELEASED
        assert isinstance(reserved, ReservationReleased) or reserved.state is State.HELD
    assert await numbers(store) == (100, 0)
    assert await faults(store) == []


async def test_steps_that_come_many_times_at_once_move_the_pieces_once(store, elsewhere):
    await fill(store, p1=10)
    await store.reserve(hold(p1=4), claim())
    shelves = [elsewhere() for _ in range(4)]

    for step, left in [(confirmed, (10, 4)), (crowd.committed, (6, 0)), (crowd.restocked, (10, 0))]:
        await asyncio.gather(*(shelves[n % 4].change("orders/o1", step) for n in range(20)))
        assert await numbers(store) == left


# Expiry


async def test_nobody_is_refused_free_pieces_however_many_sweep_at_the_same_time(
    store, elsewhere, clock
):
    await fill(store, p1=50, p2=50)
    for number in range(50):
        await store.reserve(hold(f"first{number}", ttl=MINUTE, p1=1, p2=1), claim())
    clock.advance(60)
    shelves = [elsewhere() for _ in range(4)]
    sweeping = [shelves[n % 4].sweep(7) for n in range(12)]
    buying = [shelves[n % 4].reserve(hold(f"o{n}", p2=1, p1=1), claim()) for n in range(50)]

    ends = await asyncio.gather(*buying, *sweeping, return_exceptions=True)

    assert [end for end in ends if isinstance(end, Exception)] == []
    with pytest.raises(OutOfStock):
        await store.reserve(hold("one-too-many", p1=1), claim())
    assert (await numbers(store, "p1"), await numbers(store, "p2")) == ((50, 50), (50, 50))
    assert await faults(store) == []


async def test_every_expired_hold_is_swept_by_one(store, elsewhere, clock):
    await fill(store, p1=60)
    for number in range(60):
        await store.reserve(hold(f"o{number}"), claim())
    clock.advance(60)
    shelves = [elsewhere() for _ in range(4)]

    swept = await asyncio.gather(*(shelves[number % 4].sweep(10) for number in range(40)))

    assert sum(swept) == 60
    assert await numbers(store) == (60, 0)


# Death


async def acknowledged(running, count):
    """The last step of each order that a process has acknowledged before it was killed.

    It is killed as soon as it has said so many lines, whatever it is doing then.
    """
    steps, lines = {}, {}
    said = 0
    while text := await line(running):
        step = json.loads(text)
        steps[step["order"]] = step["did"]
        if step["did"] == "reserve":
            lines[step["order"]] = step["lines"]
        said += 1
        if said == count:
            running.send_signal(signal.SIGKILL)
    assert running.wait(10) == -signal.SIGKILL
    return steps, lines


@pytest.mark.parametrize("seed", range(KILLS))
async def test_a_process_that_is_killed_at_any_moment_leaves_the_books_in_order(
    store, database, url, seed
):
    rng = random.Random(seed)
    await fill(store, **{f"p{number}": 40 for number in range(len(crowd.PRODUCTS))})
    with process("trade", url, seed) as running:
        steps, lines = await acknowledged(running, rng.randint(1, 150))

    books = await crowd.balances(store)
    async with database.snapshot() as tx:
        rows = (await tx.execute(select(RESERVATIONS))).rows
    states = {row.order_name: State(row.state) for row in rows}

    assert [fault for balance in books for fault in balance.faults] == []
    lost = {order: did for order, did in steps.items() if states.get(order) not in AFTER[did]}
    assert lost == {}
    sold = Counter()
    for order, did in steps.items():
        if did == "commit" and states[order] is State.COMMITTED:
            sold.update(lines[order])
    assert all(balance.sold >= sold[balance.product] for balance in books)
    assert all(balance.on_hand == 40 - balance.sold for balance in books)
