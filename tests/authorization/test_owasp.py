"""The OWASP API Security Top 10 (2023), item by item, through the gateway.

Each test shows what stands against its item today; tests/authorization/test_matrix.py asks the
first, the second and the fifth of every method, test_forgery.py the second of every token.

What needs services that do not exist yet is not here:

* API6, unrestricted access to sensitive business flows (log-in, sign-up, checkout, webhooks): the
  limits of each belong to the edge's rate limits, to identity and to orders; so does the part of
  API4 that is about rates.
* API2: how log-in and password resets are protected against guessing belongs to identity.
* API3: which roles and states a PATCH may set belongs to each service's own rules.
* API10: whether a payment provider or a weather service is believed belongs to payments and to
  shipping.
"""

import asyncio
import json
import time

import pytest
from google.protobuf.descriptor import MethodDescriptor

from plait.errors import Internal
from plait.mesh.call import current
from plait.mesh.identity.tokens import USER_AUDIENCE, USER_ISSUER
from shop.catalog.v1 import catalog_pb2
from shop.identity.v1 import identity_pb2
from shop.orders.v1 import orders_pb2
from tests.authorization.callers import ANNA, BERT
from tests.authorization.contracts import METHODS, http_rule
from tests.authorization.forge import signed
from tests.authorization.shop import empty

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOUND = 10.0  # seconds that any wait may take


@pytest.fixture
def anna(shop):
    return {"authorization": f"Bearer {shop.keys.user_token(ANNA)}"}


@pytest.fixture
def boss(shop):
    return {"authorization": f"Bearer {shop.keys.user_token('users/boss', ['admin'])}"}


def reason(answer):
    return answer.json()["error"]["details"][0]["reason"]


class Trap:
    """A server of an attacker, which counts who comes."""

    def __init__(self):
        self.visits = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _visit(self, _, writer):
        self.visits += 1
        writer.close()


async def raw(port, request):
    """Send bytes as they are; return the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(BOUND):
            writer.write(request)
            return (await reader.read()).decode("latin-1")
    finally:
        writer.transport.abort()


async def test_api1_2023_broken_object_level_authorization(shop, anna):
    """The id of somebody else's order opens nothing, read, changed or watched."""
    shop.owner = BERT
    shop.answer = lambda method: _filled(method, "orders/o1")
    asks = [
        await shop.client.get("/v1/orders/o1", headers=anna),
        await shop.client.post("/v1/orders/o1:cancel", json={}, headers=anna),
        await shop.client.get("/v1/orders/o1:watch", headers=anna),
        await shop.client.get(
            "/v1/orders/o1:watch", headers={**anna, "accept": "text/event-stream"}
        ),
        await shop.client.get("/v1/users/bert", headers=anna),
    ]

    assert [(ask.status_code, reason(ask)) for ask in asks] == [(403, "NOT_OWNER")] * len(asks)
    assert not any("Bert's own" in ask.text for ask in asks)
    shop.owner = ANNA
    assert (await shop.client.get("/v1/orders/o1", headers=anna)).status_code == 200


async def test_api2_2023_broken_authentication(shop, anna):
    """A bearer token in its header, unexpired and ours, and nothing else tells who asks."""
    token = shop.keys.user_token(ANNA)
    path = "/v1/notifications"
    refused = [
        await shop.client.get(path),
        await shop.client.get(path, headers={"cookie": f"token={token}; authorization={token}"}),
        await shop.client.get(path, headers={"x-authorization": f"Bearer {token}"}),
        await shop.client.get(path, headers={"authorization": "Basic YW5uYTpwYXNz"}),
        await shop.client.get(path, headers={"authorization": f"Bearer {token[:-4]}AAAA"}),
    ]

    assert [answer.status_code for answer in refused] == [401] * len(refused)
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in refused)
    assert (await shop.client.get(f"{path}?access_token={token}")).status_code in {400, 401}
    assert shop.seen == []
    assert (await shop.client.get(path, headers=anna)).status_code == 200


