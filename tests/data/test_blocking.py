import asyncio
import threading

import pytest

from plait.data.blocking import wait_for


async def seven():
    await asyncio.sleep(0)
    return 7


async def fail():
    raise KeyError("why")


def test_the_result_comes_back():
    assert wait_for(seven) == 7


async def test_it_works_inside_of_an_event_loop():
    assert wait_for(seven) == 7


def test_an_exception_comes_back():
    with pytest.raises(KeyError, match="why"):
        wait_for(fail)


def test_its_thread_ends_with_it():
    before = threading.active_count()

    wait_for(seven)

    assert threading.active_count() == before
