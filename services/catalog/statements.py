"""The catalog's questions in SQL: filters, pages, and the languages of the full-text indexes."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from plait.data.pagination import Key, Position, after
from plait.data.url import System
from services.catalog.filter import All, AnyOf, Comparison, Filter, Not, Operator
from services.catalog.order import By
from services.catalog.rows import PRODUCTS, microseconds

_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "name": PRODUCTS.c.name,
    "sku": PRODUCTS.c.sku,
    "title": PRODUCTS.c.title,
    "description": PRODUCTS.c.description,
    "category": PRODUCTS.c.category,
    "tags": PRODUCTS.c.tags,
    "price": PRODUCTS.c.price,
    "price.currency_code": PRODUCTS.c.currency,
    "create_time": PRODUCTS.c.create_time,
    "update_time": PRODUCTS.c.update_time,
}
_LARGEST = 2**63 - 1

_FOLDED = cast(func.products_folded(bindparam("words", type_=Text)), TSQUERY)
# How much a word counts in: sku, title, description, category, tags. FTS5's best is its lowest.
_BM25 = -func.bm25(literal_column("products_words"), 8.0, 10.0, 1.0, 4.0, 4.0)
# The same in PostgreSQL: description, category and tags, sku, title; long products count less.
_RANK = func.ts_rank(text("CAST('{0.1, 0.4, 0.8, 1.0}' AS real[])"), text("words"), _FOLDED, 1)
_SEARCH: Mapping[System, Subquery] = {
    System.SQLITE: (
        select(PRODUCTS, _BM25.label("score"))
        .select_from(text("products_words"))
        .join(PRODUCTS, text("products.number = products_words.rowid"))
        .where(text("products_words MATCH :words"))
        .subquery("found")
    ),
    System.POSTGRESQL: (
        select(PRODUCTS, cast(_RANK, Double).label("score"))
        .where(literal_column("words").op("@@")(_FOLDED), PRODUCTS.c.delete_time.is_(None))
        .subquery("found")
    ),
}
_WORD = re.compile(r"[^\W_]+")


def those(wanted: Filter | None, *, show_deleted: bool) -> Select[Any]:
    """Select the products that a filter lets through."""
    statement = select(PRODUCTS)
    if not show_deleted:
        statement = statement.where(PRODUCTS.c.delete_time.is_(None))
    return statement if wanted is None else statement.where(_condition(wanted))


def page_of(
    statement: Select[Any], order: Sequence[By], limit: int, position: Position | None
) -> Select[Any]:
    """Select the first rows of a statement that come after a position, in this order."""
    keys = [Key(column=_COLUMNS[by.field], descending=by.descending) for by in order]
    if position is not None:
        statement = statement.where(after(keys, position))
    return statement.order_by(*(key.order() for key in keys)).limit(limit)


def position_of(row: Row[Any], order: Sequence[By]) -> Position:
    """Return where a row stands in this order."""
    return tuple(getattr(row, by.field) for by in order)


def search_for(system: System, limit: int, position: Position | None) -> Select[Any]:
    """Select the best products for the parameter `words`, with a score, after a position.

    A position is the score and the name of a product.
    """
    search = _SEARCH[system]
    found = search.c
    keys = [Key(column=found.score, descending=True), Key(column=found.name)]
    statement = select(search).order_by(*(key.order() for key in keys)).limit(limit)
    return statement if position is None else statement.where(after(keys, position))


def words_of(system: System, query: str) -> str:
    """Return a query in the language of the database's index, or nothing if it has no word.

    All words must be there, the last one perhaps unfinished. Words are letters and digits, and
    quoted: nothing that a person writes means anything to the database.
    """
    words = _WORD.findall(unicodedata.normalize("NFC", query))
    if not words:
        return ""
    if system is System.POSTGRESQL:
        return " & ".join(f"'{word}'" for word in words) + ":*"
    return " ".join(f'"{word}"' for word in words) + "*"


def _condition(wanted: Filter) -> ColumnElement[bool]:
    match wanted:
        case Not(term):
            return not_(_condition(term))
        case All(terms):
            return and_(*map(_condition, terms))
        case AnyOf(terms):
            return or_(*map(_condition, terms))
        case Comparison("tags", _, tag):
            return _has_tag(str(tag))
        case Comparison(field, Operator.HAS, value):
            return func.lower(_COLUMNS[field]).contains(str(value).lower(), autoescape=True)
        case Comparison(field, operator, value):
            return _compared(_COLUMNS[field], operator, _stored(value))


def _has_tag(tag: str) -> ColumnElement[bool]:
    if not re.fullmatch(r"[a-z0-9-]+", tag):  # no product has such a tag
        return false()
    return PRODUCTS.c.tags.contains(f" {tag} ", autoescape=True)


def _stored(value: str | int | datetime) -> str | int:
    """Return a value as columns hold it; a number beyond every column is the nearest in one."""
    if isinstance(value, datetime):
        return microseconds(value)
    return max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, int) else value


def _compared(
    column: ColumnElement[Any], operator: Operator, value: str | int
) -> ColumnElement[bool]:
    conditions: Mapping[Operator, ColumnElement[bool]] = {
        Operator.EQ: column == value,
        Operator.NE: column != value,
        Operator.LT: column < value,
        Operator.LE: column <= value,
        Operator.GT: column > value,
        Operator.GE: column >= value,
    }
    return conditions[operator]
