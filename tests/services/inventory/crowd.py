"""What a process does that shares a database with others: it buys, or it trades until it dies.

`python -m tests.services.inventory.crowd buy URL NAME COUNT` waits for a line on its input, then
has COUNT orders reserve one piece each, all at once, and prints how each of them ended.
`... trade URL SEED` reserves, confirms, commits, releases, restocks and sweeps for ever, in several
tasks, and prints a line after each step that was acknowledged.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta

from plait.clock import SystemClock
from plait.data.database import Database
from plait.errors import Error
from services.inventory.main import MIGRATIONS
from services.inventory.reservation import (
    Hold,
    Line,
    ReservationExpired,
    ReservationNotConfirmed,
    committed,
    confirmed,
    released,
    restocked,
)
from services.inventory.store import SqlStore
from tests.services.inventory.goods import claim, hold

DATABASES = 2  # of each process
TASKS = 8  # of one that trades
PRODUCTS = [f"products/p{number}" for number in range(6)]
PATIENCE = 300.0  # seconds: a thousand wait for each other, perhaps on a machine with other work
DAY = timedelta(days=1)
AT_ONCE = timedelta(microseconds=1)


async def stores(url, stack, count=DATABASES):
    """Stores over the same database, each with connections of its own."""
    made = []
    for _ in range(count):
        database = Database(url, migrations=MIGRATIONS)
        stack.push_async_callback(database.close)
        made.append(SqlStore(database, clock=SystemClock(), patience=PATIENCE))
    return made


def write(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def outcome(call):
    """How a call ended, in a word."""
    try:
        await call
    except Error as error:
        return error.reason
    return "DONE"


async def buy(url, name, count):
    async with AsyncExitStack() as stack:
        shelves = await stores(url, stack)
        for store in shelves:
            await store.find(["products/p1"])  # connected
        write("ready")
        sys.stdin.readline()
        calls = [
            outcome(shelves[number % len(shelves)].reserve(hold(f"{name}-{number}"), claim()))
            for number in range(count)
        ]
        write(json.dumps(Counter(await asyncio.gather(*calls))))


def say(order, did, lines=()):
    quantities = {line.product: line.quantity for line in lines}
    write(json.dumps({"order": order, "did": did, "lines": quantities}))


async def sell(store, rng, order):
    """One order from its reservation to wherever it gets."""
    products = rng.sample(PRODUCTS, rng.randint(1, 4))
    lines = tuple(Line(product=each, quantity=rng.randint(1, 3)) for each in products)
    ttl = AT_ONCE if rng.random() < 0.2 else DAY
    await store.reserve(Hold(order=order, lines=lines, ttl=ttl), claim())
    say(order, "reserve", lines)
    if rng.random() < 0.3:
        await store.change(order, released)
        return say(order, "release")
    await store.change(order, confirmed)
    say(order, "confirm")
    if rng.random() < 0.2:
        await store.change(order, released)
        return say(order, "release")
    await store.change(order, committed)
    say(order, "commit")
    if rng.random() < 0.7:  # or the shelves would soon be empty
        await store.change(order, restocked)
        say(order, "restock")
    return None


async def trade(url, seed):
    async def work(store, number):
        rng = random.Random(f"{seed} {number}")
        for count in range(sys.maxsize):
            try:
                await sell(store, rng, f"orders/t{seed}-{number}-{count}")
            except (ReservationExpired, ReservationNotConfirmed):
                await store.sweep(3)
            except Error as error:
                if error.reason != "OUT_OF_STOCK":
                    raise

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        shelves = await stores(url, stack)
        for number in range(TASKS):
            tasks.create_task(work(shelves[number % len(shelves)], number))


async def balances(store):
    async with aclosing(store.balances()) as books:
        return [balance async for balance in books]


if __name__ == "__main__":
    if sys.argv[1] == "buy":
        asyncio.run(buy(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        asyncio.run(trade(sys.argv[2], sys.argv[3]))
