import asyncio
import contextvars
import threading

import pytest

from plait.data.worker import Worker


@pytest.fixture
async def worker():
    worker = Worker("test")
    yield worker
    await worker.stop()


async def test_a_function_runs_in_another_thread_and_is_answered(worker):
    thread = await worker.run(threading.current_thread)

    assert thread.name == "test"
    assert thread is not threading.current_thread()


async def test_an_exception_reaches_the_one_who_waits(worker):
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 / 0)

    assert await worker.run(lambda: "alive") == "alive"


@pytest.mark.parametrize("failure", [ZeroDivisionError("a bug"), SystemExit(1)])
async def test_what_fails_though_nobody_waits_is_logged_and_holds_up_nobody(
    worker, caplog, failure
):
    def fail() -> None:
        raise failure

    worker.post(fail)

    async with asyncio.timeout(10):
        assert await worker.run(lambda: "alive") == "alive"
    assert [record.exc_info[1] for record in caplog.records] == [failure]
    assert "worker test" in caplog.text


async def test_functions_run_in_the_order_in_which_they_were_handed_over(worker):
    done = []
    for number in range(50):
        worker.post(lambda number=number: done.append(number))

    await worker.run(lambda: None)

    assert done == list(range(50))


async def test_a_function_sees_the_context_of_its_caller(worker):
    variable = contextvars.ContextVar("variable", default="nothing")
    variable.set("the caller's")

    assert await worker.run(variable.get) == "the caller's"


async def test_a_function_that_was_cancelled_before_its_turn_does_not_run(worker):
    done = []
    gate = threading.Event()
    worker.post(lambda: gate.wait(5) and None)

    future = worker.run(lambda: done.append("cancelled"))
    future.cancel()
    gate.set()
    await worker.run(lambda: None)

    assert done == []


async def test_a_function_that_has_begun_ends_though_nobody_waits(worker):
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        gate.wait(5)
        done.set()

    future = worker.run(slow)
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 5)
    future.cancel()
    gate.set()
    await worker.run(lambda: None)

    assert done.is_set()


async def test_stopping_first_does_what_was_handed_over():
    worker, done = Worker("test"), []
    worker.post(lambda: done.append("posted"))

    await worker.stop()

    assert done == ["posted"]
    assert not any(thread.name == "test" for thread in threading.enumerate())


async def test_stopping_twice_or_unused_is_fine():
    worker = Worker("test")

    await worker.stop()
    await worker.stop()


async def test_a_stopped_worker_refuses_work(worker):
    await worker.stop()

    with pytest.raises(RuntimeError, match="stopped"):
        worker.run(lambda: None)


def test_a_worker_outlives_a_loop_that_closed_before_the_answer():
    worker, gate = Worker("test"), threading.Event()

    async def leave():
        worker.run(lambda: gate.wait(5))

    asyncio.run(leave())
    gate.set()

    async def come_back():
        answer = await worker.run(lambda: "alive")
        await worker.stop()
        return answer

    assert asyncio.run(come_back()) == "alive"
