"""A server of every shape for what is called from the command line."""

from tests.echo import echo, pool, words

__all__ = ["echo", "pool", "words"]
