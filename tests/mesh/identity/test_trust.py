"""Promises of trust: settings say whose tokens count, and keys by gRPC do what keys should."""

import asyncio
from datetime import timedelta

import pytest
from joserfc.jwk import OKPKey

from plait.clock import SystemClock
from plait.errors import Unavailable
from plait.mesh.channel import connect
from plait.mesh.identity.key_service import MAX_AGE, RETRY_EVERY, SEARCH_EVERY
from plait.mesh.identity.keys import KeysUnavailable
from plait.mesh.identity.tokens import TokenInvalid, sign_user_token
from plait.mesh.identity.trust import TrustError, verifier
from plait.service import Server
from plait.settings import Settings
from plait.testing import FakeClock
from shop.identity.v1 import identity_pb2, identity_pb2_grpc
from tests.mesh.identity.issuing import Identity, issuing
from tests.ports import free_port

PLACE = "grpc:identity/shop.identity.v1.IdentityService/GetJwks"
TARGET = "PLAIT_TARGET_IDENTITY"


def made():
    return OKPKey.generate_key("Ed25519", auto_kid=True)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def verify(clock, monkeypatch):
    """Made by a test with the target of the issuer; closed at its end."""
    opened = []

    def make(target):
        monkeypatch.setenv(TARGET, target)
        opened.append(verifier(Settings(user_jwks=PLACE), "catalog", clock))
        return opened[-1]

    yield make
    for each in opened:
        await each.close()


def token(key, clock, name="users/anna"):
    life = timedelta(minutes=15)
    return sign_user_token(key, name, life=life, clock=clock)


@pytest.mark.parametrize(
    "place",
    [
        "grpc:",
        "grpc:identity",
        "grpc:identity/",
        "grpc:identity/GetJwks",
        "grpc:/shop.v1.Keys/Get",
        "grpc:identity//shop.v1.Keys/Get",
        "grpc:identity/shop.v1.Keys/Get?",
        "grpc://identity/shop.v1.Keys/Get",
    ],
)
def test_a_place_that_is_none_is_refused_with_an_example(clock, place):
    with pytest.raises(TrustError, match=r"PLAIT_USER_JWKS .* such as grpc:identity/"):
        verifier(Settings(user_jwks=place), "catalog", clock)


def test_a_service_that_is_nowhere_is_named_with_what_to_set(clock, monkeypatch):
    monkeypatch.delenv(TARGET, raising=False)

    with pytest.raises(TrustError, match=rf"PLAIT_USER_JWKS .* set {TARGET}"):
        verifier(Settings(user_jwks=PLACE), "catalog", clock)


def test_who_the_processes_are_no_service_can_say(clock):
    with pytest.raises(TrustError, match="PLAIT_WORKLOAD_JWKS"):
        verifier(Settings(workload_jwks=PLACE), "catalog", clock)


async def test_a_token_is_verified_with_the_keys_of_the_service(clock, verify):
    key = made()
    identity = Identity(key)
    async with issuing(identity) as running:
        verified = verify(running.target)

        for _ in range(3):
            assert (await verified.user(token(key, clock))).name == "users/anna"

    assert len(identity.asked) == 1


async def test_made_up_key_ids_ask_the_service_once(clock, verify):
    key = made()
    identity = Identity(key)
    async with issuing(identity) as running:
        verified = verify(running.target)
        await verified.user(token(key, clock))
        forged = [token(made(), clock) for _ in range(20)]

        answers = await asyncio.gather(
            *(verified.user(each) for each in forged), return_exceptions=True
        )

        assert {type(answer) for answer in answers} == {TokenInvalid}
        assert len(identity.asked) == 2
        clock.advance(SEARCH_EVERY)
        with pytest.raises(TokenInvalid):
            await verified.user(forged[0])
        assert len(identity.asked) == 3


async def test_a_new_key_is_believed_at_once(clock, verify):
    key, new = made(), made()
    identity = Identity(key)
    async with issuing(identity) as running:
        verified = verify(running.target)
        await verified.user(token(key, clock))
        identity.keys = (key, new)

        assert (await verified.user(token(new, clock, "users/bert"))).name == "users/bert"


