"""No forged token passes, in any style, and nothing of one is repeated to anybody."""

import logging
import time

import pytest

from plait.errors import Code
from plait.mesh.identity.tokens import (
    MAX_ROLES,
    MAX_TOKEN,
    USER_AUDIENCE,
    USER_ISSUER,
    WORKLOAD_ISSUER,
)
from tests.authorization.contracts import METHODS
from tests.authorization.forge import MARK, forgeries, of_size, signed
from tests.authorization.messages import complete
from tests.authorization.rest import asked

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOR_PEOPLE = METHODS["shop.notifications.v1.NotificationsService/ListNotifications"]
FOR_ALL = METHODS["shop.catalog.v1.CatalogService/GetProduct"]
FOR_ORDERS = METHODS["shop.inventory.v1.InventoryService/Reserve"]
CLIENTS = ("httpx", "httpcore", "hpack")  # the test's own, which may show what it sends


@pytest.fixture
def now():
    return int(time.time())


@pytest.fixture
def user(now):
    """The claims of a user who is believed."""
    return {
        "iss": USER_ISSUER,
        "sub": "users/anna",
        "aud": USER_AUDIENCE,
        "iat": now,
        "exp": now + 900,
        "jti": MARK,
    }


@pytest.fixture
def orders(now):
    """The claims of the service orders, as it calls inventory."""
    return {
        "iss": WORKLOAD_ISSUER,
        "sub": "services/orders",
        "aud": "services/inventory",
        "iat": now,
        "exp": now + 900,
        "jti": MARK,
    }


@pytest.fixture
def logged(caplog):
    """Return what was logged since it was asked last, on every logger and in every field."""
    caplog.set_level(logging.DEBUG)

    def text():
        own = (record for record in caplog.records if not record.name.startswith(CLIENTS))
        found = " ".join(f"{record.getMessage()} {record.__dict__}" for record in own)
        caplog.clear()
        return found

    return text


def complaints(forged, found, log):
    """What is wrong with the answer to a forged token, or with what was logged of it."""
    if (found.code, found.reason) != (Code.UNAUTHENTICATED, forged.reason):
        yield f"{forged}: {found}"
    for part in (MARK, *forged.token.split(".")):
        if len(part) > 8 and part in found.text:
            yield f"{forged}: {part} is told: {found.text}"
        if len(part) > 8 and part in log:
            yield f"{forged}: {part} is logged: {log}"


def people(method):
    return complete(method.input_type)


async def test_a_good_token_passes_in_each_style(shop, user, orders):
    bearer = [("authorization", f"Bearer {signed(shop.keys.users, user)}")]
    proof = [("x-plait-workload", signed(shop.keys.workloads, orders))]

    by_grpc = await shop.by_grpc(FOR_PEOPLE, people(FOR_PEOPLE), bearer)
    by_rest = await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)), bearer)
    inside = await shop.by_grpc(FOR_ORDERS, people(FOR_ORDERS), proof)

    assert [by_grpc.code, by_rest.code, inside.code] == [Code.OK] * 3
    assert [call.user and call.user.name for call in shop.seen] == ["users/anna"] * 2 + [None]
    assert shop.seen[-1].workload.name == "orders"


@pytest.mark.parametrize("method", [FOR_PEOPLE, FOR_ALL], ids=["for people", "for all"])
async def test_no_forged_token_of_a_user_passes_by_grpc(shop, user, now, logged, method):
    wrong = []
    for forged in forgeries(shop.keys.users, user, now):
        found = await shop.by_grpc(
            method, people(method), [("authorization", f"Bearer {forged.token}")]
        )
        wrong += complaints(forged, found, logged())
    assert not wrong, "\n".join(wrong)
    assert shop.seen == []


@pytest.mark.parametrize("method", [FOR_PEOPLE, FOR_ALL], ids=["for people", "for all"])
async def test_no_forged_token_of_a_user_passes_by_rest(shop, user, now, logged, method):
    wrong = []
    for forged in forgeries(shop.keys.users, user, now):
        found = await shop.by_rest(
            asked(method, people(method)), [("authorization", f"Bearer {forged.token}")]
        )
        wrong += complaints(forged, found, logged())
        challenge = found.headers.get("www-authenticate", "")
        if found.status != 401 or not challenge.startswith('Bearer error="invalid_token"'):
            wrong.append(f"{forged}: {found.status} {challenge}")
    assert not wrong, "\n".join(wrong)
    assert shop.seen == []


async def test_no_forged_token_of_a_workload_passes(shop, orders, now, logged):
    wrong = []
    for forged in forgeries(shop.keys.workloads, orders, now):
        found = await shop.by_grpc(
            FOR_ORDERS, people(FOR_ORDERS), [("x-plait-workload", forged.token)]
        )
        wrong += complaints(forged, found, logged())
    assert not wrong, "\n".join(wrong)
    assert shop.seen == []


