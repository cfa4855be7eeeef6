"""Promises of authorization: who calls is proven, and nobody gets at what is not theirs."""

from datetime import timedelta

import pytest

from plait.errors import InvalidArgument, PermissionDenied, Unauthenticated, Unavailable
from plait.mesh.call import current
from plait.mesh.channel import connect
from plait.service import Server
from plait.settings import Settings
from tests.mesh.asking import ask, echoing
from tests.mesh.echo import Echo, EchoRequest, EchoResponse, EchoStub, add_echo

NOBODY, ANNA, BOSS, ORDERS, SHIPPING = (
    {"user": ""},
    {"user": "users/anna"},
    {"user": "users/boss", "roles": ["admin"]},
    {"user": "", "workload": "orders"},
    {"user": "", "workload": "shipping"},
)
PASSES = None
MINE, BERTS = "users/anna", "users/bert"


@pytest.mark.parametrize(
    ("name", "who", "owner", "refusal"),
    [
        ("Say", NOBODY, "", PASSES),
        ("Say", ANNA, "", PASSES),
        ("Say", SHIPPING, "", PASSES),
        ("SayLoggedIn", NOBODY, "", "TOKEN_MISSING"),
        ("SayLoggedIn", ORDERS, "", "TOKEN_MISSING"),
        ("SayLoggedIn", ANNA, "", PASSES),
        ("SayAsAdmin", NOBODY, "", "TOKEN_MISSING"),
        ("SayAsAdmin", ORDERS, "", "TOKEN_MISSING"),
        ("SayAsAdmin", ANNA, "", "ROLE_MISSING"),
        ("SayAsAdmin", BOSS, "", PASSES),
        ("SayInside", NOBODY, "", "TOKEN_MISSING"),
        ("SayInside", ANNA, "", "TOKEN_MISSING"),
        ("SayInside", BOSS, "", "TOKEN_MISSING"),
        ("SayInside", SHIPPING, "", "WORKLOAD_NOT_ALLOWED"),
        ("SayInside", ORDERS, "", PASSES),
        ("SayInside", ANNA | {"workload": "orders"}, "", PASSES),
        ("SayOwn", NOBODY, MINE, "TOKEN_MISSING"),
        ("SayOwn", ANNA, MINE, PASSES),
        ("SayOwn", ANNA, "users/me", PASSES),
        ("SayOwn", ANNA, BERTS, "NOT_OWNER"),
        ("SayOwn", ANNA, "", "NOT_OWNER"),
        ("SayOwn", ANNA | {"workload": "orders"}, BERTS, "NOT_OWNER"),
        ("SayOwn", BOSS, BERTS, PASSES),
        ("SayOwn", BOSS, "", PASSES),
        ("SayNested", ANNA, MINE, PASSES),
        ("SayNested", ANNA, BERTS, "NOT_OWNER"),
        ("SayNested", BOSS, BERTS, "NOT_OWNER"),
        ("SayAnswered", NOBODY, MINE, "TOKEN_MISSING"),
        ("SayAnswered", ANNA, MINE, PASSES),
        ("SayAnswered", ANNA, BERTS, "NOT_OWNER"),
        ("SayAnswered", ANNA, "", "NOT_OWNER"),
        ("SayAnswered", BOSS, BERTS, PASSES),
        ("TellAnswered", ANNA, MINE, PASSES),
        ("TellAnswered", ANNA, BERTS, "NOT_OWNER"),
        ("GatherOwn", ANNA, MINE, PASSES),
        ("GatherOwn", ANNA, BERTS, "NOT_OWNER"),
        ("GatherOwn", BOSS, BERTS, PASSES),
    ],
)
async def test_who_may_call_passes_and_who_may_not_hears_why(name, who, owner, refusal):
    request = EchoRequest(owner=owner, thing={"owner": owner}, count=1)
    async with echoing() as (running, _):
        asking = ask(EchoStub(running.connect_as(**who)), name, request)
        if refusal is PASSES:
            assert await asking
            return
        missing = refusal == "TOKEN_MISSING"
        with pytest.raises(Unauthenticated if missing else PermissionDenied) as raised:
            await asking

    assert (raised.value.reason, raised.value.domain) == (refusal, "echo.shop")


async def test_a_handler_never_sees_what_is_not_for_it():
    seen = []

    async def say(request, context):
        seen.append(request.owner)
        return EchoResponse()

    async def gather(requests, context):
        seen.extend([request.owner async for request in requests])
        return EchoResponse()

    async with echoing(SayOwn=say, SayAsAdmin=say, SayInside=say, GatherOwn=gather) as (running, _):
        stub = EchoStub(running.connect_as("users/anna"))
        for name in ("SayOwn", "SayAsAdmin", "SayInside", "GatherOwn"):
            with pytest.raises((PermissionDenied, Unauthenticated)):
                await ask(stub, name, EchoRequest(owner=BERTS))

    assert seen == []


