"""Pages by position, not by number: opaque tokens, and the conditions that read on from there.

A token holds the sort key of the last row that was shown, bound to the query that it belongs to
(AIP-158). It carries no authorization: whoever makes one up sees a page that they could have asked
for anyhow. Rows that come or go meanwhile neither repeat nor hide others, as with an offset.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Select, and_, or_

from plait.errors import InvalidArgument, Violation

Position = tuple[str | int | float, ...]
"""The values that a row is sorted by, the last of which is its own alone."""

_CHECK_BYTES = 12
_VERSION = b"1"
_MOST_INT = 2**63


class InvalidPageToken(InvalidArgument):
    """The page token is damaged, or belongs to another query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One column that rows are sorted by."""

    column: ColumnElement[Any]
    descending: bool = False

    def order(self) -> ColumnElement[Any]:
        """Return the term for ORDER BY."""
        return self.column.desc() if self.descending else self.column.asc()

    def beyond(self, value: object) -> ColumnElement[bool]:
        """Return the condition that a row comes later than one with this value."""
        return self.column < value if self.descending else self.column > value


def query_of(request: Message) -> str:
    """Return everything of a list request but where and how much of it to show (AIP-158)."""
    query = type(request)()
    query.CopyFrom(request)
    for field in ("page_token", "page_size"):
        query.ClearField(field)
    return f"{query.DESCRIPTOR.full_name} {query.SerializeToString(deterministic=True).hex()}"


def page_token(position: Position, query: str) -> str:
    """Return the token that reads on after this position of this query.

    Args:
        position: the sort key of the last row of the page.
        query: everything that decides which rows come and how they are sorted (`query_of`).
    """
    content = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(content, query) + content).decode().rstrip("=")


def position(token: str, query: str, kinds: Sequence[type]) -> Position:
    """Return the position that a token holds.

    Args:
        token: what the caller sent.
        query: as it was given to `page_token`.
        kinds: the types (str, int, float) of the values.

    Raises:
        InvalidPageToken: the token is damaged, or belongs to another query.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid() from error
    check, content = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
    if check != _check(content, query):
        raise _invalid()
    return _values(content, kinds)


def after(keys: Sequence[Key], values: Position) -> ColumnElement[bool]:
    """Return the condition that a row comes after the position, for keys in any directions.

    With the keys a and b it says `a >= :a AND (a > :a OR (a = :a AND b > :b))`: the first part lets
    an index find the place, the second is the condition.
    """
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        alternatives.append(and_(*equal, key.beyond(value)))
        equal.append(key.column == value)
    return and_(or_(alternatives[0], equal[0]), or_(*alternatives))


def read_on(
    statement: Select[Any], keys: Sequence[Key], *, limit: int, position: Position | None
) -> Select[Any]:
    """Return the statement for its first rows in the order of the keys, after a position if any."""
    if position is not None:
        statement = statement.where(after(keys, position))
    return statement.order_by(*(key.order() for key in keys)).limit(limit)


def _check(content: bytes, query: str) -> bytes:
    return hashlib.sha256(_VERSION + query.encode() + b"\0" + content).digest()[:_CHECK_BYTES]


def _values(content: bytes, kinds: Sequence[type]) -> Position:
    """Read the values; whoever can calculate the check could still have made up anything."""
    try:
        values: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(values, list):
        raise _invalid()
    found = tuple(cast("list[str | int | float]", values))
    if [type(value) for value in found] != list(kinds):
        raise _invalid()
    if any(isinstance(value, int) and not -_MOST_INT <= value < _MOST_INT for value in found):
        raise _invalid()
    return found


def _invalid() -> InvalidPageToken:
    message = (
        "must be the next_page_token of a page of the same query: repeat the query as it was, or "
        "start again without a token"
    )
    return InvalidPageToken(
        f"page_token {message}",
        violations=[Violation(field="page_token", description=message, rule="page_token")],
    )
