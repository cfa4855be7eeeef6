"""What a channel is told of where its server is."""

import socket

import pytest

from plait.rpc.target import InvalidTarget, Target, target_of


@pytest.mark.parametrize(
    ("text", "host", "port", "authority"),
    [
        ("localhost:50051", "localhost", 50051, "localhost:50051"),
        ("catalog", "catalog", 443, "catalog"),
        ("dns:///catalog.shop:9090", "catalog.shop", 9090, "catalog.shop:9090"),
        ("dns:catalog:9090", "catalog", 9090, "catalog:9090"),
        ("dns://8.8.8.8/catalog:9090", "catalog", 9090, "catalog:9090"),
        ("ipv4:127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1:80"),
        ("ipv6:[::1]:80", "::1", 80, "[::1]:80"),
        ("[::1]:65535", "::1", 65535, "[::1]:65535"),
        ("::1", "::1", 443, "::1"),
    ],
)
def test_a_host_and_a_port_are_read(text, host, port, authority):
    assert target_of(text) == Target(authority=authority, host=host, port=port)


@pytest.mark.parametrize("text", ["unix:/run/a%20b.sock", "unix:///run/a b.sock"])
def test_a_path_of_a_unix_socket_is_read(text):
    assert target_of(text) == Target(authority="localhost", path="/run/a b.sock")


@pytest.mark.parametrize(
    "text", ["", ":80", "host:0", "host:65536", "host:http", "[::1", "dns:///", "[]:80"]
)
def test_what_is_no_target_is_refused_with_what_is_expected(text):
    with pytest.raises(InvalidTarget, match="expected a target like host:port"):
        target_of(text)


async def test_a_name_has_addresses():
    assert ("127.0.0.1", 81) in await target_of("localhost:81").addresses()


async def test_a_name_that_nobody_knows_has_none():
    with pytest.raises(socket.gaierror):
        await target_of("no-such-host.invalid:81").addresses()
