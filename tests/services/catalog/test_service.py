"""Every method of the contract and every error that it documents, by a real server and channel."""

import asyncio
import struct
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money

from plait.data.claims import CLAIM_LIFETIME
from plait.data.database import Database
from plait.errors import (
    Aborted,
    AlreadyExists,
    Error,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from plait.testing import FakeClock, Serving, serving
from services.catalog import service as service_module
from services.catalog.service import CatalogService
from services.catalog.store import SqlStore
from shop.catalog.v1 import catalog_pb2 as pb
from shop.catalog.v1.catalog_pb2_grpc import (
    CatalogServiceStub,
    add_CatalogServiceServicer_to_server,
)
from tests.services.catalog.goods import Ids, draft

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 100
GIF = b"GIF89a" + b"\x00" * 100
WEBP = b"RIFF" + struct.pack("<I", 100) + b"WEBP" + b"\x00" * 100
LARGEST = 2 * 1024 * 1024


@dataclass
class Shop:
    """A running catalog: its stubs for different callers, and its clock."""

    running: Serving
    clock: FakeClock
    database: Database

    def __post_init__(self):
        self.admin = self.called_by("users/admin")
        self.nobody = CatalogServiceStub(self.running.channel)

    def called_by(self, user, *roles):
        return CatalogServiceStub(self.running.connect_as(user, roles=roles or ["admin"]))

    async def create(self, sku="CHESS-1", **fields):
        return await self.admin.CreateProduct(pb.CreateProductRequest(product=said(sku, **fields)))


@pytest.fixture
async def shop(database):
    clock, ids = FakeClock(), Ids()
    service = CatalogService(SqlStore(database, new_id=ids), clock=clock, new_id=ids)
    async with serving(
        lambda server: add_CatalogServiceServicer_to_server(service, server),
        name="catalog",
        ready=database.ready,
    ) as running:
        yield Shop(running, clock, database)


def said(sku="CHESS-1", **fields):
    usual = {"title": "Chess", "price": euros(19, 990_000_000)}
    return pb.Product(sku=sku, **(usual | fields))


def euros(units=0, nanos=0):
    return Money(currency_code="EUR", units=units, nanos=nanos)


async def refused(call):
    """What a call fails with."""
    with pytest.raises(Error) as caught:
        await call
    return caught.value


def get(name):
    return pb.GetProductRequest(name=name)


# CreateProduct, GetProduct


async def test_a_created_product_is_answered_and_can_be_read_by_everybody(shop):
    created = await shop.admin.CreateProduct(
        pb.CreateProductRequest(
            product=said(
                name="products/ignored", description="32 pieces", category="games", tags=["wood"]
            )
        )
    )

    assert created.name == "products/new1"
    assert (created.sku, created.title, created.description) == ("CHESS-1", "Chess", "32 pieces")
    assert (created.category, list(created.tags)) == ("games", ["wood"])
    assert created.price == euros(19, 990_000_000)
    assert created.create_time == created.update_time
    assert created.create_time.ToDatetime() == shop.clock.now().replace(tzinfo=None)
    assert created.etag
    assert not created.HasField("delete_time")
    assert not created.HasField("picture")
    assert await shop.nobody.GetProduct(get(created.name)) == created


async def test_a_product_may_be_created_under_an_id_of_ones_own(shop):
    created = await shop.admin.CreateProduct(
        pb.CreateProductRequest(product=said(), product_id="my-chess")
    )

    assert created.name == "products/my-chess"


async def test_a_sku_can_be_taken_once(shop):
    await shop.create("same")

    error = await refused(shop.create("same"))

    assert isinstance(error, AlreadyExists)
    assert (error.reason, error.domain) == ("SKU_TAKEN", "catalog.shop")
    assert "same" in error.message


async def test_an_id_can_be_used_once(shop):
    request = pb.CreateProductRequest(product=said("one"), product_id="chess")
    await shop.admin.CreateProduct(request)
    request.product.sku = "two"

    error = await refused(shop.admin.CreateProduct(request))

    assert isinstance(error, AlreadyExists)
    assert error.reason == "PRODUCT_EXISTS"
    assert error.resource == "products/chess"


async def test_the_same_request_id_creates_once_and_is_answered_as_then(shop):
    request = pb.CreateProductRequest(product=said(), request_id=str(uuid.uuid4()))
    first = await shop.admin.CreateProduct(request)
    await shop.admin.UpdateProduct(
        pb.UpdateProductRequest(product=pb.Product(name=first.name, title="Go"))
    )
    shop.clock.advance(CLAIM_LIFETIME.total_seconds() - 1)

    again = await shop.admin.CreateProduct(request)

    assert again == first
    assert len((await shop.nobody.ListProducts(pb.ListProductsRequest())).products) == 1


async def test_repetitions_at_the_same_time_create_once(shop):
    request = pb.CreateProductRequest(product=said(), request_id=str(uuid.uuid4()))

    answers = await asyncio.gather(*(shop.admin.CreateProduct(request) for _ in range(5)))

    assert len({answer.name for answer in answers}) == 1


async def test_a_request_id_of_another_product_is_refused(shop):
    request = pb.CreateProductRequest(product=said("one"), request_id=str(uuid.uuid4()))
    await shop.admin.CreateProduct(request)
    request.product.sku = "two"

    error = await refused(shop.admin.CreateProduct(request))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "REQUEST_ID_REUSED"


async def test_the_request_id_of_another_caller_is_another_id(shop):
    request = pb.CreateProductRequest(product=said("one"), request_id=str(uuid.uuid4()))
    await shop.admin.CreateProduct(request)
    request.product.sku = "two"

    assert (await shop.called_by("users/other").CreateProduct(request)).sku == "two"


async def test_without_a_request_id_a_repetition_fails_because_of_its_sku(shop):
    await shop.create()

    assert (await refused(shop.create())).reason == "SKU_TAKEN"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": "a" * 65}, "sku"),
        ({"sku": "with space"}, "sku"),
        ({"title": ""}, "title"),
        ({"title": "t" * 201}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"description": "d" * 10_001}, "description"),
        ({"price": None}, "price"),
        ({"price": Money(units=1)}, "price"),
        ({"price": Money(currency_code="eur", units=1)}, "price"),
        ({"price": euros(-1)}, "price"),
        ({"price": euros(0, -1)}, "price"),
        ({"price": euros(1_000_000_001)}, "price"),
        ({"price": euros(0, 1_000_000_000)}, "price"),
        ({"category": "Board Games"}, "category"),
        ({"category": "c" * 64}, "category"),
        ({"tags": [f"t{n}" for n in range(21)]}, "tags"),
        ({"tags": ["same", "same"]}, "tags"),
        ({"tags": ["Upper"]}, "tags"),
        ({"etag": "e" * 65}, "etag"),
    ],
)
async def test_a_product_that_breaks_a_rule_is_refused_with_its_field(shop, fields, named):
    product = said(**{"sku": "CHESS-1"} | fields)

    error = await refused(shop.admin.CreateProduct(pb.CreateProductRequest(product=product)))

    assert isinstance(error, InvalidArgument)
    assert any(named in f"{each.field} {each.description}" for each in error.violations)