async def test_a_key_that_is_taken_away_ends_the_tokens_that_were_seen(clock, verify):
    key, new = made(), made()
    identity = Identity(key)
    async with issuing(identity) as running:
        verified = verify(running.target)
        old = token(key, clock)
        await verified.user(old)
        identity.keys = (new,)

        clock.advance(MAX_AGE)
        assert (await verified.user(old)).name == "users/anna"  # nobody waits for the news
        async with asyncio.timeout(10):
            while len(identity.asked) < 2:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            await verified.user(token(new, clock))

        with pytest.raises(TokenInvalid):
            await verified.user(old)


async def test_known_keys_outlive_the_service(clock, verify):
    key = made()
    async with issuing(Identity(key)) as running:
        verified = verify(running.target)
        await verified.user(token(key, clock))

    for _ in range(3):
        clock.advance(MAX_AGE)
        assert (await verified.user(token(key, clock))).name == "users/anna"


async def test_without_the_service_it_cannot_be_known_who_calls_until_it_is_back(clock, verify):
    port = free_port()
    key = made()
    verified = verify(f"127.0.0.1:{port}")
    with pytest.raises(KeysUnavailable):
        await verified.user(token(key, clock))

    server = Server(Settings(port=port, drain_delay=0), Identity(key).register, name="identity")
    await server.start()
    async with asyncio.timeout(20):
        while True:
            clock.advance(RETRY_EVERY)
            try:
                found = await verified.user(token(key, clock))
                break
            except KeysUnavailable:  # the channel waits a moment before it tries again
                await asyncio.sleep(0.01)
    await server.stop()

    assert found.name == "users/anna"


@pytest.fixture
async def itself(monkeypatch):
    """An identity service that checks tokens with its own keys, which it asks itself for."""
    port = free_port()
    monkeypatch.setenv(TARGET, f"127.0.0.1:{port}")
    identity = Identity(made())
    settings = Settings(port=port, user_jwks=PLACE, drain_delay=0)
    server = Server(settings, identity.register, name="identity")
    await server.start()
    channel = connect("identity", target=f"127.0.0.1:{port}", environ={})
    yield identity, identity_pb2_grpc.IdentityServiceStub(channel), server
    await channel.close()
    await server.stop()


async def test_a_service_may_ask_itself(itself):
    identity, stub, _ = itself
    bearer = f"Bearer {token(identity.keys[0], SystemClock())}"
    requests = [identity_pb2.GetUserRequest(name="users/me") for _ in range(5)]

    async with asyncio.timeout(20):
        users = await asyncio.gather(
            *(stub.GetUser(each, metadata=(("authorization", bearer),)) for each in requests)
        )

    assert {user.name for user in users} == {"users/anna"}
    assert len(identity.asked) == 1


async def test_a_server_that_stops_lets_go_of_the_service(itself):
    identity, stub, server = itself
    bearer = f"Bearer {token(identity.keys[0], SystemClock())}"
    await stub.GetUser(
        identity_pb2.GetUserRequest(name="users/me"), metadata=(("authorization", bearer),)
    )
    channel = server._trusted._users._trust.keys._source._channel
    assert channel._inner is not None

    await server.stop()

    assert channel._inner is None


async def test_a_call_hears_that_the_keys_are_away_and_when_to_come_back(itself):
    identity, stub, _ = itself
    identity.open.clear()  # it hangs, so the keys never come

    with pytest.raises(Unavailable) as raised:
        async with asyncio.timeout(20):
            await stub.GetUser(
                identity_pb2.GetUserRequest(name="users/me"),
                metadata=(("authorization", f"Bearer {token(made(), SystemClock())}"),),
                timeout=20,
            )
    identity.open.set()

    assert (raised.value.reason, raised.value.retry_after) == ("KEYS_UNAVAILABLE", RETRY_EVERY)
