import asyncio
import sys
import threading

import pytest

from plait.gateway import threads
from plait.gateway.server import serve
from plait.gateway.threads import wait_for_foreign_threads


async def nothing(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
async def test_the_servers_threads_are_foreign_while_it_serves_and_gone_after_it_stopped():
    stop, ready = asyncio.Event(), asyncio.Event()
    before = threads._foreign()
    serving = asyncio.create_task(
        serve(nothing, "127.0.0.1", 0, stop=stop, ready=lambda _: ready.set())
    )
    await ready.wait()
    async with asyncio.timeout(5):
        while not threads._foreign() - before:  # noqa: ASYNC110 - foreign threads tell nobody
            await asyncio.sleep(0)
    assert await asyncio.to_thread(wait_for_foreign_threads, 0.01) is False

    stop.set()
    await serving

    async with asyncio.timeout(5):
        while threads._foreign() - before:  # noqa: ASYNC110 - foreign threads tell nobody
            await asyncio.sleep(0.001)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_threads_of_python_are_not_waited_for(monkeypatch):
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    before = threads._foreign()
    thread.start()

    try:
        assert threads._foreign() == before
    finally:
        release.set()
        thread.join()


def test_where_threads_cannot_be_counted_it_waits_a_moment(monkeypatch):
    monkeypatch.setattr(threads, "_LINUX", False)

    assert wait_for_foreign_threads(0.001) is True
