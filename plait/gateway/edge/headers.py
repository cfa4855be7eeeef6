"""What headers mean to the edge: who asks, under which id, and which of them travel on."""

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from plait.gateway.edge.http import Headers
from plait.ids import NewId

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Metadata = list[tuple[str, str | bytes]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")
_TEXT = re.compile(r"[\x20-\x7e]*")  # what gRPC's metadata can carry (PROTOCOL-HTTP2, ASCII-Value)
_COOKIE = "cookie"

HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection, never passed on (RFC 9110 section 7.6.1), and the length."""

RESERVED = frozenset({"authorization", "cookie", "host", "traceparent", "tracestate", "baggage"})
"""Headers that the gateway itself turns into metadata, or that stay outside."""

ALWAYS: Headers = (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"))
"""Security headers of every answer."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The content security policy of answers that are data: a browser that shows them runs nothing."""


def networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks that are separated by commas (`10.0.0.0/8, ::1`).

    Raises:
        ValueError: one of them is none; the message says which.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; repeated ones are joined (RFC 9110 5.3, RFC 6265 5.4)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            value = f"{found[name]}{'; ' if name == _COOKIE else ', '}{value}"
        found[name] = value
    return found


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return who really asks: the last address of X-Forwarded-For that is no trusted proxy.

    Without trusted proxies it is the peer of the connection, whatever the header says.
    """
    address = peer
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not _is_trusted(address, trusted):
            break
        if (before := _address(hop)) is None:
            break
        address = str(before)
    return address


def request_id(given: str, new_id: NewId) -> str:
    """Return the client's own id of its request, or a new one where it gave none to be logged."""
    return given if _REQUEST_ID.fullmatch(given) else new_id()


def passed_on(headers: Mapping[str, str], allowed: Collection[str]) -> Metadata:
    """Return the headers of the allow-list as metadata, but for values that gRPC cannot carry."""
    return [
        (name, value)
        for name, value in headers.items()
        if name in allowed and may_pass(name) and _TEXT.fullmatch(value)
    ]


def passed_back(
    metadata: Iterable[tuple[str, str | bytes]], allowed: Collection[str]
) -> Iterable[tuple[str, str]]:
    """Return the response metadata of the allow-list as headers."""
    for name, value in metadata:
        if name in allowed and may_pass(name) and isinstance(value, str) and _TEXT.fullmatch(value):
            yield name, value


def may_pass(name: str) -> bool:
    """Whether an allow-list may hold this header at all."""
    return not (
        name in HOP_BY_HOP
        or name in RESERVED
        or name.startswith(("grpc-", "x-plait-", ":"))
        or name.endswith("-bin")
    )


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    found = _address(address)
    return found is not None and any(found in network for network in trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