async def test_api3_2023_broken_object_property_level_authorization(shop, anna):
    """No property can be set or read that the contract does not name, and none at two places."""
    shop.answer = lambda _: identity_pb2.User.FromString(b"\xfa\x01\x06hidden" + b"\x0a\x04anna")

    unknown = await shop.client.patch("/v1/users/me", json={"isAdmin": True}, headers=anna)
    twice = await shop.client.patch(
        "/v1/users/me?user.roles=admin", json={"displayName": "A"}, headers=anna
    )
    other = await shop.client.patch(
        "/v1/users/me", json={"name": BERT, "displayName": "A"}, headers=anna
    )
    read = await shop.client.get("/v1/users/me", headers=anna)

    assert [unknown.status_code, twice.status_code] == [400, 400]
    assert '"isAdmin"' in unknown.json()["error"]["message"]
    assert other.status_code == 200
    assert shop.requests[-2].user.name == ANNA  # what the path says stays, whatever the body says
    assert read.json() == {"name": "anna"}


async def test_api4_2023_unrestricted_resource_consumption(shop, anna, boss):
    """What a client may send has a bound, and so has what it may ask for."""
    mebibyte = b"x" * (1024 * 1024)
    too_much = [
        await shop.client.put("/v1/products/p1/picture", content=mebibyte * 5, headers=boss),
        await shop.client.get(f"/v1/products?filter={'a' * 9000}"),
        await shop.client.get("/v1/products", headers={f"x-{n}": "1" for n in range(65)}),
        await shop.client.post("/v1/users", content=b'{"a":' * 5000),
        await shop.client.get("/v1/products:batchGet", params=[("names", "products/p1")] * 300),
        await shop.client.get("/v1/notifications?pageSize=-1", headers=anna),
    ]

    assert [answer.status_code for answer in too_much] == [413, 414, 431, 400, 400, 400]
    assert shop.seen == []
    slow = await shop.client.get("/v1/products", headers={"request-timeout": "0.000001"})
    assert slow.status_code == 504


async def test_api5_2023_broken_function_level_authorization(shop, anna, boss):
    """What is for admins is for admins, by whatever verb; what is for services is not there."""
    product = {"sku": "a", "title": "a", "price": {"currencyCode": "EUR", "units": "1"}}
    asks = [
        await shop.client.post("/v1/products", json=product, headers=anna),
        await shop.client.delete("/v1/products/p1", headers=anna),
        await shop.client.get("/v1/users", headers=anna),
        await shop.client.post("/v1/users/anna:grantRole", json={"role": "admin"}, headers=anna),
        await shop.client.post("/v1/keys:rotate", json={}, headers=anna),
    ]
    override = {"x-http-method-override": "DELETE", "x-method-override": "DELETE"}

    assert [(each.status_code, reason(each)) for each in asks] == [(403, "ROLE_MISSING")] * 5
    assert shop.seen == []
    assert (await shop.client.get("/v1/products/p1", headers=override)).status_code == 200
    assert [call.method.name for call in shop.seen] == ["GetProduct"]
    inside = "/shop.payments.v1.PaymentsService/Refund"
    assert (await shop.client.post(inside, json={}, headers=boss)).status_code == 404


async def test_api7_2023_server_side_request_forgery(shop):
    """A client chooses neither which server is asked nor whose keys are believed."""
    now = int(time.time())
    claims = {"iss": USER_ISSUER, "sub": ANNA, "aud": USER_AUDIENCE, "iat": now, "exp": now + 60}
    async with Trap() as trap:
        evil = f"127.0.0.1:{trap.port}"
        for name in ("jku", "x5u"):
            token = signed(shop.keys.users, claims, kid="unknown", **{name: f"http://{evil}/k"})
            headers = {"authorization": f"Bearer {token}"}
            assert (await shop.client.get("/v1/users/me", headers=headers)).status_code == 401
        misled = [
            f"GET http://{evil}/v1/products/p1 HTTP/1.1\r\nHost: {evil}",
            f"GET /v1/products/p1 HTTP/1.1\r\nHost: {evil}\r\nX-Forwarded-Host: {evil}",
            f"GET /v1/products/p1 HTTP/1.1\r\nHost: a\r\nForwarded: host={evil}\r\nVia: 1.1 {evil}",
        ]
        for head in misled:
            answer = await raw(shop.port, f"{head}\r\nConnection: close\r\n\r\n".encode())
            assert evil not in answer
        connect = f"CONNECT {evil} HTTP/1.1\r\nHost: {evil}\r\nConnection: close\r\n\r\n"
        assert " 200 " not in (await raw(shop.port, connect.encode())).splitlines()[0]

    assert trap.visits == 0
    assert {call.method.name for call in shop.seen} <= {"GetProduct"}


