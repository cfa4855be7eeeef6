"""The catalog's questions in SQL: filters, pages, and the languages of the full-text indexes."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Double,
    Select,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from plait.data.conditions import Columns, condition
from plait.data.filter import Filter
from plait.data.order import By, keys_of
from plait.data.pagination import Key, Position, after, read_on
from plait.data.url import System
from services.catalog.filter import FIELDS
from services.catalog.rows import PRODUCTS

_COLUMNS: Columns = {
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
    return statement if wanted is None else statement.where(condition(wanted, FIELDS, _COLUMNS))


def page_of(
    statement: Select[Any], order: Sequence[By], limit: int, position: Position | None
) -> Select[Any]:
    """Select the first rows of a statement that come after a position, in this order."""
    return read_on(statement, keys_of(order, _COLUMNS), limit=limit, position=position)


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
