"""What is written is what was read and judged, or nothing is."""

import pytest
from sqlalchemy import select

from plait.data.backend import Conflict
from services.inventory import transactions
from services.inventory.reservation import State, released
from services.inventory.rows import RESERVATIONS
from tests.services.inventory.goods import claim, faults, fill, hold, numbers, stock

P1, P2 = "products/p1", "products/p2"


async def move(database, before, after):
    async with database.transaction() as tx:
        return await transactions._move(tx, before, after)


async def test_stock_that_was_changed_since_it_was_read_is_not_written(store, database, clock):
    await fill(store, p1=10, p2=10)
    read = {each.product: each for each in await store.get_all([P1, P2])}
    await store.reserve(hold(p2=1), claim())
    after = {name: each.moved(reserved=2, now=clock.now()) for name, each in read.items()}

    with pytest.raises(Conflict, match="stock_revision"):
        await move(database, read, after)

    assert (await numbers(store, "p1"), await numbers(store, "p2")) == ((10, 0), (10, 1))


async def test_more_than_there_is_is_not_written_even_if_somebody_judged_so(store, database, clock):
    await fill(store, p1=10)
    imagined = stock(100, revision=(await store.get(P1)).revision)

    with pytest.raises(Conflict, match="stock_revision"):
        await move(database, {P1: imagined}, {P1: imagined.moved(reserved=11, now=clock.now())})

    assert await numbers(store) == (10, 0)


async def test_only_what_has_changed_is_written(store, database, clock):
    await fill(store, p1=10, p2=10)
    read = {each.product: each for each in await store.get_all([P1, P2])}
    after = {**read, P1: read[P1].moved(on_hand=0, now=clock.now())}

    assert await move(database, read, after) == [after[P1]]

    assert await store.get(P2) == read[P2]


async def test_a_reservation_that_was_changed_since_it_was_read_is_not_written(
    store, database, clock
):
    await fill(store, p1=10)
    read = await store.reserve(hold(p1=1), claim())
    await store.change("orders/o1", released)

    async def become():
        async with database.transaction() as tx:
            await transactions._become(tx, [(read, read.confirm(clock.now()))])

    with pytest.raises(Conflict, match="reservations_state"):
        await become()

    async with database.snapshot() as tx:
        row = (await tx.execute(select(RESERVATIONS))).first()
    assert row.state == State.RELEASED.value
    assert await faults(store) == []
