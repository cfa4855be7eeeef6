"""The control socket."""

import asyncio
import contextlib
import socket
import stat

import pytest

from plait.local.control import NAME, ask, ask_once, listening
from plait.local.mistake import NOT_RUNNING, USAGE, Mistake


async def echo(request):
    if request["do"] == "fail":
        raise Mistake("not this", code=USAGE)
    for number in range(request.get("times", 1)):
        yield {"answer": number}
    if request["do"] == "forever":
        await asyncio.Event().wait()


async def test_a_request_is_answered_message_by_message(tmp_path):
    async with listening(tmp_path, echo):
        assert await ask_once(tmp_path, {"do": "x"}) == {"answer": 0}
        assert [m async for m in ask(tmp_path, {"do": "x", "times": 3})] == [
            {"answer": 0},
            {"answer": 1},
            {"answer": 2},
        ]


async def test_a_mistake_is_raised_at_the_other_end(tmp_path):
    async with listening(tmp_path, echo):
        with pytest.raises(Mistake, match="not this") as refused:
            await ask_once(tmp_path, {"do": "fail"})

    assert refused.value.code == USAGE


async def test_a_line_that_is_not_json_is_refused(tmp_path):
    async with listening(tmp_path, echo):
        with contextlib.chdir(tmp_path):
            reader, writer = await asyncio.open_unix_connection(NAME)
        writer.write(b"hello\n")
        answer = await reader.readline()
        writer.close()

    assert b"expected a line of JSON" in answer


async def test_a_request_without_an_answer_is_a_mistake(tmp_path):
    async with listening(tmp_path, echo):
        with pytest.raises(Mistake, match="ended before it answered"):
            await ask_once(tmp_path, {"do": "x", "times": 0})


async def test_only_the_owner_can_connect(tmp_path):
    async with listening(tmp_path, echo):
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


async def test_without_a_supervisor_asking_says_how_to_start_it(tmp_path):
    with pytest.raises(Mistake, match="plait up") as refused:
        await ask_once(tmp_path, {"do": "x"})

    assert refused.value.code == NOT_RUNNING


async def test_a_socket_that_a_killed_supervisor_left_is_no_supervisor(tmp_path):
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as stale:
        stale.bind(NAME)

    with pytest.raises(Mistake) as refused:
        await ask_once(tmp_path, {"do": "x"})
    assert refused.value.code == NOT_RUNNING

    async with listening(tmp_path, echo):
        assert await ask_once(tmp_path, {"do": "x"}) == {"answer": 0}


async def test_a_path_too_long_for_a_socket_works(tmp_path):
    deep = tmp_path.joinpath(*["a-folder-of-some-length"] * 10)
    deep.mkdir(parents=True)
    assert len(str(deep / NAME)) > 108

    async with listening(deep, echo):
        assert await ask_once(deep, {"do": "x"}) == {"answer": 0}


async def test_who_watches_sees_the_end(tmp_path):
    seen = []
    arrived = asyncio.Event()

    async def watch():
        async for message in ask(tmp_path, {"do": "forever"}):
            seen.append(message)
            arrived.set()

    async with listening(tmp_path, echo):
        watching = asyncio.create_task(watch())
        async with asyncio.timeout(10):
            await arrived.wait()
    async with asyncio.timeout(10):
        await watching

    assert seen == [{"answer": 0}]
    assert not (tmp_path / NAME).exists()


async def test_who_asks_and_goes_away_harms_nobody(tmp_path):
    async with listening(tmp_path, echo):
        async with contextlib.aclosing(ask(tmp_path, {"do": "x", "times": 100000})) as messages:
            async for _ in messages:
                break
        assert await ask_once(tmp_path, {"do": "x"}) == {"answer": 0}
