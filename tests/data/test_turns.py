import asyncio

import pytest

from plait.data.backend import DatabaseBusy, DatabaseUnavailable
from plait.data.turns import Turns


async def test_so_many_have_a_place_and_the_next_one_waits():
    turns = Turns(2, 10)
    await turns.take()
    await turns.take()

    third = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    assert not third.done()
    turns.give_back()

    await third


async def test_places_are_given_in_the_order_of_those_who_wait():
    turns = Turns(1, 10)
    await turns.take()
    served = []

    async def be_served(number):
        await turns.take()
        served.append(number)
        turns.give_back()

    waiting = [asyncio.create_task(be_served(number)) for number in range(5)]
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(*waiting)

    assert served == [0, 1, 2, 3, 4]


async def test_who_waits_for_too_long_is_told_to_try_again():
    turns = Turns(1, 0.01)
    await turns.take()

    with pytest.raises(DatabaseBusy):
        await turns.take()
    turns.give_back()

    await turns.take()


async def test_who_waits_when_it_closes_is_told_so_and_so_is_the_next():
    turns = Turns(1, 10)
    await turns.take()
    waiting = [asyncio.create_task(turns.take()) for _ in range(2)]
    await asyncio.sleep(0)

    turns.close()
    turns.give_back()

    for task in waiting:
        with pytest.raises(DatabaseUnavailable, match="closed"):
            await task


async def test_who_is_cancelled_while_waiting_takes_no_place():
    turns = Turns(1, 10)
    await turns.take()
    waiting = asyncio.create_task(turns.take())
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])
    turns.give_back()

    await turns.take()