@pytest.mark.parametrize(
    "fields",
    [
        {"sku": "a"},
        {"sku": "a" * 64},
        {"title": "t" * 200},
        {"description": "d" * 10_000},
        {"price": euros()},
        {"price": euros(1_000_000_000, 999_999_999)},
        {"category": "c" * 63},
        {"tags": [f"t{n}" for n in range(20)]},
    ],
)
async def test_a_product_at_the_edge_of_a_rule_is_taken_and_kept_exactly(shop, fields):
    created = await shop.create(**fields)

    for name, value in fields.items():
        assert getattr(await shop.nobody.GetProduct(get(created.name)), name) == value


@pytest.mark.parametrize(
    ("product_id", "fine"),
    [("a", True), ("a" * 63, True), ("a" * 64, False), ("A", False), ("-a", False), ("a/b", False)],
)
async def test_an_id_has_a_form(shop, product_id, fine):
    call = shop.admin.CreateProduct(pb.CreateProductRequest(product=said(), product_id=product_id))

    if fine:
        assert (await call).name == f"products/{product_id}"
    else:
        assert [each.field for each in (await refused(call)).violations] == ["product_id"]


async def test_an_unknown_product_is_not_found(shop):
    error = await refused(shop.nobody.GetProduct(get("products/none")))

    assert isinstance(error, NotFound)
    assert (error.reason, error.resource) == ("PRODUCT_NOT_FOUND", "products/none")


