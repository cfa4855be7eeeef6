"""Promises of the client's address: the gateway tells it, and nobody else is believed."""

import pytest

from plait.mesh.call import Call, Side, current
from plait.mesh.identity.identity import Workload
from plait.mesh.interceptors.client_address import client_address
from plait.mesh.metadata import CLIENT_ADDRESS
from plait.mesh.method import Method
from tests.mesh.asking import echoing
from tests.mesh.echo import EchoRequest, EchoResponse, EchoStub

METHOD = Method(service="a.B", name="C", client_streaming=False, server_streaming=False)
ZONE = "fe80::1%" + "z" * 56  # 64 characters


async def believed(workload, *addresses):
    metadata = [(CLIENT_ADDRESS, address) for address in addresses]
    known = Workload(name=workload) if workload else None
    call = Call(method=METHOD, side=Side.SERVER, metadata=metadata, workload=known)
    async with client_address()(call):
        return call.client_address


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::0001", "2001:db8::1"),
        (ZONE[:-1], ZONE[:-1]),
        (ZONE, ZONE),
        (ZONE + "z", ""),
        ("192.0.2.7:80", ""),
        ("192.0.2.7, 192.0.2.8", ""),
        ("somewhere", ""),
        ("", ""),
    ],
)
async def test_the_gateway_is_believed_if_it_tells_an_address(told, address):
    assert await believed("gateway", told) == address


async def test_nothing_told_is_nothing_known():
    assert await believed("gateway") == ""


@pytest.mark.parametrize("workload", ["", "orders", "gateway-2"])
async def test_nobody_else_is_believed(workload):
    assert await believed(workload, "192.0.2.7") == ""


@pytest.mark.parametrize(("workload", "address"), [("gateway", "192.0.2.7"), ("orders", "")])
async def test_a_handler_knows_where_the_call_came_from(workload, address):
    seen = []

    async def say(request, context):
        seen.append(current().client_address)
        return EchoResponse()

    async with echoing(Say=say) as (running, _):
        stub = EchoStub(running.connect_as(user="", workload=workload))
        await stub.Say(EchoRequest(), metadata=((CLIENT_ADDRESS, "192.0.2.7"),))

    assert seen == [address]
