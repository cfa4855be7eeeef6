"""How tests ask for a method of any shape, and what a servicer's method of any shape does."""

import asyncio
from contextlib import asynccontextmanager

from plait.mesh.call import current
from plait.mesh.calling import Stream
from plait.testing import serving
from tests.mesh.echo import METHODS, Echo, EchoRequest, EchoResponse, EchoStub, add_echo

SHAPES = ("Say", "Tell", "Gather", "Talk")
PATIENCE = 10  # seconds after which a test gives up waiting for something that should happen


async def ask(stub, name, *requests, **options):
    """Call a method and return all its answers."""
    requests = requests or (EchoRequest(text="hi", count=1),)
    request = requests if METHODS[name][0] else requests[0]
    return await answers_of(getattr(stub, name)(request, **options))


async def answers_of(called):
    """Return all answers of a call, of whichever shape."""
    if isinstance(called, Stream):
        return [message async for message in called]
    return [await called]


def doing(name, act):
    """Return a servicer's method of the shape of `name` that awaits `act()` and answers `done`."""
    _, answers, _, _ = METHODS[name]

    async def answer(request, context):
        await act()
        return EchoResponse(text="done")

    async def stream(request, context):
        await act()
        yield EchoResponse(text="done")

    return stream if answers else answer


class Watched:
    """A servicer's method that tells a test where it is: begun, and how it ended."""

    def __init__(self, name, act=None):
        self.name = name
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.call = None
        self.outcome = None
        self._task = None
        self._act = act or asyncio.Event().wait
        self.method = doing(name, self._run)

    async def _run(self):
        self.call = current()
        self._task = asyncio.current_task()
        self.begun.set()
        try:
            await self._act()
        except BaseException as error:
            self.outcome = error
            raise
        finally:
            self.ended.set()

    async def status(self):
        """Return the status of the call, once the interceptors have been left."""
        await self.ended.wait()
        await asyncio.wait([self._task], timeout=PATIENCE)
        return self.call.status


@asynccontextmanager
async def echoing(**acts):
    """Serve the echo with some of its methods replaced; yields the server and a stub."""
    async with asyncio.timeout(20), serving(add_echo(Echo(**acts)), name="echo") as running:
        yield running, EchoStub(running.channel)