async def test_a_name_that_cannot_be_is_refused(shop):
    error = await refused(shop.nobody.GetProduct(get("prodcuts/p1")))

    assert [each.field for each in error.violations] == ["name"]


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("CreateProduct", pb.CreateProductRequest(product=said())),
        ("UpdateProduct", pb.UpdateProductRequest(product=said(name="products/p1"))),
        ("DeleteProduct", pb.DeleteProductRequest(name="products/p1")),
        (
            "PutPicture",
            pb.PutPictureRequest(
                name="products/p1/picture", content=HttpBody(content_type="image/png", data=PNG)
            ),
        ),
    ],
)
async def test_only_admins_change_the_catalog(shop, method, request_message):
    customer = shop.called_by("users/u1", "customer")

    assert isinstance(await refused(getattr(shop.nobody, method)(request_message)), Unauthenticated)
    assert isinstance(await refused(getattr(customer, method)(request_message)), PermissionDenied)


async def test_only_admins_import_and_export(shop):
    async def export(stub):
        return [line async for line in stub.ExportProducts(pb.ExportProductsRequest())]

    assert isinstance(await refused(shop.nobody.ImportProducts(lines(said()))), Unauthenticated)
    assert isinstance(await refused(export(shop.nobody)), Unauthenticated)


# UpdateProduct


def update(name, *paths, etag="", **fields):
    return pb.UpdateProductRequest(
        product=pb.Product(name=name, etag=etag, **fields), update_mask=FieldMask(paths=paths)
    )


async def test_an_update_changes_what_its_mask_names_and_nothing_else(shop):
    before = await shop.create(description="old", tags=["a"])
    shop.clock.advance(60)

    after = await shop.admin.UpdateProduct(
        update(before.name, "title", "description", title="Go", sku="ignored")
    )

    assert (after.title, after.description, after.sku) == ("Go", "", before.sku)
    assert list(after.tags) == ["a"]
    assert after.etag != before.etag
    assert after.create_time == before.create_time
    assert after.update_time.ToDatetime() - before.update_time.ToDatetime() == timedelta(minutes=1)
    assert await shop.nobody.GetProduct(get(before.name)) == after


async def test_without_a_mask_an_update_changes_the_fields_that_are_set(shop):
    before = await shop.create(description="old", tags=["a"])

    after = await shop.admin.UpdateProduct(update(before.name, title="Go"))

    assert (after.title, after.description, list(after.tags)) == ("Go", "old", ["a"])


async def test_a_star_replaces_everything_that_an_admin_sets(shop):
    before = await shop.create(description="old", tags=["a"], category="games")

    after = await shop.admin.UpdateProduct(
        update(before.name, "*", title="Go", sku="GO-1", price=euros(5))
    )

    assert (after.title, after.sku, after.price) == ("Go", "GO-1", euros(5))
    assert (after.description, list(after.tags), after.category) == ("", [], "")


async def test_what_only_the_shop_sets_may_be_named_and_is_ignored(shop):
    before = await shop.create()

    after = await shop.admin.UpdateProduct(
        update(before.name, "name", "create_time", "picture", "etag")
    )

    assert after == before


@pytest.mark.parametrize("path", ["nope", "price.units", "title.x", "Title", ""])
async def test_a_mask_that_names_no_field_is_refused_and_says_which(shop, path):
    before = await shop.create()

    error = await refused(shop.admin.UpdateProduct(update(before.name, "title", path, title="Go")))

    assert isinstance(error, InvalidArgument)
    assert [each.field for each in error.violations] == ["update_mask"]
    assert path in error.violations[0].description
    assert await shop.nobody.GetProduct(get(before.name)) == before


