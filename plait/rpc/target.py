"""Targets: what a channel is told of where its server is, and the addresses that this means."""

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import unquote

_DEFAULT_PORT = 443  # as for gRPC, where a target names none


class InvalidTarget(ValueError):
    """A target that cannot be read; the text says what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A path of a Unix socket, or a host and a port; `authority` is what `:authority` says."""

    authority: str
    host: str = ""
    port: int = 0
    path: str = ""

    async def addresses(self) -> list[tuple[str, int]]:
        """Return the host's addresses.

        Raises:
            OSError: it has none now.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((str(each[4][0]), int(each[4][1])) for each in found))


def target_of(text: str) -> Target:
    """Read `host:port`, `dns:///host:port`, `ipv4:host:port`, `ipv6:[host]:port` or `unix:path`.

    Raises:
        InvalidTarget: it is none of these.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "unix":
        return Target(authority="localhost", path=unquote(rest.removeprefix("//")))
    if colon and scheme in ("dns", "ipv4", "ipv6"):
        rest = rest.removeprefix("//").partition("/")[2] if rest.startswith("//") else rest
        return _host_and_port(text, rest)
    return _host_and_port(text, text)


def _host_and_port(text: str, place: str) -> Target:
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        good, port = bool(bracket), port.removeprefix(":")
    elif place.count(":") > 1:
        host, port, good = place, "", True
    else:
        host, _, port = place.partition(":")
        good = True
    if not host or not good or (port and not (port.isdecimal() and 0 < int(port) <= 65_535)):
        raise InvalidTarget(
            "expected a target like host:port, dns:///host:port, ipv4:127.0.0.1:50051, "
            f"ipv6:[::1]:50051 or unix:path, found {text!r}"
        )
    return Target(authority=place, host=host, port=int(port) if port else _DEFAULT_PORT)
