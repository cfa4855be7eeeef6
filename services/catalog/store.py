"""Where products are kept: what the service asks for, and the answer in SQL."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, and_, bindparam, insert, or_, select, text, update

from plait.data.backend import Conflict, DatabaseBusy
from plait.data.claims import Claim
from plait.data.database import BUSY_TIMEOUT, Database, Snapshot, Transaction
from plait.data.filter import Filter
from plait.data.order import By, position_of
from plait.data.pagination import Position
from plait.errors import Error
from plait.ids import NewId
from services.catalog.domain import (
    PictureNotFound,
    Product,
    ProductExists,
    ProductNotFound,
    SkuTaken,
    picture_name,
)
from services.catalog.draft import Draft
from services.catalog.imports import Created, Outcome, Shelf, Updated
from services.catalog.rows import PICTURES, PRODUCTS, product_of, values_of
from services.catalog.statements import page_of, search_for, those, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which products to list, in which order, and after which position."""

    filter: Filter | None
    order: tuple[By, ...]
    show_deleted: bool = False
    limit: int
    after: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some products; `next` is the position of the last of them if there are more."""

    products: tuple[Product, ...]
    next: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, and how well it matches: more is better."""

    product: Product
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """Some finds, the best first; `next` is the position of the last of them if there are more."""

    finds: tuple[Found, ...]
    next: Position | None = None


Left = TypeVar("Left", bound=Product | None)
"""What a change leaves: a product, or None where that may be."""


class Store(Protocol):
    """Keeps products: whole, and durably once a method has returned."""

    async def add(self, product: Product, claim: Claim | None, answer: bytes) -> bytes | None:
        """Keep a new product, or return the answer that the claim's request got the first time.

        Raises:
            ProductExists, SkuTaken: the name was ever used, or the sku is.
            RequestIdReused: the claim's id belongs to another request.
        """
        ...

    async def get(self, name: str) -> Product:
        """Return a product, deleted or not, or raise ProductNotFound."""
        ...

    async def get_all(self, names: Sequence[str]) -> tuple[Product, ...]:
        """Return these products in this order, or raise ProductNotFound for the first unknown."""
        ...

    async def page(self, query: Query) -> Page:
        """Return the products of the query that come after its position."""
        ...

    async def search(self, query: str, *, limit: int, after: Position | None) -> Finds:
        """Return the products that hold all words of the query; the last may be unfinished."""
        ...

    async def change(
        self,
        name: str,
        decide: Callable[[Product | None], Left],
        image: bytes | None = None,
    ) -> Left:
        """Make of a product what `decide` makes of it: None or the same leaves it as it is.

        Args:
            name: the product's.
            decide: gets the product, None if there is none; what it raises goes to the caller.
            image: the bytes of the picture that `decide` gives to it.

        Raises:
            SkuTaken: another product has its new sku.
        """
        ...

    async def take(self, lines: Sequence[Draft], now: datetime) -> list[Outcome]:
        """Create and replace products line by line; a line that is refused changes nothing."""
        ...

    def export(self, wanted: Filter | None, *, show_deleted: bool) -> AsyncGenerator[Product]:
        """Yield all products that the filter lets through by name, as they are at one moment.

        Raises:
            DatabaseBusy: so many exports run already that there is no turn for this one.
        """
        ...

    async def picture(self, product: str) -> tuple[str, bytes]:
        """Return the content type and the bytes of a picture, or raise PictureNotFound."""
        ...


_GET = select(PRODUCTS).where(PRODUCTS.c.name == bindparam("name"))
_UPDATE = update(PRODUCTS).where(PRODUCTS.c.name == bindparam("this"))
_PICTURE = (
    select(PRODUCTS.c.picture_type, PICTURES.c.content)
    .join(PICTURES, PICTURES.c.product == PRODUCTS.c.name)
    .where(PRODUCTS.c.name == bindparam("name"))
)
_PUT_PICTURE = text(
    "INSERT INTO pictures (product, content) VALUES (:product, :content)"
    " ON CONFLICT (product) DO UPDATE SET content = excluded.content"
)

_PAGE_BYTES = 3 * 1024 * 1024  # below gRPC's 4 MiB a message
_EXPORTS = 2  # at a time: each keeps a reader, and its view of the database
_RETRY_AFTER = 5.0  # seconds that an export may well take


