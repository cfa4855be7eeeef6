"""The tables of the catalog, and products as their rows."""

from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Row, Table, Text

from plait.data.conditions import members_of, set_of
from plait.data.times import microseconds, time_of
from plait.money import Money
from services.catalog.domain import Picture, Product, picture_name

_METADATA = MetaData()
PRODUCTS = Table(
    "products",
    _METADATA,
    *(Column(name, Text) for name in ("name", "sku", "title", "description", "currency")),
    Column("price", BigInteger),
    *(Column(name, Text) for name in ("category", "tags")),
    *(Column(name, BigInteger) for name in ("create_time", "update_time", "delete_time")),
    Column("revision", BigInteger),
    Column("picture_type", Text),
    Column("picture_size", BigInteger),
    Column("picture_sha256", Text),
    Column("picture_time", BigInteger),
)
PICTURES = Table("pictures", _METADATA, Column("product", Text), Column("content", LargeBinary))


def values_of(product: Product) -> dict[str, object]:
    """Return the columns of a product."""
    picture = product.picture
    return {
        "name": product.name,
        "sku": product.sku,
        "title": product.title,
        "description": product.description,
        "currency": product.price.currency,
        "price": product.price.total_nanos,
        "category": product.category,
        "tags": set_of(product.tags),
        "create_time": microseconds(product.create_time),
        "update_time": microseconds(product.update_time),
        "delete_time": product.delete_time and microseconds(product.delete_time),
        "revision": product.revision,
        "picture_type": picture and picture.content_type,
        "picture_size": picture and picture.size_bytes,
        "picture_sha256": picture and picture.sha256,
        "picture_time": picture and microseconds(picture.update_time),
    }


def product_of(row: Row[Any]) -> Product:
    """Return the product of a row."""
    return Product(
        name=row.name,
        sku=row.sku,
        title=row.title,
        description=row.description,
        price=Money.from_nanos(row.price, row.currency),
        category=row.category,
        tags=members_of(row.tags),
        picture=_picture_of(row),
        create_time=time_of(row.create_time),
        update_time=time_of(row.update_time),
        delete_time=None if row.delete_time is None else time_of(row.delete_time),
        revision=row.revision,
    )


def _picture_of(row: Row[Any]) -> Picture | None:
    if row.picture_type is None:
        return None
    return Picture(
        name=picture_name(row.name),
        content_type=row.picture_type,
        size_bytes=row.picture_size,
        sha256=row.picture_sha256,
        update_time=time_of(row.picture_time),
    )
