"""Pages of whatever is listed."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Row, Select

from plait.data.backend import Rows
from plait.data.conditions import Columns, condition
from plait.data.kinds import Fields
from plait.data.order import keys_of, position_of
from plait.data.pagination import read_on
from services.identity.store import Page, Query

T = TypeVar("T")


def page_of(asked: Select[Any], query: Query, fields: Fields, columns: Columns) -> Select[Any]:
    """Return the statement for the rows of a query's page, and for one more."""
    if query.filter is not None:
        asked = asked.where(condition(query.filter, fields, columns))
    keys = keys_of(query.order, columns)
    return read_on(asked, keys, limit=query.limit + 1, position=query.after)


def shown(rows: Rows, query: Query, make: Callable[[Row[Any]], T]) -> Page[T]:
    """Return the page of these rows; one more than fits says that there are more."""
    found = rows.rows[: query.limit]
    more = len(rows.rows) > len(found)
    return Page(
        things=tuple(map(make, found)),
        next=position_of(found[-1], query.order) if more else None,
    )
