"""Nobody gets in where they do not belong: every method, every caller, own things and others'."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from plait.errors import Code
from tests.authorization.answers import ANSWERS
from tests.authorization.callers import ANNA, BERT, CALLERS, PRETENDERS, Caller, shown
from tests.authorization.contracts import METHODS, http_rule, message_class, owner, short
from tests.authorization.messages import complete
from tests.authorization.rest import asked
from tests.authorization.shop import set_owner

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODES = {
    "": Code.OK,
    "TOKEN_MISSING": Code.UNAUTHENTICATED,
    "TOKEN_EXPIRED": Code.UNAUTHENTICATED,
    "TOKEN_INVALID": Code.UNAUTHENTICATED,
    "ROLE_MISSING": Code.PERMISSION_DENIED,
    "NOT_OWNER": Code.PERMISSION_DENIED,
    "WORKLOAD_NOT_ALLOWED": Code.PERMISSION_DENIED,
}
STATUS = {Code.UNAUTHENTICATED: 401, Code.PERMISSION_DENIED: 403}
INTERNAL = [name for name, method in METHODS.items() if http_rule(method) is None]
OUTSIDE = [
    name
    for name, method in METHODS.items()
    if http_rule(method) and not (method.client_streaming and method.server_streaming)
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A caller who asks for a thing; `written` is how the request or the answer names its owner."""

    name: str
    caller: Caller
    owner: str
    written: str

    def __str__(self) -> str:
        return f"{self.name}, {self.caller.name}, owner {self.written or '-'}"


def cases(name, callers) -> Iterator[Case]:
    """Everyone, and where somebody may own the thing, each kind of owner."""
    method = METHODS[name]
    for caller in callers:
        if owner(method, "request"):
            yield Case(name=name, caller=caller, owner=ANNA, written=ANNA)
            yield Case(name=name, caller=caller, owner=BERT, written=BERT)
            yield Case(name=name, caller=caller, owner=caller.user, written="users/me")
        elif owner(method, "response"):
            for each in (ANNA, BERT, ""):
                yield Case(name=name, caller=caller, owner=each, written=each)
        else:
            yield Case(name=name, caller=caller, owner="", written="")


@cache
def usual_request(name):
    return complete(METHODS[name].input_type)


def prepared(shop, name, case):
    """The request of a case; the servicer is told whose thing to answer."""
    request = message_class(METHODS[name].input_type)()
    request.CopyFrom(usual_request(name))
    if path := owner(METHODS[name], "request"):
        set_owner(request, path, case.written)
    shop.owner = case.written
    shop.seen.clear()
    return request


def is_seen(name, reason) -> bool:
    """Whether a servicer sees the call: only an owner in its answer is looked at after it."""
    return not reason or (reason == "NOT_OWNER" and bool(owner(METHODS[name], "response")))


def said(style, case, reason, found, reached):
    """The sentence about a case that ended otherwise than it should; empty if it did not."""
    expected = f"{CODES[reason].name} {reason}"
    if str(found) != expected:
        return f"{style}, {case}: expected {expected}, found {found}"
    if reached is not is_seen(case.name, reason):
        return f"{style}, {case}: {expected}, but the servicer was called: {reached}"
    return ""


@pytest.mark.parametrize("name", METHODS)
async def test_who_calls_a_service_passes_or_hears_why_not(shop, name):
    method, wrong = METHODS[name], []
    for case in cases(name, (*CALLERS, *PRETENDERS)):
        reason = ANSWERS[name].refusal(case.caller, case.owner)
        request = prepared(shop, name, case)

        found = await shop.by_grpc(method, request, shown(case.caller, short(method), shop.keys))

        wrong.append(said("gRPC", case, reason, found, bool(shop.seen)))
    assert not any(wrong), "\n".join(["who may call is wrong:", *filter(None, wrong)])


@pytest.mark.parametrize("name", OUTSIDE)
async def test_who_asks_the_gateway_passes_or_hears_why_not(shop, name):
    method, wrong = METHODS[name], []
    for case in cases(name, CALLERS):
        # What a client says of workloads is not heard, so it is nobody's or its user's request.
        reason = ANSWERS[name].refusal(replace(case.caller, workload=""), case.owner)
        request = prepared(shop, name, case)
        headers = shown(case.caller, short(method), shop.keys)

        found = await shop.by_rest(asked(method, request), headers)

        wrong.append(said("REST", case, reason, found, bool(shop.seen)))
        if found.status != STATUS.get(CODES[reason], found.status):
            wrong.append(f"REST, {case}: {found} came as {found.status}")
        if ("www-authenticate" in found.headers) is not (found.status == 401):
            wrong.append(f"REST, {case}: {found} came with {found.headers}")
        if any(call.workload.name != "gateway" for call in shop.seen):
            wrong.append(f"REST, {case}: another workload than the gateway was believed")
    assert not any(wrong), "\n".join(["who may call is wrong:", *filter(None, wrong)])


async def test_a_service_knows_where_a_request_came_from_whatever_its_client_says(shop):
    name = "shop.catalog.v1.CatalogService/GetProduct"
    method, lie = METHODS[name], ("x-plait-client-address", "192.0.2.7")

    await shop.by_rest(asked(method, usual_request(name)), [lie, ("x-forwarded-for", "192.0.2.7")])
    await shop.by_grpc(method, usual_request(name), [lie])

    assert [call.client_address for call in shop.seen] == ["127.0.0.1", ""]


@pytest.mark.parametrize("name", INTERNAL)
@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_what_is_internal_is_nowhere_outside(shop, name, verb):
    boss = shop.keys.user_token("users/boss", ["admin"])
    headers = {
        "authorization": f"Bearer {boss}",
        "x-plait-workload": shop.keys.workload_token("orders", short(METHODS[name])),
    }

    for path in (f"/{name}", f"/v1/{name}", f"/v1/{METHODS[name].name}"):
        answer = await shop.client.request(verb, path, headers=headers)

        assert answer.status_code == 404
        assert answer.json()["error"]["details"][0]["reason"] == "ROUTE_NOT_FOUND"
    assert shop.seen == []


async def test_the_description_of_the_api_does_not_speak_of_what_is_internal(shop):
    document = (await shop.client.get("/openapi.json")).json()

    described = {
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    }
    # CatalogService_GetProduct; a second rule of the same method has a number behind it
    assert {name.rstrip("0123456789_") for name in described} == {
        name.rpartition(".")[2].replace("/", "_") for name in OUTSIDE
    }