class SqlStore:
    """Keeps products in a database (`Store`).

    Args:
        database: migrated by this service's migrations.
        new_id: names the products that lines of an import create.
        patience: seconds that an export waits for one of those that run to end.
    """

    def __init__(
        self, database: Database, new_id: NewId, *, patience: float = BUSY_TIMEOUT
    ) -> None:
        self._database = database
        self._new_id = new_id
        self._exports = asyncio.Semaphore(_EXPORTS)
        self._patience = patience

    async def add(self, product: Product, claim: Claim | None, answer: bytes) -> bytes | None:
        try:
            async with self._database.transaction() as tx:
                if claim is not None and (first := await tx.claim(claim)) is not None:
                    return first
                await tx.execute(insert(PRODUCTS), values_of(product))
                if claim is not None:
                    await tx.answer(claim, answer)
        except Conflict as conflict:
            raise _meaning(conflict, product) from conflict
        return None

    async def get(self, name: str) -> Product:
        async with self._database.snapshot() as tx:
            found = await _get(tx, name)
        if found is None:
            raise ProductNotFound.named(name)
        return found

    async def get_all(self, names: Sequence[str]) -> tuple[Product, ...]:
        async with self._database.snapshot() as tx:
            rows = await tx.execute(select(PRODUCTS).where(PRODUCTS.c.name.in_(names)))
        found = {row.name: product_of(row) for row in rows}
        missing = next((name for name in names if name not in found), None)
        if missing is not None:
            raise ProductNotFound.named(missing)
        return tuple(found[name] for name in names)

    async def page(self, query: Query) -> Page:
        statement = those(query.filter, show_deleted=query.show_deleted)
        async with self._database.snapshot() as tx:
            rows = (
                await tx.execute(page_of(statement, query.order, query.limit + 1, query.after))
            ).rows
        shown = _fitting(rows, query.limit)
        more = len(shown) < len(rows)
        return Page(
            products=tuple(product_of(row) for row in shown),
            next=position_of(shown[-1], query.order) if more else None,
        )

    async def search(self, query: str, *, limit: int, after: Position | None) -> Finds:
        system = self._database.system
        words = words_of(system, query)
        if not words:
            return Finds(finds=())
        async with self._database.snapshot() as tx:
            statement = search_for(system, limit + 1, after)
            rows = (await tx.execute(statement, {"words": words})).rows
        shown = _fitting(rows, limit)
        finds = tuple(Found(product=product_of(row), score=row.score) for row in shown)
        more = len(shown) < len(rows)
        return Finds(finds=finds, next=(shown[-1].score, shown[-1].name) if more else None)

    async def change(
        self,
        name: str,
        decide: Callable[[Product | None], Left],
        image: bytes | None = None,
    ) -> Left:
        async with self._database.transaction() as tx:
            before = await _get(tx, name)
            product = decide(before)
            if product is None or product is before:
                return product
            try:
                await tx.execute(_UPDATE, values_of(product) | {"this": name})
            except Conflict as conflict:
                raise _meaning(conflict, product) from conflict
            if image is not None:
                await tx.execute(_PUT_PICTURE, {"product": name, "content": image})
        return product

    async def take(self, lines: Sequence[Draft], now: datetime) -> list[Outcome]:
        async with self._database.transaction() as tx:
            shelf = Shelf(await _met_by(tx, lines))
            outcomes = [shelf.take(line, new_id=self._new_id, now=now) for line in lines]
            await _write(tx, outcomes)
        return outcomes

    async def export(self, wanted: Filter | None, *, show_deleted: bool) -> AsyncGenerator[Product]:
        statement = those(wanted, show_deleted=show_deleted).order_by(PRODUCTS.c.name)
        async with (
            self._turn_to_export(),
            self._database.snapshot() as tx,
            aclosing(tx.stream(statement)) as rows,
        ):
            async for row in rows:
                yield product_of(row)

    @asynccontextmanager
    async def _turn_to_export(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._exports.acquire()
        except TimeoutError as error:
            raise DatabaseBusy(
                f"{_EXPORTS} other exports are running: try again", retry_after=_RETRY_AFTER
            ) from error
        try:
            yield
        finally:
            self._exports.release()

    async def picture(self, product: str) -> tuple[str, bytes]:
        async with self._database.snapshot() as tx:
            row = (await tx.execute(_PICTURE, {"name": product})).first()
        if row is None:
            raise PictureNotFound.named(picture_name(product))
        return row.picture_type, bytes(row.content)


async def _get(tx: Snapshot, name: str) -> Product | None:
    row = (await tx.execute(_GET, {"name": name})).first()
    return None if row is None else product_of(row)


async def _met_by(tx: Snapshot, lines: Sequence[Draft]) -> list[Product]:
    named = PRODUCTS.c.name.in_({line.name for line in lines if line.name})
    same_sku = PRODUCTS.c.sku.in_({line.sku for line in lines if line.sku})
    on_sale = PRODUCTS.c.delete_time.is_(None)
    rows = await tx.execute(select(PRODUCTS).where(or_(named, and_(same_sku, on_sale))))
    return [product_of(row) for row in rows]


async def _write(tx: Transaction, outcomes: Sequence[Outcome]) -> None:
    """Write in the order of the lines: one may take the sku that another has given up."""
    changes = [outcome for outcome in outcomes if isinstance(outcome, Created | Updated)]
    for kind, group in groupby(changes, key=type):
        products = [outcome.product for outcome in group]
        if kind is Created:
            await tx.execute(insert(PRODUCTS), [values_of(each) for each in products])
        else:
            await tx.execute(_UPDATE, [values_of(each) | {"this": each.name} for each in products])


def _meaning(conflict: Conflict, product: Product) -> Error | Conflict:
    if conflict.constraint == "products_sku":
        return SkuTaken.by_another(product.sku)
    if conflict.constraint == "products_name":
        return ProductExists.named(product.name)
    return conflict


def _fitting(rows: Sequence[Row[Any]], limit: int) -> list[Row[Any]]:
    """Return the first rows, at least one, that fit into one message."""
    shown: list[Row[Any]] = []
    size = 0
    for row in rows[:limit]:
        size += 512 + sum(len(part.encode()) for part in (row.title, row.description, row.tags))
        if shown and size > _PAGE_BYTES:
            break
        shown.append(row)
    return shown
