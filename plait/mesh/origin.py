"""Where a call comes from: the peer of its connection, and who stands behind the edge."""

import ipaddress
from functools import lru_cache
from urllib.parse import unquote

from plait.mesh.call import Call
from plait.mesh.identity.identity import GATEWAY
from plait.mesh.metadata import CLIENT_ADDRESS


def client_address(call: Call) -> str:
    """Return the address of the client, as the gateway saw it; empty for calls from inside.

    It is in the metadata `x-plait-client-address`, which counts only beside the workload token of
    the gateway: everybody else could write anything there.
    """
    if call.workload is None or call.workload.name != GATEWAY:
        return ""
    try:
        address = ipaddress.ip_address(call.header(CLIENT_ADDRESS))
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def caller_address(call: Call) -> str:
    """Return the address to count calls by: the client's, or the peer's where none is known."""
    return client_address(call) or address_of(call.peer)[0]


@lru_cache(maxsize=256)
def address_of(peer: str) -> tuple[str, int]:
    """Take gRPC's name of a peer apart: `ipv4:127.0.0.1:80`, `ipv6:%5B::1%5D:80`, `unix:/a`."""
    scheme, _, rest = unquote(peer).partition(":")
    if scheme in {"unix", "unix-abstract"}:
        return rest, 0
    text = rest.lstrip("/") if scheme in {"dns", "ipv4", "ipv6"} else unquote(peer)
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else (text, 0)