async def test_one_message_of_somebody_elses_ends_a_stream():
    async def tell(request, context):
        for owner in (MINE, BERTS, MINE):
            yield EchoResponse(owner=owner)

    got = []
    async with echoing(TellAnswered=tell) as (running, _):
        told = EchoStub(running.connect_as("users/anna")).TellAnswered(EchoRequest())
        got.append((await anext(told)).owner)
        with pytest.raises(PermissionDenied):
            await anext(told)

    assert got == [MINE]


@pytest.mark.parametrize("who", [ANNA, {"user": "users/anna", "roles": ["admin"]}])
async def test_me_is_the_caller_when_the_handler_reads_it(who):
    async with echoing() as (running, _):
        stub = EchoStub(running.connect_as(**who))

        assert (await stub.SayOwn(EchoRequest(owner="users/me"))).owner == "users/anna"


async def test_a_handler_knows_who_calls():
    known = {}

    async def say(request, context):
        call = current()
        known.update(user=call.user.name, roles=call.user.roles, workload=call.workload.name)
        return EchoResponse()

    async with echoing(Say=say) as (running, _):
        await EchoStub(running.connect_as(**BOSS, workload="orders")).Say(EchoRequest())

    assert known == {"user": "users/boss", "roles": {"admin"}, "workload": "orders"}


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("Bearer not-a-token", "TOKEN_INVALID"),
        ("Bearer ", "TOKEN_INVALID"),
        ("Bearer", "TOKEN_INVALID"),
        ("Basic dXNlcjpwYXNz", "TOKEN_INVALID"),
        ("{valid}", "TOKEN_INVALID"),
        ("Bearer {expired}", "TOKEN_EXPIRED"),
        ("Bearer {workload}", "TOKEN_INVALID"),
    ],
)
@pytest.mark.parametrize("name", ["Say", "SayLoggedIn", "SayInside"])
async def test_a_bad_token_is_refused_wherever_it_is_shown(name, authorization, reason):
    async with echoing() as (running, stub):
        tokens = {
            "valid": running.keys.user_token(),
            "expired": running.keys.user_token(life=timedelta(minutes=-5)),
            "workload": running.keys.workload_token("orders", "echo"),
        }
        metadata = (("authorization", authorization.format(**tokens)),)
        with pytest.raises(Unauthenticated) as raised:
            await ask(stub, name, metadata=metadata)

    assert raised.value.reason == reason


@pytest.mark.parametrize("name", ["authorization", "x-plait-workload"])
async def test_two_proofs_are_none(name):
    async with echoing() as (running, stub):
        proofs = {
            "authorization": f"Bearer {running.keys.user_token()}",
            "x-plait-workload": running.keys.workload_token("orders", "echo"),
        }
        with pytest.raises(Unauthenticated, match=f"`{name}` came 2 times") as raised:
            await stub.Say(EchoRequest(), metadata=((name, proofs[name]),) * 2)

    assert raised.value.reason == "TOKEN_INVALID"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_written_as_one_likes(scheme):
    async with echoing() as (running, stub):
        metadata = (("authorization", f"{scheme} {running.keys.user_token()}"),)

        assert await stub.SayLoggedIn(EchoRequest(), metadata=metadata) is not None


async def test_a_bad_workload_token_is_refused_wherever_it_is_shown():
    async with echoing() as (running, stub):
        for token in ("nonsense", running.keys.workload_token("orders", "catalog")):
            with pytest.raises(Unauthenticated):
                await stub.Say(EchoRequest(), metadata=(("x-plait-workload", token),))


async def test_a_server_without_keys_says_that_it_cannot_know_and_serves_the_others():
    async with echoing() as (running, _):
        token = running.keys.user_token()
        server = Server(Settings(drain_delay=0), add_echo(Echo()), name="echo")
        port = await server.start()
        async with connect("echo", target=f"127.0.0.1:{port}", environ={}) as channel:
            stub = EchoStub(channel)

            assert (await stub.Say(EchoRequest(text="hi"))).text == "hi"
            with pytest.raises(Unavailable) as raised:
                await stub.Say(EchoRequest(), metadata=(("authorization", f"Bearer {token}"),))
        await server.stop()

    assert raised.value.reason == "KEYS_UNAVAILABLE"


async def test_who_may_not_call_learns_nothing_about_what_would_be_valid():
    async with echoing() as (running, stub):
        wrong = EchoRequest(text="x" * 11)
        with pytest.raises(Unauthenticated):
            await stub.SayAsAdmin(wrong)
        with pytest.raises(InvalidArgument):
            await EchoStub(running.connect_as(**BOSS)).SayAsAdmin(wrong)
