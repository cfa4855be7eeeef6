"""Idempotency inside the transaction: a request id is claimed beside its effect (AIP-155).

    async with database.transaction() as tx:
        claim = Claim(caller=..., method=..., request_id=..., fingerprint=fingerprint(request))
        if (first := await tx.claim(claim)) is not None:
            return Product.FromString(first)
        ...
        await tx.answer(claim, product.SerializeToString())

Claim, effect and answer are committed together or not at all, so a command that failed can be sent
again with the same id, and one that succeeded answers again what it answered first.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from google.protobuf.message import Message
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Executable,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    and_,
    delete,
    select,
    text,
    tuple_,
    update,
)

from plait.api.v1 import options_pb2
from plait.clock import Clock
from plait.data.backend import Parameters, Rows
from plait.errors import InvalidArgument

CLAIM_LIFETIME = timedelta(hours=24)
"""How long an answer is kept. An id that comes later than this counts as a new one."""

_CLAIMS = Table(
    "claims",
    MetaData(),
    Column("caller", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=True),
    Column("expire_time", BigInteger, nullable=False),  # microseconds since 1970
    PrimaryKeyConstraint("caller", "method", "request_id", name="claims_caller_method_request_id"),
)
_KEY = tuple_(_CLAIMS.c.caller, _CLAIMS.c.method, _CLAIMS.c.request_id)
Index("claims_by_expire_time", _CLAIMS.c.expire_time)

# One statement takes a new id, takes over an expired one and leaves a live one alone: its count is
# 1, 1 and 0. Both kinds of database understand it, and on both a second caller waits for the first.
_TAKE = text(
    "INSERT INTO claims (caller, method, request_id, fingerprint, expire_time)"
    " VALUES (:caller, :method, :request_id, :fingerprint, :expire_time)"
    " ON CONFLICT (caller, method, request_id) DO UPDATE SET"
    " fingerprint = excluded.fingerprint, answer = NULL, expire_time = excluded.expire_time"
    " WHERE claims.expire_time <= :now"
)
_EXPIRED_PER_CLAIM = 10


class RequestIdReused(InvalidArgument):
    """The request id was used before, for another request."""

    @classmethod
    def of(cls, request_id: str) -> Self:
        return cls(
            f"the request_id {request_id!r} was used for another request before: "
            "repeat that request as it was, or make a new id"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who asks for what under which id.

    Args:
        caller: the user's or the workload's name: nobody meets the ids of others.
        method: the path of the method, for example
            `/shop.catalog.v1.CatalogService/CreateProduct`.
        request_id: what the caller sent.
        fingerprint: what the request says apart from its id (`fingerprint`).
    """

    caller: str
    method: str
    request_id: str
    fingerprint: bytes


class _Executes(Protocol):
    async def execute(self, statement: Executable, parameters: Parameters = None) -> Rows: ...


def fingerprint(request: Message) -> bytes:
    """Return the SHA-256 of a request without its request id: equal for equal requests."""
    bare = type(request)()
    bare.CopyFrom(request)
    for field in bare.DESCRIPTOR.fields:
        if field.GetOptions().Extensions[options_pb2.request_id]:
            bare.ClearField(field.name)
    content = bare.SerializeToString(deterministic=True)
    return hashlib.sha256(bare.DESCRIPTOR.full_name.encode() + b"\0" + content).digest()


def create_claims(connection: Connection) -> None:
    """Create the table of claims; a service's first migration calls it with `op.get_bind()`."""
    _CLAIMS.metadata.create_all(connection)


async def take(tx: _Executes, claim: Claim, clock: Clock) -> bytes | None:
    """Take the id for this transaction, or return what it was answered before.

    Raises:
        RequestIdReused: the id belongs to another request of the same caller and method.
    """
    now = clock.now()
    taken = await tx.execute(
        _TAKE,
        {
            "caller": claim.caller,
            "method": claim.method,
            "request_id": claim.request_id,
            "fingerprint": claim.fingerprint,
            "now": _microseconds(now.timestamp()),
            "expire_time": _microseconds((now + CLAIM_LIFETIME).timestamp()),
        },
    )
    if taken.count:
        await purge(tx, clock, limit=_EXPIRED_PER_CLAIM)
        return None
    return await _answered(tx, claim)


async def answered(tx: _Executes, claim: Claim, now: datetime) -> bytes | None:
    """Return what the claim's request was answered before; None if it never came.

    It claims nothing: it spares work that a repetition need not do before its transaction begins.

    Raises:
        RequestIdReused: the id belongs to another request of the same caller and method.
    """
    kept = await _kept(tx, claim)
    if kept is None or kept.expire_time <= _microseconds(now.timestamp()):
        return None
    return _answer_of(kept, claim)


async def answer(tx: _Executes, claim: Claim, content: bytes) -> None:
    """Keep what the claim's request is answered, for those who repeat it."""
    await tx.execute(update(_CLAIMS).where(_is(claim)).values(answer=content))


async def purge(tx: _Executes, clock: Clock, *, limit: int) -> int:
    """Remove at most `limit` expired claims, the oldest first, and return how many there were.

    Every new claim removes some more than itself, so that nothing else has to remember it.
    """
    expired = (
        select(_CLAIMS.c.caller, _CLAIMS.c.method, _CLAIMS.c.request_id)
        .where(_CLAIMS.c.expire_time <= _microseconds(clock.now().timestamp()))
        .order_by(_CLAIMS.c.expire_time)
        .limit(limit)
        .with_for_update(skip_locked=True)  # whoever takes one over, or purges, is not waited for
    )
    return (await tx.execute(delete(_CLAIMS).where(_KEY.in_(expired)))).count


async def _answered(tx: _Executes, claim: Claim) -> bytes:
    kept = await _kept(tx, claim)
    assert kept is not None, "the claim was there a statement ago, in this transaction"
    return _answer_of(kept, claim)


async def _kept(tx: _Executes, claim: Claim) -> Row[Any] | None:
    return (await tx.execute(select(_CLAIMS).where(_is(claim)))).first()


def _answer_of(kept: Row[Any], claim: Claim) -> bytes:
    if kept.fingerprint != claim.fingerprint:
        raise RequestIdReused.of(claim.request_id)
    return bytes(kept.answer)


def _is(claim: Claim) -> ColumnElement[bool]:
    return and_(
        _CLAIMS.c.caller == claim.caller,
        _CLAIMS.c.method == claim.method,
        _CLAIMS.c.request_id == claim.request_id,
    )


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
