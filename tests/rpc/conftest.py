"""What the tests of the runtime share; after each nothing is left running."""

import asyncio

import pytest

from tests.rpc.echo import PAIRS, Echo, calling, serving


@pytest.fixture(autouse=True)
async def nothing_is_left():
    """No task of the runtime outlives the test that has started it."""
    yield
    for _ in range(10):
        left = [task for task in asyncio.all_tasks() if "plait/rpc" in str(task.get_stack(limit=1))]
        if not left:
            return
        await asyncio.sleep(0)
    assert left == []


@pytest.fixture
async def echo():
    return Echo()


@pytest.fixture(params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
async def stub(request, echo):
    """Calls the service: plait's and grpcio's runtime, each at each end."""
    server, client = request.param
    async with serving(server, echo) as target, calling(client, target) as stub:
        yield stub


@pytest.fixture
async def own(echo):
    """Calls the service with plait at both ends."""
    async with serving("plait", echo) as target, calling("plait", target) as stub:
        yield stub
