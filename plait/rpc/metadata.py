"""Metadata: what calls carry beside their messages, and how it travels (gRPC over HTTP/2)."""

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from plait.rpc.http2.hpack import Header

Pair = tuple[str, str | bytes]


class Metadatum(NamedTuple):
    """A pair as grpcio hands it out."""

    key: str
    value: str | bytes


_KEY = re.compile(r"[0-9a-z_.-]+")
_RESERVED = frozenset(
    {
        b"content-type", b"te", b"user-agent", b"grpc-timeout", b"grpc-encoding",
        b"grpc-accept-encoding", b"grpc-message-type", b"grpc-status", b"grpc-message",
        b"grpc-status-details-bin", b"content-length", b"host", b"connection",
    }
)  # fmt: skip
# Of the names that begin with grpc-, those that applications and their libraries do send.
_SENT = frozenset(
    {
        "grpc-status-details-bin", "grpc-trace-bin", "grpc-tags-bin", "grpc-retry-pushback-ms",
        "grpc-previous-rpc-attempts",
    }
)  # fmt: skip


class InvalidMetadata(ValueError):
    """A key or a value that gRPC does not carry; the text says which and what is expected."""


def pairs_of(
    fields: Iterable[Header], *, kept: frozenset[bytes] = frozenset()
) -> tuple[Metadatum, ...]:
    """Return the metadata among header fields: without what gRPC itself sends, but for `kept`.

    Values of keys that end in `-bin` become bytes; several in one field, joined by commas, become
    several pairs.
    """
    found: list[Metadatum] = []
    for name, value in fields:
        if name in _RESERVED and name not in kept:
            continue
        key = name.decode("ascii")
        if key.endswith("-bin"):
            found.extend(Metadatum(key, _unpacked(part)) for part in value.split(b","))
        else:
            found.append(Metadatum(key, value.decode("latin-1")))
    return tuple(found)


def fields_of(pairs: Iterable[Pair]) -> list[Header]:
    """Return metadata as header fields.

    Raises:
        InvalidMetadata: a key is reserved or not of lower-case letters, digits, `_`, `-` and `.`;
            a text is not of printable ASCII; bytes have a key that does not end in `-bin`.
    """
    return [_field(key, value) for key, value in pairs]


def _field(key: str, value: str | bytes) -> Header:
    name = _name(key)
    if key.endswith("-bin"):
        if not isinstance(value, bytes):
            raise InvalidMetadata(
                f"the value of {key!r} must be bytes, found {type(value).__name__}"
            )
        return name, base64.b64encode(value).rstrip(b"=")
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not value.isascii() or not value.isprintable() or value != value.strip(" "):
        raise InvalidMetadata(
            f"the value of {key!r} must be printable ASCII without blanks around it; "
            "bytes travel under a key that ends in -bin"
        )
    return name, value.encode("ascii")


@lru_cache(maxsize=1024)
def _name(key: str) -> bytes:
    name = key.encode("ascii", "replace")
    if not _KEY.fullmatch(key):
        raise InvalidMetadata(
            f"a metadata key must be of lower-case letters, digits, `_`, `-` and `.`; found {key!r}"
        )
    if (name in _RESERVED or key.startswith("grpc-")) and key not in _SENT:
        raise InvalidMetadata(f"the metadata key {key!r} is gRPC's own")
    return name


def _unpacked(value: bytes) -> bytes:
    """Decode base64 with or without padding; what is none is handed on as it is."""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return value
