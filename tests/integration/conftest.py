"""One running shop for all tests that only look or clean up behind themselves."""

import pytest

from tests.integration.shop import start


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    running = start(tmp_path_factory.mktemp("shop"))
    yield running
    running.plait("down")
