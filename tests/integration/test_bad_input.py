"""Whatever a client gets wrong, the shop says what, where, and what it expected: both ways in."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta

import grpc
import grpc.aio
import httpx
import pytest
from google.type.money_pb2 import Money

from plait.testing import TestKeys
from shop.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from tests.integration.refusals import by_grpc, by_http

CATALOG = "/shop.catalog.v1.CatalogService"
MOST = 4 * 1024 * 1024  # bytes of a message, and of the body that becomes one
NONSENSE = {"Authorization": "Bearer nonsense"}


@pytest.fixture
def gateway(shop):
    with httpx.Client(base_url=shop.url("")) as client:
        yield client


@pytest.fixture
async def channel(shop):
    unbounded = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(shop.catalog, options=unbounded) as channel:
        yield channel


@pytest.fixture
def catalog(channel):
    return catalog_pb2_grpc.CatalogServiceStub(channel)


@pytest.fixture(scope="session")
def admin(shop):
    return shop.admin()


@pytest.fixture
def created(shop, admin):
    """Products that a test has made; deleted after it."""
    made: list[str] = []
    yield made
    for name in made:
        httpx.delete(shop.url(f"/v1/{name}"), headers=admin).raise_for_status()


def metadata(headers):
    return [(name.lower(), value) for name, value in headers.items()]


def product(**fields):
    price = {"currencyCode": "EUR", "units": "1"}
    return {"sku": f"BAD-{uuid.uuid4().hex[:8]}", "title": "Teapot", "price": price} | fields


def message(sku="BAD-1", **fields):
    price = Money(currency_code="EUR", units=1)
    return catalog_pb2.CreateProductRequest(
        product=catalog_pb2.Product(sku=sku, title="Teapot", price=price), **fields
    )


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


# What cannot be read


def test_json_that_is_none_is_refused_with_line_and_column(gateway, admin):
    answer = gateway.post(
        "/v1/products",
        headers=admin | {"Content-Type": "application/json"},
        content='{"sku": "BAD-1",\n "title" "Teapot"}',
    )

    said = by_http(answer, 400)
    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "MALFORMED_JSON",
        "gateway",
    )
    assert said.message == 'the body is not JSON: expected `:`, found `"` at line 2, column 10'
    assert said.metadata == {"line": "2", "column": "10"}


async def test_bytes_that_are_no_message_are_refused(channel):
    call = channel.unary_unary(f"{CATALOG}/GetProduct")(b"\xff\xff")

    said = by_grpc(await refused(call))

    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "MALFORMED_MESSAGE",
        "catalog.shop",
    )
    assert "GetProduct" in said.message
    assert "expected the protobuf message of its contract, found 2 other bytes" in said.message


# What does not fit the contract


def test_an_unknown_field_is_refused_with_the_nearest_known_name(gateway, admin):
    answer = gateway.post("/v1/products", headers=admin, json={"titel": "Teapot"})

    said = by_http(answer, 400)
    assert (said.reason, said.domain) == ("INVALID_REQUEST", "gateway")
    assert said.violations == {"product.titel": "json.unknown_field"}
    assert said.message == (
        'the body, product.titel: there is no field "titel"; did you mean "title"?'
    )


def test_an_unknown_query_parameter_is_refused_with_the_nearest_known_name(gateway):
    answer = gateway.get("/v1/products?pageSise=2")

    said = by_http(answer, 400)
    assert (said.reason, said.domain) == ("INVALID_REQUEST", "gateway")
    assert said.violations == {"pageSise": "query.unknown"}
    assert said.message.endswith('there is no field "pageSise"; did you mean "pageSize"?')


def test_a_value_of_another_type_is_refused_with_what_was_expected_and_found(gateway, admin):
    answer = gateway.post("/v1/products", headers=admin, json=product(sku=3))

    said = by_http(answer, 400)
    assert (said.reason, said.domain) == ("INVALID_REQUEST", "gateway")
    assert said.violations == {"product.sku": "json.type"}
    assert said.message == "the body, product.sku: expected a string, found the number 3"


def test_a_query_parameter_of_another_type_is_refused_in_the_same_way(gateway):
    answer = gateway.get("/v1/products?pageSize=many")

    said = by_http(answer, 400)
    assert said.violations == {"pageSize": "query.value"}
    assert 'expected an integer from -2147483648 to 2147483647, found "many"' in said.message


def test_a_broken_constraint_is_refused_with_the_field_and_the_rule(gateway, admin):
    answer = gateway.post("/v1/products", headers=admin, json=product(sku="no sku"))

    said = by_http(answer, 400)
    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "catalog.shop",
    )
    assert said.violations == {"product.sku": "string.pattern"}
    assert said.message.startswith("product.sku: does not match regex pattern")


async def test_a_broken_constraint_is_refused_by_grpc_with_the_field_and_the_rule(catalog, admin):
    call = catalog.CreateProduct(message(sku="no sku"), metadata=metadata(admin))

    said = by_grpc(await refused(call))

    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "catalog.shop",
    )
    assert said.violations == {"product.sku": "string.pattern"}
    assert said.message.startswith("product.sku: does not match regex pattern")


async def test_a_field_is_named_as_its_reader_writes_it(gateway, catalog, admin):
    answer = gateway.post(
        "/v1/products", headers=admin, params={"productId": "Tea!"}, json=product()
    )
    call = catalog.CreateProduct(message(product_id="Tea!"), metadata=metadata(admin))

    assert by_http(answer, 400).violations == {"productId": "string.pattern"}
    assert by_grpc(await refused(call)).violations == {"product_id": "string.pattern"}


# What is not there


def test_an_unknown_path_is_refused(gateway):
    answer = gateway.get("/v1/product")

    said = by_http(answer, 404)
    assert (said.status, said.reason, said.domain) == ("NOT_FOUND", "ROUTE_NOT_FOUND", "gateway")
    assert said.message == "there is nothing at /v1/product; see /openapi.json for what there is"


def test_another_http_method_is_refused_with_those_that_there_are(gateway, admin):
    answer = gateway.put("/v1/products", headers=admin, json=product())

    said = by_http(answer, 405)
    assert (said.reason, said.domain) == ("METHOD_NOT_ALLOWED", "gateway")
    assert said.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert said.message == (
        "/v1/products does not take PUT; expected one of GET, HEAD, OPTIONS, POST"
    )


async def test_an_unknown_method_is_unimplemented(channel):
    error = await refused(channel.unary_unary(f"{CATALOG}/GetProducts")(b""))

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED  # said by gRPC itself, so without details
    assert error.details() == "Method not found!"


# What is too large


def test_a_body_that_is_too_large_is_refused_with_the_limit(gateway, admin):
    body = json.dumps(product(description="x" * MOST))

    answer = gateway.post(
        "/v1/products", headers=admin | {"Content-Type": "application/json"}, content=body
    )

    said = by_http(answer, 413)
    assert (said.status, said.reason, said.domain) == (
        "RESOURCE_EXHAUSTED",
        "BODY_TOO_LARGE",
        "gateway",
    )
    assert said.message == f"the body is too large; expected at most {MOST} bytes"
    assert said.metadata == {"limit": str(MOST)}


async def test_a_message_that_is_too_large_is_refused_with_the_limit(catalog, admin):
    request = message()
    request.product.description = "x" * MOST

    error = await refused(catalog.CreateProduct(request, metadata=metadata(admin)))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # by gRPC itself, without details
    assert f"({request.ByteSize()} vs. {MOST})" in error.details()


# Who is not known


def forged(folder):
    """The header of somebody who says to be an admin, and has only keys of their own."""
    return {"Authorization": f"Bearer {TestKeys(folder).user_token(roles=['admin'])}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Headers that prove nothing, and why they are refused."""

    headers: dict[str, str]
    reason: str
    text: str


