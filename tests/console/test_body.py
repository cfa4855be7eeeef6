import gzip
import zlib

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from plait.console.body import inflate, read

LIMIT = 1000


def request(*parts: bytes, encoding: str = "", end: bool = True) -> Request:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request"} if end else {"type": "http.disconnect"})

    async def receive():
        return messages.pop(0)

    headers = [(b"content-encoding", encoding.encode())] if encoding else []
    return Request({"type": "http", "headers": headers}, receive)


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY"])
async def test_a_plain_body_is_read_as_it_comes(encoding):
    assert await read(request(b"ab", b"cd", encoding=encoding), LIMIT, 1) == b"abcd"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_packed_body_is_inflated(encoding, pack):
    assert await read(request(pack(b"abcd"), encoding=encoding), LIMIT, 1) == b"abcd"


@pytest.mark.parametrize(("size", "fits"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False)])
async def test_a_plain_body_has_its_limit(size, fits):
    await check(request(b"x" * 500, b"x" * (size - 500)), size, fits)


@pytest.mark.parametrize(("size", "fits"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 1, False)])
async def test_a_packed_body_has_its_limit_while_it_is_inflated(size, fits):
    await check(request(gzip.compress(b"x" * size), encoding="gzip"), size, fits)


async def check(asked, size, fits) -> None:
    if fits:
        assert await read(asked, LIMIT, 1) == b"x" * size
    else:
        with pytest.raises(HTTPException, match="at most 1000 bytes") as refused:
            await read(asked, LIMIT, 1)
        assert refused.value.status_code == 413


def test_a_bomb_is_not_inflated_further_than_its_limit():
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 50_000

    with pytest.raises(HTTPException, match="at most"):
        inflate(bomb, 1_000_000)


def test_several_members_are_one_body_within_one_limit():
    packed = gzip.compress(b"a" * 600) + gzip.compress(b"b" * 400)

    assert inflate(packed, LIMIT) == b"a" * 600 + b"b" * 400
    with pytest.raises(HTTPException, match="at most"):
        inflate(packed, LIMIT - 1)


@pytest.mark.parametrize(("members", "fits"), [(63, True), (64, True), (65, False)])
def test_a_body_has_a_bounded_number_of_members(members, fits):
    packed = gzip.compress(b"x") * members

    if fits:
        assert inflate(packed, LIMIT) == b"x" * members
    else:
        with pytest.raises(HTTPException, match="64 gzip members"):
            inflate(packed, LIMIT)


@pytest.mark.parametrize(
    "packed",
    [b"not packed", gzip.compress(b"x" * 99)[:-1], gzip.compress(b"x")[:5]],
    ids=["not gzip", "without its last byte", "only a beginning"],
)
def test_what_does_not_inflate_is_refused(packed):
    with pytest.raises(HTTPException, match="expected a body in gzip or zlib") as refused:
        inflate(packed, LIMIT)

    assert refused.value.status_code == 400


async def test_an_encoding_that_is_not_known_is_refused_before_anything_is_read():
    with pytest.raises(HTTPException, match="'br'") as refused:
        await read(request(b"x", encoding="br"), LIMIT, 1)

    assert refused.value.status_code == 415


async def test_a_body_that_breaks_off_is_refused():
    with pytest.raises(HTTPException, match="broke off") as refused:
        await read(request(b"x", end=False), LIMIT, 1)

    assert refused.value.status_code == 400