@pytest.mark.parametrize("path", ["sku", "title", "price", "*"])
async def test_what_a_product_must_have_cannot_be_cleared(shop, path):
    before = await shop.create()

    error = await refused(shop.admin.UpdateProduct(update(before.name, path)))

    assert isinstance(error, InvalidArgument)
    assert "cannot be cleared" in error.message


async def test_an_update_of_an_older_revision_is_refused(shop):
    before = await shop.create()
    await shop.admin.UpdateProduct(update(before.name, "title", title="Go", etag=before.etag))

    error = await refused(
        shop.admin.UpdateProduct(update(before.name, "title", title="Shogi", etag=before.etag))
    )

    assert isinstance(error, Aborted)
    assert (error.reason, error.resource) == ("ETAG_MISMATCH", before.name)
    assert (await shop.nobody.GetProduct(get(before.name))).title == "Go"


async def test_a_repeated_update_has_no_further_effect(shop):
    before = await shop.create()
    first = await shop.admin.UpdateProduct(update(before.name, "title", title="Go"))
    shop.clock.advance(60)

    assert await shop.admin.UpdateProduct(update(before.name, "title", title="Go")) == first


async def test_an_update_cannot_take_the_sku_of_another(shop):
    await shop.create("one")
    two = await shop.create("two")

    error = await refused(shop.admin.UpdateProduct(update(two.name, "sku", sku="one")))

    assert isinstance(error, AlreadyExists)
    assert error.reason == "SKU_TAKEN"


async def test_what_is_not_there_or_deleted_cannot_be_updated(shop):
    gone = await shop.create()
    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=gone.name))

    for name in ("products/none", gone.name):
        error = await refused(shop.admin.UpdateProduct(update(name, "title", title="Go")))
        assert (error.reason, error.resource) == ("PRODUCT_NOT_FOUND", name)


# DeleteProduct


async def test_a_deleted_product_can_be_read_but_no_longer_found(shop):
    created = await shop.create()
    shop.clock.advance(1)

    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=created.name))

    found = await shop.nobody.GetProduct(get(created.name))
    assert found.delete_time.ToDatetime() == shop.clock.now().replace(tzinfo=None)
    assert found.etag != created.etag
    assert not (await shop.nobody.ListProducts(pb.ListProductsRequest())).products
    assert not (await shop.nobody.SearchProducts(pb.SearchProductsRequest(query="chess"))).results
    shown = await shop.nobody.ListProducts(pb.ListProductsRequest(show_deleted=True))
    assert list(shown.products) == [found]


async def test_deleting_frees_the_sku_and_never_the_name(shop):
    request = pb.CreateProductRequest(product=said(), product_id="chess")
    await shop.admin.CreateProduct(request)
    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name="products/chess"))

    assert (await shop.create()).sku == "CHESS-1"
    assert (await refused(shop.admin.CreateProduct(request))).reason in {
        "PRODUCT_EXISTS",
        "SKU_TAKEN",
    }
    request.product.sku = "other"
    assert (await refused(shop.admin.CreateProduct(request))).reason == "PRODUCT_EXISTS"


async def test_deleting_again_or_what_never_was_is_refused_unless_allowed(shop):
    created = await shop.create()
    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=created.name))
    before = await shop.nobody.GetProduct(get(created.name))

    for name in (created.name, "products/none"):
        error = await refused(shop.admin.DeleteProduct(pb.DeleteProductRequest(name=name)))
        assert (error.reason, error.resource) == ("PRODUCT_NOT_FOUND", name)
        await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=name, allow_missing=True))

    assert await shop.nobody.GetProduct(get(created.name)) == before


async def test_deleting_an_older_revision_is_refused(shop):
    created = await shop.create()
    await shop.admin.UpdateProduct(update(created.name, "title", title="Go"))

    error = await refused(
        shop.admin.DeleteProduct(pb.DeleteProductRequest(name=created.name, etag=created.etag))
    )

    assert isinstance(error, Aborted)
    assert error.reason == "ETAG_MISMATCH"


# ListProducts


def listing(**fields):
    return pb.ListProductsRequest(**fields)