@pytest.fixture(params=["no JWT", "another's key", "expired"])
def stranger(request, shop, tmp_path):
    late = shop.admin_for(timedelta(minutes=-1))
    return {
        "no JWT": Stranger(headers=NONSENSE, reason="TOKEN_INVALID", text="no JWT that its issuer"),
        "another's key": Stranger(
            headers=forged(tmp_path),
            reason="TOKEN_INVALID",
            text="signed with a key that its issuer does not have",
        ),
        "expired": Stranger(headers=late, reason="TOKEN_EXPIRED", text="expired; get a new one"),
    }[request.param]


def test_a_token_that_proves_nothing_is_refused_and_the_header_says_why(gateway, stranger):
    answer = gateway.post("/v1/products", headers=stranger.headers, json=product())

    said = by_http(answer, 401)
    assert (said.status, said.reason, said.domain) == (
        "UNAUTHENTICATED",
        stranger.reason,
        "gateway",
    )
    assert stranger.text in said.message
    assert said.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="{said.message}"'
    )


async def test_a_token_that_proves_nothing_is_refused_by_grpc(catalog, stranger):
    call = catalog.CreateProduct(message(), metadata=metadata(stranger.headers))

    said = by_grpc(await refused(call))

    assert (said.status, said.reason, said.domain) == (
        "UNAUTHENTICATED",
        stranger.reason,
        "catalog.shop",
    )
    assert stranger.text in said.message


