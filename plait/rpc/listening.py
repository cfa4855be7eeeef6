"""The places where a server listens: sockets that are bound, and files of sockets that are left."""

import os
import socket
import stat
from contextlib import suppress

_BACKLOG = 4096  # connections that wait to be accepted; the kernel may allow fewer


def bound(address: str, *, reuse_port: bool = False) -> socket.socket:
    """Return a socket that listens at `host:port`, `[ipv6]:port` or `unix:path`.

    The file of a Unix socket that nobody listens at any more is replaced. With `reuse_port` several
    processes may listen at one port.

    Raises:
        OSError: the address is taken, or none of this machine.
        ValueError: it is no address.
    """
    if address.startswith("unix:"):
        return _unix(address.removeprefix("unix:").removeprefix("//"))
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"expected host:port, [ipv6]:port or unix:path, found {address!r}")
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _listening(place, (host.strip("[]"), int(port)))


def port_of(place: socket.socket) -> int:
    """Return the port, 0 for a Unix socket."""
    return 0 if place.family == socket.AF_UNIX else int(place.getsockname()[1])


def left(place: socket.socket) -> str:
    """Return the path of the file that a socket leaves behind; empty if it leaves none."""
    return str(place.getsockname()) if place.family == socket.AF_UNIX else ""


def remove(path: str) -> None:
    """Remove the file of a socket."""
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - a path of a socket may be no text of a file system


def _unix(path: str) -> socket.socket:
    if _is_deserted(path):
        remove(path)
    return _listening(socket.socket(socket.AF_UNIX), path)


def _listening(place: socket.socket, address: object) -> socket.socket:
    try:
        place.bind(address)  # type: ignore[arg-type]
        place.listen(_BACKLOG)
    except OSError:
        place.close()
        raise
    return place


def _is_deserted(path: str) -> bool:
    """Whether there is a socket at which nobody listens: a server that was killed leaves it."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