async def test_what_a_client_of_the_gateway_says_of_workloads_is_not_heard(shop, orders, now):
    proofs = [signed(shop.keys.workloads, {**orders, "aud": "services/catalog"})]
    proofs += [forged.token for forged in forgeries(shop.keys.workloads, orders, now)]
    for proof in proofs:
        found = await shop.by_rest(asked(FOR_ALL, people(FOR_ALL)), [("x-plait-workload", proof)])
        assert found.code is Code.OK

    assert {call.workload.name for call in shop.seen} == {"gateway"}


@pytest.mark.parametrize("size", [MAX_TOKEN - 1, MAX_TOKEN])
async def test_the_largest_token_passes_in_each_style(shop, user, orders, size):
    bearer = [("authorization", f"Bearer {of_size(shop.keys.users, user, size)}")]
    proof = [("x-plait-workload", of_size(shop.keys.workloads, orders, size))]

    by_grpc = await shop.by_grpc(FOR_PEOPLE, people(FOR_PEOPLE), bearer)
    by_rest = await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)), bearer)
    inside = await shop.by_grpc(FOR_ORDERS, people(FOR_ORDERS), proof)

    assert [by_grpc.code, by_rest.code, inside.code] == [Code.OK] * 3


async def test_the_largest_number_of_roles_passes_in_each_style(shop, user):
    claims = {**user, "roles": [f"r{number}" for number in range(MAX_ROLES)]}
    bearer = [("authorization", f"Bearer {signed(shop.keys.users, claims)}")]

    assert (await shop.by_grpc(FOR_PEOPLE, people(FOR_PEOPLE), bearer)).code is Code.OK
    assert (await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)), bearer)).code is Code.OK


async def test_a_user_is_no_workload_and_a_workload_no_user(shop, user, orders):
    anna, service = signed(shop.keys.users, user), signed(shop.keys.workloads, orders)
    twisted = [("authorization", f"Bearer {service}")], [("x-plait-workload", anna)]

    for headers in twisted:
        found = await shop.by_grpc(FOR_ORDERS, people(FOR_ORDERS), headers)
        assert (found.code, found.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")
    found = await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)), twisted[0])
    assert (found.status, found.reason) == (401, "TOKEN_INVALID")


async def test_who_signs_for_users_does_not_sign_for_workloads_nor_the_other_way_round(
    shop, user, orders
):
    service, anna = signed(shop.keys.users, orders), signed(shop.keys.workloads, user)

    inside = await shop.by_grpc(FOR_ORDERS, people(FOR_ORDERS), [("x-plait-workload", service)])
    bearer = [("authorization", f"Bearer {anna}")]
    by_grpc = await shop.by_grpc(FOR_PEOPLE, people(FOR_PEOPLE), bearer)
    by_rest = await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)), bearer)

    assert {each.reason for each in (inside, by_grpc, by_rest)} == {"TOKEN_INVALID"}


async def test_a_workload_is_believed_by_the_service_that_it_calls_and_by_no_other(shop, orders):
    proof = signed(shop.keys.workloads, {**orders, "aud": "services/payments"})

    found = await shop.by_grpc(FOR_ORDERS, people(FOR_ORDERS), [("x-plait-workload", proof)])

    assert (found.code, found.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")


@pytest.mark.parametrize("order", [("good", "good"), ("good", "bad"), ("bad", "good")])
async def test_two_tokens_are_no_token_in_each_style(shop, user, order):
    tokens = {"good": signed(shop.keys.users, user), "bad": "bad"}
    headers = [("authorization", f"Bearer {tokens[which]}") for which in order]

    by_grpc = await shop.by_grpc(FOR_ALL, people(FOR_ALL), headers)
    by_rest = await shop.by_rest(asked(FOR_ALL, people(FOR_ALL)), headers)

    assert (by_grpc.code, by_grpc.reason) == (Code.UNAUTHENTICATED, "TOKEN_INVALID")
    assert (by_rest.status, by_rest.reason) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    "authorization",
    [
        b"Bearer \xc3\xa9\xc3\xa9.\xc3\xa9.\xc3\xa9",
        b"Bearer \xff\xfe",
        b"B\xc3\xa9arer token",
        b"Bearer token token",
        b"Bearer",
        b"Basic dXNlcjpwYXNz",
        b"Digest username=x",
        b"token",
    ],
)
async def test_what_is_no_bearer_token_at_all_is_refused(shop, logged, authorization):
    found = await shop.by_rest(asked(FOR_ALL, people(FOR_ALL)), [(b"authorization", authorization)])

    assert (found.status, found.reason) == (401, "TOKEN_INVALID")
    assert found.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert shop.seen == []


async def test_without_a_token_the_challenge_asks_for_one_and_says_no_more(shop):
    found = await shop.by_rest(asked(FOR_PEOPLE, people(FOR_PEOPLE)))

    assert (found.status, found.reason) == (401, "TOKEN_MISSING")
    assert found.headers["www-authenticate"] == "Bearer"
