"""Gives every product of the catalog a first stock, by calls like anybody's.

`plait up` runs it once for a new database, and `plait seed` at any time: how many pieces a product
gets is told by its name, each adjustment counts once for ever, and what has a stock keeps it.
"""

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from plait.errors import Error, FailedPrecondition, NotFound
from plait.ids import request_id
from plait.mesh.channel import connect
from services.inventory.domain import stock_name
from shop.catalog.v1 import catalog_pb2
from shop.catalog.v1.catalog_pb2_grpc import CatalogServiceStub
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1.inventory_pb2_grpc import InventoryServiceStub

if TYPE_CHECKING:  # only checkers see these
    from shop.catalog.v1.catalog_pb2_grpc import CatalogServiceAsyncStub
    from shop.inventory.v1.inventory_pb2_grpc import InventoryServiceAsyncStub

CATALOG, INVENTORY = "127.0.0.1:9092", "127.0.0.1:9093"
REASON = "first delivery"

_IDS = uuid.UUID("6d0b2f0e-3c7c-4b57-9f0a-0d6a7a6f7c11")  # under which request ids are made
_CALLS = 4  # at a time
_CALL_SECONDS = 10.0
_PAGE = 100  # products: as many as are asked for by one BatchGetStock
_PROGRESS = 10_000  # products between two reports
_SOLD_OUT, _SCARCE = 40, 8  # one product of so many


def main() -> None:
    """Fill the inventory of PLAIT_TARGET_INVENTORY as the admin whose token PLAIT_TOKEN is.

    The products are those of the catalog of PLAIT_TARGET_CATALOG.
    """
    _arguments()
    token = os.environ.get("PLAIT_TOKEN", "")
    if not token:
        sys.exit("seed: expected an admin's token in PLAIT_TOKEN, found none: run `plait seed`")
    try:
        asyncio.run(_run(token))
    except Error as error:
        sys.exit(f"seed: a service answered {error.code.name}: {error.message}")


def deliveries(product: str) -> tuple[int, ...]:
    """Return what is brought to, and taken from, the shelf of a product: always the same.

    Most get some tens of pieces, one in 8 is scarce, and one in 40 is sold out.
    """
    number = int.from_bytes(sha256(product.encode()).digest()[:4])
    if number % _SOLD_OUT == 0:
        return (1, -1)
    return (1 + number % 3 if number % _SCARCE == 0 else 10 + number % 90,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Fills an inventory.

    Args:
        catalog: the service whose products get a stock.
        inventory: the service, in any state.
        token: an admin's.
        say: takes each line of progress.
    """

    catalog: "CatalogServiceAsyncStub"
    inventory: "InventoryServiceAsyncStub"
    token: str
    say: Callable[[str], None]

    async def run(self) -> None:
        """Give a stock to what has none.

        Raises:
            Error: a call failed; what was given before stays.
        """
        seen = given = 0
        async with aclosing(self._products()) as pages:
            async for products in pages:
                given += await self._give(products)
                before, seen = seen, seen + len(products)
                if seen // _PROGRESS > before // _PROGRESS:
                    self.say(f"looked at {seen} products")
        self.say(f"stock: {given} given, {seen - given} there already")

    async def _products(self) -> AsyncGenerator[Sequence[str]]:
        request = catalog_pb2.ListProductsRequest(page_size=_PAGE, order_by="name")
        while True:
            page = await self.catalog.ListProducts(request, timeout=_CALL_SECONDS)
            yield [product.name for product in page.products]
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _give(self, products: Sequence[str]) -> int:
        """Give a stock to those that have none, and return how many that were."""
        if not products or await self._have_stock(products):
            return 0
        turns = asyncio.Semaphore(_CALLS)

        async def give(product: str) -> bool:
            async with turns:
                if await self._have_stock([product]):
                    return False
                await self._deliver(product)
                return True

        try:
            async with asyncio.TaskGroup() as tasks:
                gifts = [tasks.create_task(give(product)) for product in products]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return sum(gift.result() for gift in gifts)

    async def _have_stock(self, products: Sequence[str]) -> bool:
        """Whether all of these have a stock, and those that are sold out have no more."""
        request = pb.BatchGetStockRequest(names=map(stock_name, products))
        try:
            found = await self.inventory.BatchGetStock(request, timeout=_CALL_SECONDS)
        except NotFound:
            return False
        return all(_is_whole(stock) for stock in found.stock)

    async def _deliver(self, product: str) -> None:
        for delta in deliveries(product):
            request = pb.AdjustStockRequest(
                name=stock_name(product),
                delta=delta,
                reason=REASON,
                request_id=request_id(_IDS, f"{product} {delta}"),
            )
            try:
                await self._adjust(request)
            except FailedPrecondition:
                if delta > 0:
                    raise
                # Somebody was faster, and has the piece that was to be taken away: it is sold out.

    async def _adjust(self, request: pb.AdjustStockRequest) -> None:
        metadata = (("authorization", f"Bearer {self.token}"),)
        await self.inventory.AdjustStock(request, timeout=_CALL_SECONDS, metadata=metadata)


def _is_whole(stock: pb.Stock) -> bool:
    """Whether all deliveries were made: where there are two, the second may be missing."""
    steps = deliveries(stock.product)
    return len(steps) == 1 or stock.on_hand != steps[0]


async def _run(token: str) -> None:
    async with (
        connect("catalog", target=CATALOG) as catalog,
        connect("inventory", target=INVENTORY) as inventory,
    ):
        seed = Seed(
            catalog=CatalogServiceStub(catalog),
            inventory=InventoryServiceStub(inventory),
            token=token,
            say=_say,
        )
        await seed.run()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # whoever waits reads it from a log or a pipe


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="seed", description="Give every product of the catalog a first stock."
    )
    parser.add_argument(
        "--products",
        metavar="N",
        help="makes no difference: `plait seed` tells it to every seed, and the catalog knows",
    )
    return parser.parse_args()
