"""Where calls come from: the gateway is believed, and nobody else."""

import pytest

from plait.mesh.call import Call, Side
from plait.mesh.identity.identity import Workload
from plait.mesh.metadata import CLIENT_ADDRESS
from plait.mesh.method import Method
from plait.mesh.origin import address_of, caller_address, client_address

METHOD = Method(service="shop.v1.Shop", name="Get", client_streaming=False, server_streaming=False)


def call(said="203.0.113.7", workload="gateway", peer="ipv4:10.0.0.1:40000"):
    return Call(
        method=METHOD,
        side=Side.SERVER,
        metadata=[(CLIENT_ADDRESS, said)] if said is not None else [],
        peer=peer,
        workload=Workload(name=workload) if workload else None,
    )


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (None, ""),
        ("", ""),
        ("203.0.113.7, 10.0.0.1", ""),
        ("localhost", ""),
        ("1" * 1000, ""),
    ],
)
def test_the_gateway_says_for_which_address_it_calls(said, address):
    assert client_address(call(said)) == address


@pytest.mark.parametrize("workload", ["orders", "gateway2", ""])
def test_nobody_else_is_believed(workload):
    assert client_address(call(workload=workload)) == ""
    assert caller_address(call(workload=workload)) == "10.0.0.1"


def test_without_a_client_calls_are_counted_by_their_peer():
    assert caller_address(call()) == "203.0.113.7"
    assert caller_address(call(None)) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:80", ("127.0.0.1", 80)),
        ("ipv6:%5B::1%5D:80", ("::1", 80)),
        ("unix:/run/a.sock", ("/run/a.sock", 0)),
        ("dns:///shop:443", ("shop", 443)),
        ("", ("", 0)),
    ],
)
def test_a_peer_has_an_address_and_a_port(peer, address):
    assert address_of(peer) == address
