"""Promises of keys by gRPC: asked for as nobody, in a bounded time, believed only if whole."""

import asyncio
import json

import grpc
import pytest
from joserfc.jwk import ECKey, OKPKey

from plait.api.v1 import keys_pb2
from plait.clock import SystemClock
from plait.errors import DeadlineExceeded, Internal, Unavailable, Unimplemented
from plait.mesh.call import Call, Side, handling
from plait.mesh.channel import connect
from plait.mesh.identity.identity import User
from plait.mesh.identity.key_service import PATIENCE, KeyService
from plait.mesh.interceptors.deadline import DEFAULT
from plait.mesh.method import Method
from plait.mesh.stack import anonymous_stack
from plait.testing import serving
from shop.identity.v1 import identity_pb2
from tests.mesh.identity.issuing import GET_JWKS, Identity, issuing
from tests.ports import free_port

KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
METHOD = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)


def asking(target, method=GET_JWKS, **options):
    clock = SystemClock()
    channel = connect(
        "identity", target=target, environ={}, clock=clock, stack=anonymous_stack(clock)
    )
    return KeyService(channel, method, **options)


class Answering:
    """A channel whose calls answer one thing."""

    service = "identity"

    def __init__(self, *keys):
        self._keys = keys
        self.closed = False

    def unary_unary(self, method, request_serializer=None, response_deserializer=None):
        answer = keys_pb2.JsonWebKeySet(keys=self._keys)

        async def call(request, **_):
            return response_deserializer(answer.SerializeToString())

        return call

    async def close(self):
        self.closed = True


async def test_the_keys_of_the_issuer_are_those_that_it_publishes():
    other = OKPKey.generate_key("Ed25519", auto_kid=True)
    async with issuing(Identity(KEY, other)) as running:
        source = asking(running.target)
        keys = await source.read()
        await source.close()

    assert {kid: json.dumps(key.as_dict()) for kid, key in keys.items()} == {
        key.kid: json.dumps(
            {name: key.as_dict(private=False).get(name) for name in ("kty", "crv", "x", "kid")}
            | {"alg": "Ed25519", "use": "sig"}
        )
        for key in (KEY, other)
    }


async def test_an_issuer_may_sign_by_es256():
    curve = ECKey.generate_key("P-256", auto_kid=True)
    entry = keys_pb2.JsonWebKey(**curve.as_dict(private=False))

    keys = await KeyService(Answering(entry), GET_JWKS).read()

    assert keys[curve.kid].as_dict() == curve.as_dict(private=False)


async def test_it_asks_as_nobody_whoever_is_being_served():
    identity = Identity(KEY)
    anna = User(name="users/anna", token="annas-token")
    async with issuing(identity) as running:
        source = asking(running.target)
        with handling(Call(method=METHOD, side=Side.SERVER, user=anna)):
            await source.read()
        await source.close()

    (metadata,) = identity.asked
    assert not metadata.keys() & {"authorization", "x-plait-workload"}


async def test_an_issuer_that_is_away_is_an_error():
    port = free_port()
    source = asking(f"127.0.0.1:{port}")

    with pytest.raises(Unavailable):
        await source.read()
    await source.close()


async def test_an_issuer_that_does_not_answer_is_given_up():
    identity = Identity(KEY)
    identity.open.clear()
    async with issuing(identity) as running:
        source = asking(running.target, patience=0.05)
        with pytest.raises(DeadlineExceeded):
            await source.read()
        await source.close()


def test_it_is_given_up_before_the_call_that_waits_for_it():
    assert PATIENCE < DEFAULT


async def test_a_method_that_is_none_is_an_error():
    async with issuing(Identity(KEY)) as running:
        source = asking(running.target, "/shop.identity.v1.IdentityService/GetKeys")
        with pytest.raises(Unimplemented):
            await source.read()
        await source.close()


async def test_an_answer_that_is_no_key_set_is_an_error():
    async def answer(request, context):
        return b"\xff"

    def register(server):
        read = identity_pb2.GetJwksRequest.FromString
        handlers = {"GetJwks": grpc.unary_unary_rpc_method_handler(answer, read)}
        server.add_registered_method_handlers("shop.identity.v1.IdentityService", handlers)

    async with serving(register, name="identity") as running:
        source = asking(running.target)
        with pytest.raises(Internal, match="contract"):
            await source.read()
        await source.close()


async def test_a_broken_key_is_an_error():
    entry = keys_pb2.JsonWebKey(kty="OKP", crv="Ed25519", kid="k1", x="!")

    with pytest.raises(ValueError, match="k1"):
        await KeyService(Answering(entry), GET_JWKS).read()


async def test_it_closes_its_channel():
    channel = Answering()

    await KeyService(channel, GET_JWKS).close()

    assert channel.closed


def test_it_is_called_by_its_service_and_method():
    assert str(KeyService(Answering(), GET_JWKS)) == f"identity{GET_JWKS}"


async def test_a_read_that_is_cancelled_ends_its_call():
    identity = Identity(KEY)
    identity.open.clear()
    async with issuing(identity) as running:
        source = asking(running.target)
        reading = asyncio.create_task(source.read())
        while not identity.asked:  # noqa: ASYNC110 - the servicer tells no event
            await asyncio.sleep(0.001)

        reading.cancel()

        await asyncio.wait((reading,))
        assert reading.cancelled()
        await source.close()