async def test_api8_2023_security_misconfiguration(shop, anna):
    """Every answer is armed, none tells how it was made, and other origins are not let in."""
    shop.answer = _bug
    pages = ("/v1/products/p1", "/v1/nothing", "/docs", "/openapi.json", "/healthz")
    answers = [await shop.client.get(path, headers={"origin": "https://evil"}) for path in pages]
    answers.append(await shop.client.request("TRACE", "/v1/products/p1", headers=anna))
    answers.append(await shop.client.options("/v1/products/p1", headers={"origin": "https://evil"}))

    assert [answer.status_code for answer in answers] == [500, 404, 200, 200, 200, 405, 204]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control-") for name in answer.headers)
        assert not any(word in answer.text for word in ("Traceback", 'File "', "secret inside"))
        assert answer.headers.get("server", "").isalpha()  # no version
    assert "content-security-policy" in answers[0].headers


async def test_api9_2023_improper_inventory_management(shop):
    """What is reachable is described, what is described is in the contracts, and nothing else."""
    document = (await shop.client.get("/openapi.json")).json()
    described = {
        (verb.upper(), path)
        for path, operations in document["paths"].items()
        for verb in operations
        if verb in {"get", "post", "put", "patch", "delete"}
    }
    rules = [rule for rule in map(http_rule, METHODS.values()) if rule]
    streams_both_ways = 1  # for WebSockets

    assert len(described) == len(rules) - streams_both_ways
    for path in (
        "/v2/products/p1",
        "/v0/products/p1",
        "/v1beta1/products/p1",
        "/internal",
        "/debug",
    ):
        assert (await shop.client.get(path)).status_code == 404
    for path in ("/metrics", "/admin", "/.git/config", "/.env", "/actuator/env"):
        assert (await shop.client.get(path)).status_code == 404


async def test_api10_2023_unsafe_consumption_of_apis(shop, boss):
    """What a service answers is taken for data: no header, no page and no inside comes of it."""
    shop.answer = _treacherous
    product = {"sku": "a", "title": "a", "price": {"currencyCode": "EUR", "units": "1"}}

    created = await shop.client.post("/v1/products", json=product, headers=boss)
    broken = await shop.client.get("/v1/users/me", headers=boss)

    assert created.status_code == 201
    assert created.headers["location"] == "/v1/products/p1%0D%0ASet-Cookie:%20a%3Db"
    assert "set-cookie" not in created.headers
    assert "x-powered-by" not in created.headers
    assert created.headers["content-type"] == "application/json"
    assert "sandbox" in created.headers["content-security-policy"]
    assert json.loads(created.content)["title"] == "<script>alert(1)</script>"
    assert (broken.status_code, broken.json()["error"]["message"]) == (500, "internal error")
    assert "10.0.0.7" not in broken.text


def _filled(method: MethodDescriptor, name: str):
    if method.name == "WatchOrder":
        return orders_pb2.WatchOrderResponse(order=orders_pb2.Order(name=name, etag="Bert's own"))
    if method.output_type.name == "Order":
        return orders_pb2.Order(name=name, etag="Bert's own")
    return empty(method)


def _bug(method: MethodDescriptor):
    raise RuntimeError("secret inside")


def _treacherous(method: MethodDescriptor):
    if method.name == "GetUser":
        raise Internal("the database at 10.0.0.7 is gone", table="users")
    call = current()
    assert call is not None
    call.trailing += [("set-cookie", "a=b"), ("x-powered-by", "a"), ("content-type", "text/html")]
    title = "<script>alert(1)</script>"
    return catalog_pb2.Product(name="products/p1\r\nSet-Cookie: a=b", title=title)
