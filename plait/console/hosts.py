"""Refuses requests for other hosts: a page on the web must not reach a console without log-in.

A web page can make its own name resolve to 127.0.0.1 and then read whatever listens there (DNS
rebinding). What it cannot change is the Host header that the browser sends: the page's own name.
"""

import ipaddress
from collections.abc import Iterable

from plait.gateway.edge.asgi import App, Receive, Scope, Send

_OPEN_PATHS = frozenset({"/healthz"})  # a probe asks by address, and learns nothing


class HostCheck:
    """Lets through what is asked of this machine by a loopback name, or of one of `names`.

    `*` among the names lets everything through. Others get 421 (RFC 9110, section 15.5.20).
    """

    def __init__(self, app: App, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.strip().lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope)
        if scope["path"] in _OPEN_PATHS or self.accepts(host):
            await self._app(scope, receive, send)
        else:
            await _refuse(host, send)

    def accepts(self, host: str) -> bool:
        """Say whether a Host header, with or without a port, names this console."""
        name = _without_port(host.strip().lower())
        return "*" in self._names or name in self._names or _is_loopback(name)


def _host(scope: Scope) -> str:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return hosts[0].decode("latin-1") if len(hosts) == 1 else ""


def _without_port(host: str) -> str:
    if host.startswith("["):  # an IPv6 address, RFC 3986 section 3.2.2
        address, closed, _ = host[1:].partition("]")
        return address if closed else ""
    return host.partition(":")[0]


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def _refuse(host: str, send: Send) -> None:
    text = (
        f"421: expected Host to name this console (localhost, 127.0.0.1), found {host[:100]!r};"
        " add it to PLAIT_CONSOLE_HOSTS if it is a name of this console\n"
    )
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
