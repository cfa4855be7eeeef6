"""A thread that does one thing after another for an event loop: what a blocking library needs."""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    function: Callable[[], Any]
    future: asyncio.Future[Any] | None
    context: contextvars.Context


class Worker:
    """Runs functions in its own thread, in the order in which they were handed over.

    The order is the promise: what is posted before a `run` is done before it, so a clean-up needs
    no one to wait for it. One crossing costs some 60 us of CPU, half of an executor's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Hand over the function; the future gets its result or its exception.

        A future that is cancelled in time spares the function; one that has begun runs to its end.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._hand_over(_Task(function, future, contextvars.copy_context()))
        return future

    def post(self, function: Callable[[], None]) -> None:
        """Hand over a function that nobody waits for; should it fail, that is logged."""
        self._hand_over(_Task(function, None, contextvars.copy_context()))

    async def stop(self) -> None:
        """End the thread once everything that was handed over is done."""
        if self._thread is not None and not self._stopped:
            done = self.run(lambda: None)
            self._stopped = True
            await done
            self._tasks.put(None)
            self._thread.join()
        self._stopped = True

    def _hand_over(self, task: _Task) -> None:
        if self._stopped:
            raise RuntimeError(f"the worker {self._name} was stopped before")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._tasks.put(task)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if task.future is None:
                self._attempt(task)
            elif not task.future.cancelled():
                _answer(task, task.future)

    def _attempt(self, task: _Task) -> None:
        """Run what nobody waits for; should it fail, the thread goes on for those who do wait."""
        try:
            task.context.run(task.function)
        except BaseException:  # noqa: BLE001 - whatever it was, others wait for this thread
            _log.exception("what was handed over to the worker %s failed", self._name)


def _answer(task: _Task, future: asyncio.Future[Any]) -> None:
    try:
        result = task.context.run(task.function)
    except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits
        _tell(future, future.set_exception, error)
    else:
        _tell(future, future.set_result, result)


def _tell(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: object) -> None:
    def in_the_loop() -> None:
        if not future.done():  # its task may have been cancelled meanwhile
            settle(outcome)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        future.get_loop().call_soon_threadsafe(in_the_loop)
