"""Filling an inventory by its own methods, with what a catalog sells."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from plait.errors import FailedPrecondition, PermissionDenied, Unavailable
from plait.testing import FakeClock, serving
from services.catalog.samples.products import samples
from services.inventory import seed
from services.inventory.seed import Seed, deliveries
from services.inventory.service import InventoryService
from services.inventory.store import SqlStore
from services.inventory.watch import StockWatch
from shop.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1.inventory_pb2_grpc import (
    InventoryServiceStub,
    add_InventoryServiceServicer_to_server,
)
from tests.services.inventory import goods

ASSORTMENT = [product.name for product in samples(60)]
SOLD_OUT = next(name for name in ASSORTMENT if len(deliveries(name)) == 2)
SCARCE = next(name for name in ASSORTMENT if 0 < deliveries(name)[0] < 10 and name != SOLD_OUT)
USUAL = next(name for name in ASSORTMENT if deliveries(name)[0] >= 10)


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    """A catalog of these products, as far as a seed asks for it: pages of their names in order."""

    def __init__(self, products):
        self.products = products
        self.asked = []

    async def ListProducts(self, request, context):  # noqa: N802 - the contract's name
        assert request.order_by == "name"
        self.asked.append(request.page_token)
        first = int(request.page_token or 0)
        after = first + request.page_size
        names = sorted(self.products)
        return catalog_pb2.ListProductsResponse(
            products=[catalog_pb2.Product(name=name) for name in names[first:after]],
            next_page_token=str(after) if after < len(names) else "",
        )


class Watched(InventoryService):
    """The inventory, which counts adjustments, and how many of them come at a time."""

    def __init__(self, store):
        super().__init__(store, StockWatch(store, interval=3600))
        self.adjusted = self.now = self.most = 0
        self.fails_at, self.error = 0, Unavailable("nobody is at the shelf")

    async def AdjustStock(self, request, context):  # noqa: N802 - the contract's name
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            self.adjusted += 1
            if self.adjusted == self.fails_at:
                raise self.error
            return await super().AdjustStock(request, context)
        finally:
            self.now -= 1


class Shop:
    """A running catalog and inventory, a seed, and what it said."""

    def __init__(self, catalog, inventory, running, store):
        self.catalog, self.inventory, self.store = catalog, inventory, store
        self.selling, self.running = running
        self.token = self.running.keys.user_token("users/admin", ["admin"])
        self.said = []
        self.seed = self.with_token(self.token)

    def with_token(self, token):
        return Seed(
            catalog=catalog_pb2_grpc.CatalogServiceStub(self.selling.channel),
            inventory=InventoryServiceStub(self.running.channel),
            token=token,
            say=self.said.append,
        )

    async def on_hand(self):
        return {each.product: each.on_hand for each in await self.store.find(self.catalog.products)}


@pytest.fixture
async def shop(database) -> AsyncIterator[Shop]:
    store = SqlStore(database, clock=FakeClock())
    catalog, inventory = Catalog(ASSORTMENT[:]), Watched(store)
    async with (
        serving(
            lambda server: catalog_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server),
            name="catalog",
        ) as selling,
        serving(
            lambda server: add_InventoryServiceServicer_to_server(inventory, server),
            name="inventory",
        ) as running,
    ):
        yield Shop(catalog, inventory, (selling, running), store)
    assert await goods.faults(store) == []


def test_what_a_product_gets_is_told_by_its_name():
    assert deliveries(USUAL) == deliveries(USUAL)
    assert all(sum(deliveries(name)) >= 0 for name in ASSORTMENT)


def test_most_samples_have_plenty_some_are_scarce_and_one_is_sold_out():
    pieces = [sum(deliveries(name)) for name in ASSORTMENT]

    assert pieces.count(0) == 1
    assert 3 <= sum(0 < number < 10 for number in pieces) <= 15
    assert sum(number >= 10 for number in pieces) >= 40
    assert max(pieces) < 100


async def test_every_product_of_the_catalog_gets_a_stock(shop):
    await shop.seed.run()

    assert await shop.on_hand() == {name: sum(deliveries(name)) for name in ASSORTMENT}
    assert shop.said == ["stock: 60 given, 0 there already"]


async def test_a_second_time_changes_nothing(shop):
    await shop.seed.run()
    before, adjusted = await shop.store.find(ASSORTMENT), shop.inventory.adjusted

    await shop.seed.run()

    assert await shop.store.find(ASSORTMENT) == before
    assert shop.inventory.adjusted == adjusted
    assert shop.said[1:] == ["stock: 0 given, 60 there already"]


async def test_new_products_get_a_stock_and_the_others_keep_theirs(shop):
    shop.catalog.products = ["products/a", "products/c"]
    await shop.seed.run()
    await goods.fill(shop.store, c=5)
    shop.catalog.products.append("products/b")

    await shop.seed.run()

    assert await shop.on_hand() == {
        "products/a": sum(deliveries("products/a")),
        "products/b": sum(deliveries("products/b")),
        "products/c": sum(deliveries("products/c")) + 5,
    }
    assert shop.said[1:] == ["stock: 1 given, 2 there already"]


async def test_a_stock_that_somebody_has_made_is_left_alone(shop):
    shop.catalog.products = [USUAL, SCARCE]
    await goods.fill(shop.store, **{USUAL.removeprefix("products/"): 3})

    await shop.seed.run()

    assert (await shop.on_hand())[USUAL] == 3
    assert (await shop.on_hand())[SCARCE] == sum(deliveries(SCARCE))


@pytest.mark.parametrize("at", [1, 2])
async def test_a_seed_that_was_interrupted_can_be_made_up_for(shop, at):
    shop.catalog.products = [SOLD_OUT]
    shop.inventory.fails_at = at
    with pytest.raises(Unavailable, match="nobody is at the shelf"):
        await shop.seed.run()
    assert await shop.on_hand() == ({SOLD_OUT: 1} if at == 2 else {})

    for _ in range(2):
        await shop.seed.run()

    assert await shop.on_hand() == {SOLD_OUT: 0}


async def test_a_piece_that_somebody_buys_before_it_is_taken_away_is_theirs(shop):
    shop.catalog.products = [SOLD_OUT]
    shop.inventory.fails_at = 2
    with pytest.raises(Unavailable):
        await shop.seed.run()
    await shop.store.reserve(goods.hold(**{SOLD_OUT.removeprefix("products/"): 1}), goods.claim())

    await shop.seed.run()

    assert (await shop.store.get(SOLD_OUT)).available == 0


async def test_a_first_delivery_that_is_refused_is_told(shop):
    shop.inventory.fails_at, shop.inventory.error = 1, FailedPrecondition("no")

    with pytest.raises(FailedPrecondition):
        await shop.seed.run()


async def test_a_large_catalog_is_read_page_by_page_and_says_how_far_it_is(shop, monkeypatch):
    monkeypatch.setattr(seed, "_PAGE", 10)
    monkeypatch.setattr(seed, "_PROGRESS", 20)
    shop.catalog.products = [f"products/sample-{number}" for number in range(45)]

    await shop.seed.run()

    assert shop.catalog.asked == ["", "10", "20", "30", "40"]
    assert shop.said == [
        "looked at 20 products",
        "looked at 40 products",
        "stock: 45 given, 0 there already",
    ]
    assert 1 <= shop.inventory.most <= 4


async def test_an_empty_catalog_is_no_mistake(shop):
    shop.catalog.products = []

    await shop.seed.run()

    assert shop.said == ["stock: 0 given, 0 there already"]


async def test_who_is_no_admin_gives_nothing(shop):
    token = shop.running.keys.user_token("users/u1", ["customer"])

    with pytest.raises(PermissionDenied):
        await shop.with_token(token).run()

    assert await shop.on_hand() == {}


# The command


async def run_seed(*arguments, **environment):
    """Run the seed as the supervisor does: a process of its own that calls `main`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from services.inventory.seed import main; main()",
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("arguments", [(), ("--products", "3")])
async def test_the_command_fills_the_inventory_at_the_target_as_the_admin_of_the_token(
    shop, arguments
):
    code, out, err = await run_seed(
        *arguments,
        PLAIT_TOKEN=shop.token,
        PLAIT_TARGET_CATALOG=shop.selling.target,
        PLAIT_TARGET_INVENTORY=shop.running.target,
    )

    assert (code, out, err) == (0, "stock: 60 given, 0 there already\n", "")
    found = await InventoryServiceStub(shop.running.channel).GetStock(
        pb.GetStockRequest(name=f"{USUAL}/stock")
    )
    assert found.available == sum(deliveries(USUAL))


def command(monkeypatch, *arguments, **environment):
    """Run `main` here and return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["services.inventory.seed", *arguments])
    monkeypatch.delenv("PLAIT_TOKEN", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        seed.main()
    return ended.value.code


def test_without_a_token_the_command_says_what_to_do(monkeypatch):
    assert command(monkeypatch) == (
        "seed: expected an admin's token in PLAIT_TOKEN, found none: run `plait seed`"
    )


def test_a_service_that_is_not_there_is_one_clear_sentence(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{unused.getsockname()[1]}"

        said = command(monkeypatch, PLAIT_TOKEN="a.b.c", PLAIT_TARGET_CATALOG=target)

    assert re.fullmatch(r"seed: a service answered UNAVAILABLE: catalog does not answer.*", said)