@pytest.fixture
async def full(shop):
    """Sixty products, dearest first, in three categories."""
    await shop.admin.ImportProducts(
        lines(
            *(
                said(
                    f"S{n:02}",
                    name=f"products/p{n:02}",
                    title=f"Thing {n:02}",
                    price=euros(60 - n),
                    category=("games", "books", "garden")[n % 3],
                )
                for n in range(60)
            )
        )
    )
    return shop


async def test_pages_show_every_product_once(full):
    names, token, sizes = [], "", []
    for _ in range(10):
        page = await full.nobody.ListProducts(listing(page_size=25, page_token=token))
        names += [product.name for product in page.products]
        sizes.append(len(page.products))
        token = page.next_page_token
        if not token:
            break

    assert names == [f"products/p{n:02}" for n in range(60)]
    assert sizes == [25, 25, 10]


@pytest.mark.parametrize(
    ("page_size", "shown"), [(0, 50), (1, 1), (59, 59), (60, 60), (61, 60), (5000, 60)]
)
async def test_a_page_has_the_size_that_was_asked_for(full, page_size, shown):
    page = await full.nobody.ListProducts(listing(page_size=page_size))

    assert len(page.products) == shown
    assert bool(page.next_page_token) is (shown < 60)


async def test_a_page_size_below_zero_is_refused(shop):
    error = await refused(shop.nobody.ListProducts(listing(page_size=-1)))

    assert [each.field for each in error.violations] == ["page_size"]


async def test_products_are_filtered_and_ordered(full):
    page = await full.nobody.ListProducts(
        listing(filter="category = books AND price <= 10", order_by="price desc, title")
    )

    assert [product.price.units for product in page.products] == [8, 5, 2]


@pytest.mark.parametrize(
    ("fields", "reason", "at"),
    [
        ({"filter": "colour = red"}, "INVALID_FILTER", "character 1"),
        ({"filter": "price <"}, "INVALID_FILTER", "character 8"),
        ({"filter": "price < cheap"}, "INVALID_FILTER", "character 9"),
        ({"filter": 'title = "open'}, "INVALID_FILTER", "character 9"),
        ({"order_by": "colour"}, "INVALID_ORDER_BY", "character 1"),
        ({"order_by": "title, price up"}, "INVALID_ORDER_BY", "character 8"),
    ],
)
async def test_what_cannot_be_understood_is_refused_and_says_where(shop, fields, reason, at):
    error = await refused(shop.nobody.ListProducts(listing(**fields)))

    assert isinstance(error, InvalidArgument)
    assert error.reason == reason
    assert at in error.message
    assert [each.field for each in error.violations] == list(fields)


@pytest.mark.parametrize(
    "other",
    [
        {"filter": "price < 50"},
        {"order_by": "title"},
        {"show_deleted": True},
        {"page_token": "nonsense"},
        {"page_token": "bm9uc2Vuc2Ugbm9uc2Vuc2Ugbm9uc2Vuc2U"},
    ],
)
async def test_a_page_token_of_another_query_is_refused(full, other):
    first = await full.nobody.ListProducts(listing(page_size=10))

    error = await refused(
        full.nobody.ListProducts(listing(**{"page_token": first.next_page_token} | other))
    )

    assert isinstance(error, InvalidArgument)
    assert error.reason == "INVALID_PAGE_TOKEN"


async def test_the_longest_titles_still_make_tokens_that_are_taken(shop):
    longest = [
        said(f"{n}" + "s" * 63, name=f"products/{n}" + "p" * 62, title="\U0001f600" * 200)
        for n in range(2)
    ]
    await shop.admin.ImportProducts(lines(*longest))
    query = {"order_by": "title, category, sku desc, price, create_time, update_time, name"}

    first = await shop.nobody.ListProducts(listing(page_size=1, **query))
    second = await shop.nobody.ListProducts(
        listing(page_size=1, page_token=first.next_page_token, **query)
    )

    assert [page.products[0].sku[0] for page in (first, second)] == ["1", "0"]


# SearchProducts


def searching(query, **fields):
    return pb.SearchProductsRequest(query=query, **fields)


