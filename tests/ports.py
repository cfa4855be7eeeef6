"""Ports for servers that a test starts in other processes, each given to one test only.

A port that is bound, closed and used a moment later may meanwhile be another test's: several run at
the same time, in the workers of one run and in the runs of several checkouts. So whoever takes a
port here holds the UDP port of the same number until its process ends, and takes none of which
another holds it.
"""

import errno
import random
import socket

LOWEST, HIGHEST = 12_000, 31_999  # below the range from which clients take theirs
_TRIES = 1000
_TAKEN = {errno.EADDRINUSE, errno.EACCES}


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on and that no other test gets."""
    return [free_port() for _ in range(count)]


def free_port() -> int:
    """Return a port as `free_ports` does.

    Raises:
        RuntimeError: there is none, as far as chance tells.
    """
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        port = chance.randint(LOWEST, HIGHEST)
        if reserve(port) and not listening(port):
            return port
    raise RuntimeError(f"no free port between {LOWEST} and {HIGHEST} in {_TRIES} tries")


def reserve(port: int) -> bool:
    """Make a port this process's own until it ends; False if it is a test's already."""
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if not _bound(mark, port):
        mark.close()
        return False
    mark.detach()  # the descriptor stays open as long as the process lives
    return True


def listening(port: int) -> bool:
    """Whether a server has the port, or had it a moment ago."""
    with socket.socket() as one:
        return not _bound(one, port)


def _bound(one: socket.socket, port: int) -> bool:
    try:
        one.bind(("127.0.0.1", port))
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True
