"""The rules of the contracts at their limits: the last value that passes, the first refused."""

import protovalidate
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money

from shop.catalog.v1 import catalog_pb2
from shop.identity.v1 import identity_pb2
from shop.inventory.v1 import inventory_pb2
from shop.notifications.v1 import notifications_pb2
from shop.orders.v1 import orders_pb2
from shop.payments.v1 import payments_pb2
from shop.shipping.v1 import shipping_pb2

UUID4 = "5ad4b3f2-6c1b-4f8e-9f0a-2b7e51c0de11"
UUID5 = "886313e1-3b8a-5372-9b90-0c9aee199e5d"
MEBIBYTE = 1024 * 1024


def product(**changes):
    values = {"sku": "A-1", "title": "Tea", "price": Money(currency_code="EUR", units=3)}
    return catalog_pb2.Product(**values | changes)


def create_product(**changes):
    return catalog_pb2.CreateProductRequest(product=product(**changes))


def update_product(paths, **changes):
    return catalog_pb2.UpdateProductRequest(
        product=catalog_pb2.Product(name="products/p1", **changes),
        update_mask=FieldMask(paths=paths),
    )


def put_picture(size=1, content_type="image/png"):
    return catalog_pb2.PutPictureRequest(
        name="products/p1/picture",
        content=HttpBody(content_type=content_type, data=b"x" * size),
    )


def address(**changes):
    values = {
        "recipient": "Ada",
        "address_lines": ["Bryggen 1"],
        "locality": "Bergen",
        "country_code": "NO",
    }
    return shipping_pb2.Address(**values | changes)


def create_order(request_id=UUID4, quantity=1, products=("products/p1",), **changes):
    values = {
        "lines": [orders_pb2.OrderLine(product=name, quantity=quantity) for name in products],
        "shipping_address": address(),
        "payment_method": "sandbox_approve",
    }
    order = orders_pb2.Order(**values | changes)
    return orders_pb2.CreateOrderRequest(order=order, request_id=request_id)


def authorize(**changes):
    values = {
        "order": "orders/o1",
        "customer": "users/u1",
        "amount": Money(currency_code="EUR", units=1),
        "payment_method": "sandbox_approve",
        "request_id": UUID5,
    }
    return payments_pb2.AuthorizeRequest(**values | changes)


def reserve(seconds=60, **changes):
    values = {
        "order": "orders/o1",
        "lines": [inventory_pb2.ReservationLine(product="products/p1", quantity=1)],
        "ttl": Duration(seconds=seconds),
        "request_id": UUID5,
    }
    return inventory_pb2.ReserveRequest(**values | changes)


def adjust(delta):
    return inventory_pb2.AdjustStockRequest(
        name="products/p1/stock", delta=delta, reason="delivery"
    )


def batch(count):
    return catalog_pb2.BatchGetProductsRequest(names=[f"products/p{i}" for i in range(count)])


def sign_up(**changes):
    values = {"email": "ada@example.org", "password": "correct horse"}
    return identity_pb2.SignUpRequest(**values | changes)


def post(text):
    return notifications_pb2.ChatRequest(
        post=notifications_pb2.ChatRequest.Post(message_id=UUID4, text=text)
    )


def euros(units, nanos=0):
    return Money(currency_code="EUR", units=units, nanos=nanos)