async def test_a_search_finds_the_best_match_first(shop):
    await shop.create("one", title="Travel game", description="With a chess board.")
    await shop.create("two", title="Chess board")

    found = await shop.nobody.SearchProducts(searching("CHE"))

    assert [each.product.sku for each in found.results] == ["two", "one"]
    assert found.results[0].score > found.results[1].score > 0


async def test_pages_of_a_search_show_every_product_once(full):
    first = await full.nobody.SearchProducts(searching("thing", page_size=40))
    second = await full.nobody.SearchProducts(
        searching("thing", page_size=40, page_token=first.next_page_token)
    )

    names = [each.product.name for page in (first, second) for each in page.results]
    assert len(names) == len(set(names)) == 60
    assert second.next_page_token == ""


async def test_a_page_token_of_another_search_or_of_a_list_is_refused(full):
    search = await full.nobody.SearchProducts(searching("thing", page_size=1))
    page = await full.nobody.ListProducts(listing(page_size=1))

    for query, token in (("things", search.next_page_token), ("thing", page.next_page_token)):
        error = await refused(full.nobody.SearchProducts(searching(query, page_token=token)))
        assert error.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(("query", "fine"), [("", False), ("a" * 200, True), ("a" * 201, False)])
async def test_a_query_has_a_length(shop, query, fine):
    call = shop.nobody.SearchProducts(searching(query))

    if fine:
        assert not (await call).results
    else:
        assert [each.field for each in (await refused(call)).violations] == ["query"]


# BatchGetProducts


async def test_products_are_read_by_name_in_the_order_of_the_names(full):
    names = ["products/p05", "products/p01", "products/p59"]

    found = await full.nobody.BatchGetProducts(pb.BatchGetProductsRequest(names=names))

    assert [product.name for product in found.products] == names


async def test_reading_many_answers_all_or_none(full):
    error = await refused(
        full.nobody.BatchGetProducts(
            pb.BatchGetProductsRequest(names=["products/p01", "products/none"])
        )
    )

    assert (error.reason, error.resource) == ("PRODUCT_NOT_FOUND", "products/none")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "INVALID_REQUEST"),
        ([f"products/x{n}" for n in range(50)], "PRODUCT_NOT_FOUND"),
        ([f"products/x{n}" for n in range(51)], "INVALID_REQUEST"),
        (["products/p01", "products/p01"], "INVALID_REQUEST"),
        (["p01"], "INVALID_REQUEST"),
    ],
)
async def test_from_one_to_fifty_names_each_once(full, names, reason):
    error = await refused(full.nobody.BatchGetProducts(pb.BatchGetProductsRequest(names=names)))

    assert error.reason == reason


async def test_as_many_products_as_may_be_asked_for_fit_into_one_answer(shop):
    largest = [
        said(
            f"S{number:063}",
            name=f"products/p{number:062}",
            title="\N{GRINNING FACE}" * 200,
            description="\N{GRINNING FACE}" * 10_000,
            category="c" * 63,
            tags=[f"t{tag:062}" for tag in range(20)],
        )
        for number in range(50)
    ]
    report = await shop.admin.ImportProducts(lines(*largest))

    found = await shop.nobody.BatchGetProducts(
        pb.BatchGetProductsRequest(names=[each.name for each in largest])
    )

    assert report.created_count == 50
    assert 2 * 1024 * 1024 < found.ByteSize() < 4 * 1024 * 1024


# ImportProducts, ExportProducts


async def lines(*products):
    for product in products:
        yield pb.ImportProductsRequest(product=product)


async def test_an_import_says_what_became_of_each_line(shop):
    await shop.create("changed")
    await shop.create("same")
    gone = await shop.create("gone")
    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=gone.name))

    report = await shop.admin.ImportProducts(
        lines(
            said("new"),
            said("changed", title="Go"),
            said("same"),
            said("bad", price=euros(-1)),
            said("changed", title="Shogi", etag="stale"),
            said("any", name=gone.name),
            said("same", name="products/another"),
            pb.Product(),
        )
    )

    assert (report.created_count, report.updated_count, report.unchanged_count) == (1, 1, 1)
    assert report.refused_count == 5
    assert [(each.line, each.product, each.reason) for each in report.refusals] == [
        (4, "bad", "INVALID_PRODUCT"),
        (5, "changed", "ETAG_MISMATCH"),
        (6, gone.name, "PRODUCT_NOT_FOUND"),
        (7, "products/another", "SKU_TAKEN"),
        (8, "", "INVALID_PRODUCT"),
    ]
    assert report.refusals[0].field == "price"
    assert all(each.message for each in report.refusals)


