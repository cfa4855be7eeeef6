"""Reads a request's body within a bound that holds while inflating too."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

_AUTO_HEADER = 32 + zlib.MAX_WBITS  # zlib finds out by itself: gzip (RFC 1952) or zlib (RFC 1950)
_MAX_MEMBERS = 64  # of one gzip file; each more copies what is left, so that many cost a square
_PACKED = frozenset({"gzip", "deflate"})
_PLAIN = frozenset({"", "identity"})


async def read(request: Request, limit: int, patience: float) -> bytes:
    """Return the body, inflated, of at most `limit` bytes on the wire and inflated.

    Raises HTTPException: 413 for a longer one, 415 for an unknown Content-Encoding, 400 for one
    that does not inflate or breaks off, 408 if it takes more than `patience` seconds.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PACKED | _PLAIN:
        raise HTTPException(
            415, f"expected Content-Encoding gzip, deflate or identity, found {encoding[:40]!r}"
        )
    try:
        async with asyncio.timeout(patience):
            body = await _collect(request.stream(), limit)
    except TimeoutError as error:
        raise HTTPException(408, f"the body took more than {patience:g} seconds") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body broke off") from error
    return inflate(body, limit) if encoding in _PACKED else body


async def _collect(stream: AsyncIterator[bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in stream:
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def inflate(packed: bytes, limit: int) -> bytes:
    """Return what gzip (of one or more members) or zlib holds; see `read` for what it raises."""
    parts: list[bytes] = []
    room = limit
    while packed:
        if len(parts) == _MAX_MEMBERS:
            raise HTTPException(400, f"expected a body of at most {_MAX_MEMBERS} gzip members")
        inflater = zlib.decompressobj(_AUTO_HEADER)
        try:
            part = inflater.decompress(packed, room + 1)
        except zlib.error as error:
            raise HTTPException(400, f"expected a body in gzip or zlib: {error}") from error
        room -= len(part)
        if room < 0:
            raise _too_large(limit)
        if not inflater.eof:
            raise HTTPException(400, "expected a body in gzip or zlib, found only its beginning")
        parts.append(part)
        packed = inflater.unused_data
    return b"".join(parts)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"expected a body of at most {limit} bytes; send smaller batches")