def test_a_token_that_proves_nothing_is_refused_where_none_is_needed(gateway):
    answer = gateway.get("/v1/products", headers=NONSENSE)

    assert by_http(answer, 401).reason == "TOKEN_INVALID"


def test_the_answer_to_no_token_asks_for_one(gateway):
    answer = gateway.post("/v1/products", json=product())

    said = by_http(answer, 401)
    assert (said.reason, said.domain) == ("TOKEN_MISSING", "gateway")
    assert said.message.endswith("send their token")
    assert said.headers["www-authenticate"] == "Bearer"


async def test_the_answer_to_no_token_asks_for_one_by_grpc(catalog):
    said = by_grpc(await refused(catalog.CreateProduct(message())))

    assert (said.status, said.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")
    assert said.message.endswith("send their token")


# What belongs to another request

OTHER_QUERY = "repeat the query as it was, or start again without a token"


def test_the_page_token_of_another_query_is_refused(gateway):
    first = gateway.get("/v1/products?pageSize=1").json()["nextPageToken"]
    other = {"pageToken": first, "filter": 'category = "tea"'}

    answer = gateway.get("/v1/products", params=other)

    said = by_http(answer, 400)
    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "INVALID_PAGE_TOKEN",
        "catalog.shop",
    )
    assert said.violations == {"pageToken": "page_token"}
    assert OTHER_QUERY in said.message


async def test_the_page_token_of_another_query_is_refused_by_grpc(catalog):
    first = await catalog.ListProducts(catalog_pb2.ListProductsRequest(page_size=1))
    other = catalog_pb2.ListProductsRequest(
        page_token=first.next_page_token, filter='category = "tea"'
    )

    said = by_grpc(await refused(catalog.ListProducts(other)))

    assert (said.reason, said.domain) == ("INVALID_PAGE_TOKEN", "catalog.shop")
    assert said.violations == {"page_token": "page_token"}
    assert OTHER_QUERY in said.message


def test_a_request_id_that_was_used_for_another_product_is_refused(gateway, admin, created):
    once = {"requestId": str(uuid.uuid4())}
    first = gateway.post("/v1/products", headers=admin, params=once, json=product())
    created.append(first.json()["name"])

    answer = gateway.post("/v1/products", headers=admin, params=once, json=product())

    said = by_http(answer, 400)
    assert (said.status, said.reason, said.domain) == (
        "INVALID_ARGUMENT",
        "REQUEST_ID_REUSED",
        "catalog.shop",
    )
    assert once["requestId"] in said.message
    assert "repeat that request as it was, or make a new id" in said.message


async def test_a_request_id_that_was_used_for_another_product_is_refused_by_grpc(
    catalog, admin, created
):
    once, sku = str(uuid.uuid4()), f"BAD-{uuid.uuid4().hex[:8]}"
    first = await catalog.CreateProduct(message(sku=sku, request_id=once), metadata=metadata(admin))
    created.append(first.name)

    call = catalog.CreateProduct(message(sku=f"{sku}-2", request_id=once), metadata=metadata(admin))

    said = by_grpc(await refused(call))
    assert (said.status, said.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert once in said.message
