"""What every test may rely on."""

import logging

import pytest


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """A test that starts a process' logging, or a server that does, leaves no trace of it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled = False
