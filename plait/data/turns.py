"""Those who wait for one of a few places, first come first served."""

import asyncio

from plait.data.backend import busy, closed


class Turns:
    """A number of places that may be held at the same time.

    Args:
        size: how many.
        timeout: seconds that one waits for a place before it is refused.
    """

    def __init__(self, size: int, timeout: float) -> None:
        self._places = asyncio.Semaphore(size)
        self._timeout = timeout
        self._closed = False

    async def take(self) -> None:
        """Wait for a place, which must be given back.

        Raises:
            DatabaseBusy: none became free in time.
            DatabaseUnavailable: the database was closed meanwhile or before.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise busy() from error
        if self._closed:
            self._places.release()
            raise closed()

    def give_back(self) -> None:
        """Let the next one in."""
        self._places.release()

    def close(self) -> None:
        """Refuse all who wait, once their turn comes, and all who come later."""
        self._closed = True