async def test_an_empty_import_is_nothing(shop):
    assert await shop.admin.ImportProducts(lines()) == pb.ImportProductsResponse()


async def test_many_refusals_are_counted_and_the_first_hundred_told(shop):
    report = await shop.admin.ImportProducts(lines(*(said("") for _ in range(101))))

    assert report.refused_count == 101
    assert [each.line for each in report.refusals] == list(range(1, 101))


@pytest.mark.parametrize("count", [199, 200, 201, 1000])
async def test_an_import_of_any_length_is_taken_whole_and_again_changes_nothing(shop, count):
    products = [said(f"S{n}") for n in range(count)]

    first = await shop.admin.ImportProducts(lines(*products))
    again = await shop.admin.ImportProducts(lines(*products))

    assert first.created_count == count
    assert again.unchanged_count == count


async def test_large_lines_are_written_before_many_of_them_are_there():
    """Groups end at 200 lines or one MiB, whichever comes first."""
    large = said(description="d" * 10_000)
    size = pb.ImportProductsRequest(product=large).ByteSize()

    groups = [
        len(group) async for group in service_module._groups(lines(*(large for _ in range(250))))
    ]

    assert groups[0] == -(-1024 * 1024 // size)
    assert sum(groups) == 250


async def test_what_an_import_wrote_before_it_broke_off_stays(shop):
    """250 lines are sent, the stream is left open, then the caller goes away."""
    sent = asyncio.Event()

    async def endless():
        for number in range(250):
            yield pb.ImportProductsRequest(product=said(f"S{number}"))
        sent.set()
        await asyncio.Event().wait()

    call = shop.admin.ImportProducts(endless())
    waiting = asyncio.ensure_future(call)
    async with asyncio.timeout(10):
        await sent.wait()
        while await count(shop) < 200:  # noqa: ASYNC110 - the database is asked, and has no event
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert await count(shop) == 200
    again = await shop.admin.ImportProducts(lines(*(said(f"S{n}") for n in range(250))))
    assert (again.unchanged_count, again.created_count) == (200, 50)


async def count(shop):
    return len((await shop.nobody.ListProducts(listing(page_size=1000))).products)


async def exported(shop, **fields):
    answers = shop.admin.ExportProducts(pb.ExportProductsRequest(**fields))
    return [line.product async for line in answers]


async def test_an_export_streams_every_product_by_name(full):
    products = await exported(full)

    assert [product.name for product in products] == [f"products/p{n:02}" for n in range(60)]


async def test_an_export_can_be_filtered_and_show_what_is_deleted(full):
    await full.admin.DeleteProduct(pb.DeleteProductRequest(name="products/p57"))

    shown = await exported(full, filter="category = games AND price < 8")
    every = await exported(full, filter="category = games AND price < 8", show_deleted=True)

    assert [product.name for product in shown] == ["products/p54"]
    assert [product.name for product in every] == ["products/p54", "products/p57"]


async def test_an_export_with_a_filter_that_cannot_be_understood_is_refused(shop):
    error = await refused(exported(shop, filter="price"))

    assert error.reason == "INVALID_FILTER"


async def test_what_was_exported_can_be_imported_again_and_changes_nothing(full):
    await put(full, "products/p01", PNG)
    products = await exported(full)

    report = await full.admin.ImportProducts(lines(*products))

    assert report.unchanged_count == 60
    assert await exported(full) == products


async def test_an_export_that_is_left_early_leaves_the_catalog_as_usable_as_before(full):
    for _ in range(5):
        call = full.admin.ExportProducts(pb.ExportProductsRequest())
        async for _line in call:
            break
        call.cancel()

    assert len(await exported(full)) == 60


# PutPicture, GetPicture


async def put(shop, product, data, content_type="image/png"):
    return await shop.admin.PutPicture(
        pb.PutPictureRequest(
            name=f"{product}/picture", content=HttpBody(content_type=content_type, data=data)
        )
    )


async def get_picture(shop, product):
    return await shop.nobody.GetPicture(pb.GetPictureRequest(name=f"{product}/picture"))


@pytest.mark.parametrize(
    ("content_type", "data"),
    [("image/png", PNG), ("image/jpeg", JPEG), ("image/gif", GIF), ("image/webp", WEBP)],
)
async def test_a_picture_is_shown_as_it_was_set(shop, content_type, data):
    product = await shop.create()

    picture = await put(shop, product.name, data, content_type)

    shown = await get_picture(shop, product.name)
    assert (shown.content_type, shown.data) == (content_type, data)
    changed = await shop.nobody.GetProduct(get(product.name))
    assert changed.picture == picture
    assert (picture.content_type, picture.size_bytes) == (content_type, len(data))
    assert picture.name == f"{product.name}/picture"
    assert len(picture.sha256) == 64
    assert changed.etag != product.etag


async def test_setting_the_same_picture_again_has_no_effect(shop):
    product = await shop.create()
    first = await put(shop, product.name, PNG)
    before = await shop.nobody.GetProduct(get(product.name))
    shop.clock.advance(60)

    assert await put(shop, product.name, PNG) == first
    assert await shop.nobody.GetProduct(get(product.name)) == before


async def test_a_picture_can_be_replaced_by_another(shop):
    product = await shop.create()
    await put(shop, product.name, PNG)

    await put(shop, product.name, JPEG, "image/jpeg")

    assert (await get_picture(shop, product.name)).content_type == "image/jpeg"


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_a_picture_has_at_most_two_mebibytes(shop, more):
    product = await shop.create()
    data = PNG + b"\x00" * (LARGEST - len(PNG) + more)

    if more <= 0:
        assert (await put(shop, product.name, data)).size_bytes == LARGEST + more
        assert (await get_picture(shop, product.name)).data == data
    else:
        error = await refused(put(shop, product.name, data))
        assert isinstance(error, InvalidArgument)
        assert "2097152" in error.message


async def test_an_empty_picture_is_refused(shop):
    product = await shop.create()

    assert "bytes" in (await refused(put(shop, product.name, b""))).message


async def test_bytes_that_are_not_what_they_claim_are_refused(shop):
    product = await shop.create()

    error = await refused(put(shop, product.name, JPEG, "image/png"))

    assert isinstance(error, InvalidArgument)
    assert error.reason == "NOT_A_PICTURE"


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "", "image/PNG"])
async def test_other_content_types_are_refused(shop, content_type):
    product = await shop.create()

    error = await refused(put(shop, product.name, PNG, content_type))

    assert isinstance(error, InvalidArgument)
    assert "content_type" in error.message


