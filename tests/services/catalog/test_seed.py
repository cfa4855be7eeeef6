"""Filling a catalog by its own methods, as anybody would."""

import asyncio
import os
import re
import socket
import sys
from hashlib import sha256

import pytest

from plait.errors import NotFound, PermissionDenied, Unavailable
from plait.testing import FakeClock, serving
from services.catalog import seed
from services.catalog.samples.products import assortment, samples
from services.catalog.seed import MOST_PRODUCTS, Seed, SeedFailed
from services.catalog.service import CatalogService
from services.catalog.store import SqlStore
from shop.catalog.v1 import catalog_pb2 as pb
from shop.catalog.v1.catalog_pb2_grpc import (
    CatalogServiceStub,
    add_CatalogServiceServicer_to_server,
)
from tests.services.catalog.goods import Ids


class Watched(CatalogService):
    """The catalog, which counts the pictures that it is sent, and how many of them at a time."""

    def __init__(self, store):
        super().__init__(store, clock=FakeClock(), new_id=Ids())
        self.pictures = self.now = self.most = 0
        self.closed = False

    async def PutPicture(self, request, context):  # noqa: N802 - the contract's name
        if self.closed:
            raise Unavailable("the catalog has no place for pictures")
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            self.pictures += 1
            return await super().PutPicture(request, context)
        finally:
            self.now -= 1


class Shop:
    """A running catalog, a seed for it, and what the seed said."""

    def __init__(self, running, catalog):
        self.running = running
        self.catalog = catalog
        self.stub = CatalogServiceStub(running.connect_as(roles=["admin"]))
        self.token = running.keys.user_token("users/admin", ["admin"])
        self.said = []
        self.seed = self.with_token(self.token)

    def with_token(self, token):
        stub = CatalogServiceStub(self.running.channel)
        return Seed(catalog=stub, token=token, say=self.said.append)

    async def all(self):
        request = pb.ListProductsRequest(page_size=1000, show_deleted=True)
        return list((await self.stub.ListProducts(request)).products)


@pytest.fixture
async def shop(database):
    catalog = Watched(SqlStore(database, new_id=Ids()))
    async with serving(
        lambda server: add_CatalogServiceServicer_to_server(catalog, server), name="catalog"
    ) as running:
        yield Shop(running, catalog)


async def test_a_new_catalog_is_filled_with_products_and_their_pictures(shop):
    await shop.seed.run(5)

    there = {product.name: product for product in await shop.all()}
    for drawn in assortment(5):
        product = there.pop(drawn.product.name)
        assert (product.title, product.price) == (drawn.product.title, drawn.product.price)
        picture = await shop.stub.GetPicture(pb.GetPictureRequest(name=product.picture.name))
        assert (picture.content_type, picture.data) == ("image/png", drawn.draw().png())
        assert product.picture.sha256 == sha256(picture.data).hexdigest()
    assert there == {}
    assert shop.said == [
        "importing 5 products",
        "products: 5 created, 0 set back, 0 there already, 0 stay deleted",
        "pictures: 5 set, 0 there already",
    ]


async def test_a_second_time_changes_nothing(shop):
    await shop.seed.run(5)
    before = await shop.all()

    await shop.seed.run(5)

    assert await shop.all() == before
    assert shop.catalog.pictures == 5
    assert shop.said[-2:] == [
        "products: 0 created, 0 set back, 5 there already, 0 stay deleted",
        "pictures: 0 set, 5 there already",
    ]


async def test_a_large_seed_says_how_far_it_is_and_draws_only_what_is_made_by_hand(
    shop, monkeypatch
):
    monkeypatch.setattr(seed, "_PROGRESS", 30)

    await shop.seed.run(70)

    there = await shop.all()
    assert len(there) == 70
    assert {each.name for each in there if each.HasField("picture")} == {
        drawn.product.name for drawn in assortment(70)
    }
    assert [line for line in shop.said if "sent" in line] == ["sent 30 of 70", "sent 60 of 70"]


async def test_pictures_are_sent_a_few_at_a_time(shop):
    await shop.seed.run(12)

    assert shop.catalog.pictures == 12
    assert 1 <= shop.catalog.most <= 4


async def test_no_products_are_no_mistake(shop):
    await shop.seed.run(0)

    assert await shop.all() == []


async def test_a_product_of_somebody_else_is_left_alone(shop):
    (like,) = samples(1)
    own = pb.Product(sku="MINE", title="Mine", price=like.price)
    mine = await shop.stub.CreateProduct(pb.CreateProductRequest(product=own))

    await shop.seed.run(2)

    assert await shop.stub.GetProduct(pb.GetProductRequest(name=mine.name)) == mine
    assert len(await shop.all()) == 3


