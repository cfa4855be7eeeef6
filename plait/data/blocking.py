"""Asynchronous work for a caller who is not, even where an event loop runs already."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def wait_for(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine in a thread and an event loop of its own, and return its result. Blocks."""
    with ThreadPoolExecutor(1, thread_name_prefix="blocking") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()