PASS = {
    "a product": create_product(),
    "a title of 200 characters": create_product(title="x" * 200),
    "a title of 200 characters beyond ASCII": create_product(title="\N{PILE OF POO}" * 200),
    "a sku of 64 characters": create_product(sku="x" * 64),
    "a description of 10000 characters": create_product(description="x" * 10000),
    "a description with all other characters": create_product(
        description="\x01\n\x7f\N{PILE OF POO}"
    ),
    "a free product": create_product(price=euros(0)),
    "the highest price": create_product(price=euros(1_000_000_000, 999_999_999)),
    "twenty tags": create_product(tags=[f"t{i}" for i in range(20)]),
    "an id of 63 characters": catalog_pb2.GetProductRequest(name="products/" + "x" * 63),
    "an id that begins with a digit": catalog_pb2.GetProductRequest(name="products/01j9"),
    "a huge page": catalog_pb2.ListProductsRequest(page_size=2**31 - 1),
    "one field": update_product(["title"], title="Coffee"),
    "a mask from a whole product": update_product(["name", "title", "etag"], title="Coffee"),
    "a field cleared": update_product(["description"]),
    "a line of an import that is wrong": catalog_pb2.ImportProductsRequest(
        product=catalog_pb2.Product(sku="not a sku", title="\n")
    ),
    "a picture of 2 MiB": put_picture(2 * MEBIBYTE),
    "50 names": batch(50),
    "a password of 10 characters": sign_up(password="x" * 10),
    "a password of 200 characters": sign_up(password="x" * 200),
    "oneself": identity_pb2.GetUserRequest(name="users/me"),
    "an order": create_order(),
    "1000 pieces": create_order(quantity=1000),
    "an order of 100 products": create_order(products=[f"products/p{i}" for i in range(100)]),
    "everybody's orders": orders_pb2.ListOrdersRequest(customer="users/-"),
    "a payment by an id of version 5": authorize(),
    "a cent": authorize(amount=euros(0, 10_000_000)),
    "a refund of all that is left": payments_pb2.RefundRequest(order="orders/o1", request_id=UUID5),
    "a reservation for a day": reserve(86_400),
    "a million pieces more": adjust(1_000_000),
    "a million pieces less": adjust(-1_000_000),
    "a chat message of 4000 characters": post("x" * 4000),
}
REFUSED = {
    "an empty title": (create_product(title=""), "product.title_required"),
    "a blank title": (create_product(title="  "), "string.pattern"),
    "a title of two lines": (create_product(title="a\nb"), "string.pattern"),
    "a title of 201 characters": (create_product(title="x" * 201), "string.max_len"),
    "a sku of 65 characters": (create_product(sku="x" * 65), "string.pattern"),
    "a sku with a line end": (create_product(sku="A-1\n"), "string.pattern"),
    "no sku": (create_product(sku=""), "product.sku_required"),
    "no price": (create_product(price=None), "product.price_required"),
    "a price below nothing": (create_product(price=euros(-1)), "money.price"),
    "a price a nano below nothing": (create_product(price=euros(0, -1)), "money.price"),
    "a price too high": (create_product(price=euros(1_000_000_001)), "money.price"),
    "a billion nanos": (create_product(price=euros(1, 1_000_000_000)), "money.price"),
    "a currency in lower case": (create_product(price=Money(currency_code="eur")), "money.price"),
    "no currency": (create_product(price=Money(units=1)), "money.price"),
    "a description of 10001 characters": (
        create_product(description="x" * 10001),
        "string.max_len",
    ),
    "a description with NUL": (create_product(description="a\n\x00"), "string.pattern"),
    "21 tags": (create_product(tags=[f"t{i}" for i in range(21)]), "repeated.max_items"),
    "a tag twice": (create_product(tags=["new", "new"]), "repeated.unique"),
    "an id of 64 characters": (
        catalog_pb2.GetProductRequest(name="products/" + "x" * 64),
        "string.pattern",
    ),
    "an id that ends with a hyphen": (
        catalog_pb2.GetProductRequest(name="products/a-"),
        "string.pattern",
    ),
    "another collection": (catalog_pb2.GetProductRequest(name="orders/o1"), "string.pattern"),
    "a page of less than nothing": (catalog_pb2.ListProductsRequest(page_size=-1), "int32.gte"),
    "a mask with an unknown field": (update_product(["colour"], title="x"), "field_mask.in"),
    "a title cleared": (update_product(["title"]), "product.title_required"),
    "everything cleared": (update_product(["*"]), "product.sku_required"),
    "an update of nothing named": (
        catalog_pb2.UpdateProductRequest(product=product()),
        "product.name_required",
    ),
    "a picture of 2 MiB and a byte": (put_picture(2 * MEBIBYTE + 1), "picture.size"),
    "an empty picture": (put_picture(0), "picture.size"),
    "a picture that can carry scripts": (
        put_picture(content_type="image/svg+xml"),
        "picture.content_type",
    ),
    "no names": (batch(0), "repeated.min_items"),
    "51 names": (batch(51), "repeated.max_items"),
    "a password of 9 characters": (sign_up(password="x" * 9), "string.min_len"),
    "a password of 201 characters": (sign_up(password="x" * 201), "string.max_len"),
    "an address without a host": (sign_up(email="ada@"), "string.email"),
    "an id that is no UUID": (sign_up(request_id="1"), "string.uuid"),
    "a role that is not known": (
        identity_pb2.GrantRoleRequest(name="users/u1", role="root"),
        "string.in",
    ),
    "an order without an id": (create_order(request_id=""), "string.uuid_empty"),
    "an order without money": (create_order(payment_method=""), "order.payment_method_required"),
    "no pieces": (create_order(quantity=0), "int32.gte_lte"),
    "1001 pieces": (create_order(quantity=1001), "int32.gte_lte"),
    "a product twice": (create_order(products=["products/p1"] * 2), "lines.unique_product"),
    "an order of nothing": (create_order(products=[]), "repeated.min_items"),
    "an order of 101 products": (
        create_order(products=[f"products/p{i}" for i in range(101)]),
        "repeated.max_items",
    ),
    "an order to nowhere": (create_order(shipping_address=None), "required"),
    "a country by its name": (
        create_order(shipping_address=address(country_code="Norway")),
        "string.pattern",
    ),
    "no decision": (
        orders_pb2.ResolveOrderRequest(name="orders/o1", reason="called them"),
        "required",
    ),
    "a payment of nothing": (authorize(amount=euros(0)), "money.positive"),
    "a payment without an id": (authorize(request_id=""), "string.uuid_empty"),
    "a reservation for no time": (reserve(0), "duration.gt_lte"),
    "a reservation for a day and a second": (reserve(86_401), "duration.gt_lte"),
    "no pieces more": (adjust(0), "required"),
    "a million and one pieces more": (adjust(1_000_001), "int64.gte_lte"),
    "a million and one pieces less": (adjust(-1_000_001), "int64.gte_lte"),
    "a street with NUL": (
        create_order(shipping_address=address(address_lines=["Bryggen\x00"])),
        "string.pattern",
    ),
    "a chat message with NUL": (post("\x00"), "string.pattern"),
    "a chat message of 4001 characters": (post("x" * 4001), "string.max_len"),
    "an empty chat message": (post(""), "string.min_len"),
    "nothing to do in a chat": (notifications_pb2.ChatRequest(), "required"),
}


@pytest.mark.parametrize("message", PASS.values(), ids=PASS)
def test_passes(message):
    assert [v.proto.message for v in protovalidate.collect_violations(message)] == []


@pytest.mark.parametrize(("message", "rule"), REFUSED.values(), ids=REFUSED)
def test_is_refused_by_the_rule(message, rule):
    broken = {v.proto.rule_id for v in protovalidate.collect_violations(message)}

    assert rule in broken
