"""The catalog's questions in SQL: filters, pages, and the language of the full-text index."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal_column, select, text

from plait.data.conditions import Columns, condition
from plait.data.filter import Filter
from plait.data.order import By, keys_of
from plait.data.pagination import Key, Position, after, read_on
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

# How much a word counts in: sku, title, description, category, tags. FTS5's best is its lowest.
_SCORE = -func.bm25(literal_column("products_words"), 8.0, 10.0, 1.0, 4.0, 4.0)
_SEARCH = (
    select(PRODUCTS, _SCORE.label("score"))
    .select_from(text("products_words"))
    .join(PRODUCTS, text("products.number = products_words.rowid"))
    .where(text("products_words MATCH :words"))
    .subquery("found")
)
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


def search_for(limit: int, position: Position | None) -> Select[Any]:
    """Select the best products for the parameter `words`, with a score, after a position.

    A position is the score and the name of a product.
    """
    found = _SEARCH.c
    keys = [Key(column=found.score, descending=True), Key(column=found.name)]
    statement = select(_SEARCH).order_by(*(key.order() for key in keys)).limit(limit)
    return statement if position is None else statement.where(after(keys, position))


def words_of(query: str) -> str:
    """Return a query in FTS5's language, or nothing if it has no word.

    All words must be there, the last one perhaps unfinished. Words are letters and digits, and
    quoted: nothing that a person writes means anything to FTS5.
    """
    words = _WORD.findall(unicodedata.normalize("NFC", query))
    return " ".join(f'"{word}"' for word in words) + "*" if words else ""