async def test_a_picture_needs_a_product_that_is_on_sale(shop):
    gone = await shop.create()
    await shop.admin.DeleteProduct(pb.DeleteProductRequest(name=gone.name))

    for name in (gone.name, "products/none"):
        error = await refused(put(shop, name, PNG))
        assert (error.reason, error.resource) == ("PRODUCT_NOT_FOUND", name)


async def test_where_there_is_no_picture_none_is_found(shop):
    product = await shop.create()

    for name in (product.name, "products/none"):
        error = await refused(get_picture(shop, name))
        assert (error.reason, error.resource) == ("PICTURE_NOT_FOUND", f"{name}/picture")


# When the database is away


async def test_a_catalog_without_its_database_is_unavailable_not_broken(shop):
    await shop.create()
    await shop.database.close()

    error = await refused(shop.nobody.GetProduct(get("products/new1")))

    assert isinstance(error, Unavailable)
    assert error.reason == "DATABASE_UNAVAILABLE"


# Without a server around it


async def test_outside_of_a_call_a_request_id_belongs_to_nobody(store):
    service = CatalogService(store, clock=FakeClock(), new_id=Ids())
    request = pb.CreateProductRequest(product=said(), request_id=str(uuid.uuid4()))

    first = await service.CreateProduct(request, None)

    assert await service.CreateProduct(request, None) == first
    assert draft().sku == first.sku
