"""The claim of a request, made from what the contract and the call say."""

import uuid

import pytest

from plait.data.claims import fingerprint
from plait.idempotency import claim_of
from plait.mesh.call import Call, Side, handling
from plait.mesh.identity.identity import User, Workload
from plait.mesh.method import known_method
from shop.catalog.v1 import catalog_pb2 as catalog
from shop.inventory.v1 import inventory_pb2 as inventory

CREATE = "/shop.catalog.v1.CatalogService/CreateProduct"
REQUEST = catalog.CreateProductRequest(request_id=str(uuid.UUID(int=7)), product_id="lamp")


def call(path, **who) -> Call:
    return Call(method=known_method(path), side=Side.SERVER, **who)


def test_a_users_request_is_claimed_in_their_name():
    with handling(call(CREATE, user=User(name="users/ann"), workload=Workload(name="gateway"))):
        claim = claim_of(REQUEST)

    assert (claim.caller, claim.method) == ("users/ann", CREATE)
    assert claim.request_id == REQUEST.request_id
    assert claim.fingerprint == fingerprint(REQUEST)


def test_where_no_user_calls_it_is_the_workloads():
    with handling(
        call("/shop.inventory.v1.InventoryService/Reserve", workload=Workload(name="orders"))
    ):
        claim = claim_of(inventory.ReserveRequest(request_id=str(uuid.UUID(int=8))))

    assert claim.caller == "orders"


def test_outside_of_a_call_it_is_nobodys():
    assert claim_of(REQUEST).caller == ""


def test_a_request_without_an_id_makes_no_claim():
    assert claim_of(catalog.CreateProductRequest(product_id="lamp")) is None


def test_a_request_that_cannot_carry_an_id_is_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match=r"GetProductRequest has no field with .*request_id"):
        claim_of(catalog.GetProductRequest())
