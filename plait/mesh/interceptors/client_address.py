"""Where a call came from outside: the address that the gateway saw, and nobody else (server)."""

import ipaddress
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plait.mesh.call import Call, Interceptor
from plait.mesh.identity.identity import GATEWAY
from plait.mesh.metadata import CLIENT_ADDRESS

_LONGEST = 64  # characters; an IPv6 address with a zone has fewer


def client_address() -> Interceptor:
    """Return the interceptor that sets `call.client_address`, inside of `authorize`.

    What the metadata `x-plait-client-address` says is believed only where the workload that calls
    is proven to be the gateway, and only if it is an IP address; otherwise, and for calls from
    inside, the address stays empty.
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        if call.workload is not None and call.workload.name == GATEWAY:
            call.client_address = _address(call.header(CLIENT_ADDRESS))
        yield

    return around


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if len(text) <= _LONGEST else ""
    except ValueError:
        return ""