async def test_a_sample_that_was_changed_is_set_back(shop):
    await shop.seed.run(2)
    (sample,) = samples(1)
    changed = pb.Product(name=sample.name, title="Changed")
    await shop.stub.UpdateProduct(pb.UpdateProductRequest(product=changed))

    await shop.seed.run(2)

    there = await shop.stub.GetProduct(pb.GetProductRequest(name=sample.name))
    assert there.title == sample.title
    assert "1 set back" in shop.said[-2]


async def test_a_picture_that_was_changed_is_set_back(shop):
    await shop.seed.run(2)
    first, second = assortment(2)
    request = pb.PutPictureRequest(name=f"{first.product.name}/picture")
    request.content.content_type, request.content.data = "image/png", second.draw().png()
    await shop.stub.PutPicture(request)

    await shop.seed.run(2)

    there = await shop.stub.GetPicture(pb.GetPictureRequest(name=request.name))
    assert there.data == first.draw().png()
    assert shop.said[-1] == "pictures: 1 set, 1 there already"


async def test_a_sample_that_was_deleted_stays_deleted(shop):
    await shop.seed.run(2)
    (sample,) = samples(1)
    await shop.stub.DeleteProduct(pb.DeleteProductRequest(name=sample.name))

    await shop.seed.run(2)

    there = await shop.stub.GetProduct(pb.GetProductRequest(name=sample.name))
    assert there.HasField("delete_time")
    assert shop.said[-2:] == [
        "products: 0 created, 0 set back, 1 there already, 1 stay deleted",
        "pictures: 0 set, 1 there already",
    ]


async def test_a_sample_whose_sku_is_taken_is_named_and_ends_the_seed(shop):
    (sample,) = samples(1)
    taken = pb.Product(sku=sample.sku, title="Mine", price=sample.price)
    await shop.stub.CreateProduct(pb.CreateProductRequest(product=taken))

    with pytest.raises(SeedFailed, match=f"{sample.name} was refused, SKU_TAKEN: another product"):
        await shop.seed.run(2)

    with pytest.raises(NotFound):
        await shop.stub.GetProduct(pb.GetProductRequest(name=sample.name))


async def test_who_is_no_admin_fills_nothing(shop):
    token = shop.running.keys.user_token("users/u1", ["customer"])

    with pytest.raises(PermissionDenied):
        await shop.with_token(token).run(2)

    assert await shop.all() == []


async def test_a_picture_that_fails_ends_the_seed_with_its_error_and_can_be_made_up_for(shop):
    shop.catalog.closed = True
    with pytest.raises(Unavailable, match="no place for pictures"):
        await shop.seed.run(6)
    shop.catalog.closed = False

    await shop.seed.run(6)

    assert shop.said[-1] == "pictures: 6 set, 0 there already"


def test_the_assortment_fits_into_one_call():
    assert len(list(assortment(MOST_PRODUCTS))) <= 100


# The command


async def run_seed(*arguments, **environment):
    """Run the seed as the supervisor does: a process of its own that calls `main`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from services.catalog.seed import main; main()",
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command_fills_the_catalog_at_the_target_as_the_admin_of_the_token(shop):
    code, out, err = await run_seed(
        "--products", "3", PLAIT_TOKEN=shop.token, PLAIT_TARGET_CATALOG=shop.running.target
    )

    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "importing 3 products"
    assert len(await shop.all()) == 3


def command(monkeypatch, *arguments, **environment):
    """Run `main` here and return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["services.catalog.seed", *arguments])
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


def test_a_catalog_that_is_not_there_is_one_clear_sentence(monkeypatch, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{unused.getsockname()[1]}"

        said = command(monkeypatch, PLAIT_TOKEN="a.b.c", PLAIT_TARGET_CATALOG=target)

    assert re.fullmatch(r"seed: the catalog answered UNAVAILABLE: [^\n]+", said)
    assert capsys.readouterr().out == "importing 60 products\n"


def test_a_sample_that_is_refused_is_one_clear_sentence(monkeypatch):
    async def refused(token, count):
        raise SeedFailed(f"the sample was refused ({token}, {count})")

    monkeypatch.setattr(seed, "_run", refused)

    assert command(monkeypatch, "--products", "7", PLAIT_TOKEN="t") == (
        "seed: the sample was refused (t, 7)"
    )


@pytest.mark.parametrize("count", ["-1", "many", "1.5", str(MOST_PRODUCTS + 1), ""])
def test_a_number_of_products_that_cannot_be_is_refused(monkeypatch, capsys, count):
    assert command(monkeypatch, "--products", count, PLAIT_TOKEN="t") == 2
    assert f"expected a number from 0 to {MOST_PRODUCTS}, found {count!r}" in (
        capsys.readouterr().err
    )
