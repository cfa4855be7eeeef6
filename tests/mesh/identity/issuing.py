"""An identity service that a test owns: it publishes its keys by gRPC and tells who asked."""

import asyncio
from contextlib import asynccontextmanager

from joserfc.jwk import OKPKey

from plait.testing import serving
from shop.identity.v1 import identity_pb2, identity_pb2_grpc

GET_JWKS = "/shop.identity.v1.IdentityService/GetJwks"


class Identity(identity_pb2_grpc.IdentityServiceServicer):
    """Answers GetJwks with `keys`; while `open` is cleared it does not."""

    def __init__(self, *keys: OKPKey) -> None:
        self.keys = keys
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[dict[str, str]] = []

    async def GetJwks(self, request, context):  # noqa: N802 - from the contract
        self.asked.append(dict(context.invocation_metadata()))
        await self.open.wait()
        entries = [
            key.as_dict(private=False) | {"use": "sig", "alg": "Ed25519"} for key in self.keys
        ]
        return identity_pb2.GetJwksResponse(keys=[identity_pb2.Jwk(**entry) for entry in entries])

    async def GetUser(self, request, context):  # noqa: N802 - from the contract
        return identity_pb2.User(name=request.name)

    def register(self, server) -> None:
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(self, server)


@asynccontextmanager
async def issuing(identity: Identity):
    """Serve it with the whole stack."""
    async with asyncio.timeout(20), serving(identity.register, name="identity") as running:
        yield running
