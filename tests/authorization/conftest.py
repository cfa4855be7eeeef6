"""One running shop for each file of tests: to start it takes longer than most of them."""

import pytest
import pytest_asyncio

from tests.authorization.shop import open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory):
    async with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def shop(running):
    running.reset()
    return running
