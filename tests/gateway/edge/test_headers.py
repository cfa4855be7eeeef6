"""Headers: whose request it is, and which of them travel on."""

import pytest

from plait.gateway.edge.headers import (
    client_address,
    joined,
    may_pass,
    networks,
    passed_back,
    passed_on,
    request_id,
)

TRUSTED = networks("10.0.0.0/8, ::1, fd00::/8")


def test_repeated_headers_are_joined_and_names_are_lower_case():
    assert joined([(b"X-A", b"1"), (b"x-a", b"2"), (b"cookie", b"a=1"), (b"Cookie", b"b=2")]) == {
        "x-a": "1, 2",
        "cookie": "a=1; b=2",
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "6.6.6.6", "203.0.113.7"),
        ("10.0.0.1", "6.6.6.6", "6.6.6.6"),
        ("10.0.0.1", "6.6.6.6, 10.0.0.2", "6.6.6.6"),
        ("10.0.0.1", "6.6.6.6, 7.7.7.7, 10.0.0.2", "7.7.7.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
        ("::1", "[2001:db8::1]", "2001:db8::1"),
        ("::ffff:10.0.0.1", "6.6.6.6", "6.6.6.6"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("", "6.6.6.6", ""),
    ],
)
def test_an_address_is_believed_as_far_as_proxies_are_trusted(peer, forwarded, client):
    assert client_address(peer, forwarded, TRUSTED) == client


def test_a_network_that_is_none_is_refused():
    with pytest.raises(ValueError, match="everywhere"):
        networks("10.0.0.0/8, everywhere")


@pytest.mark.parametrize("given", ["a", "x" * 128, "A.b_c~d:e/f+g=h@i-9"])
def test_a_request_id_that_can_be_logged_is_kept(given):
    assert request_id(given, lambda: "new") == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\nb", "ä", '"'])
def test_any_other_request_id_is_replaced(given):
    assert request_id(given, lambda: "new") == "new"


def test_only_listed_headers_that_grpc_can_carry_are_passed_on():
    headers = {"x-a": "1", "x-b": "ä", "x-c": "3", "te": "trailers", "host": "x"}

    assert passed_on(headers, {"x-a", "x-b", "te", "host"}) == [("x-a", "1")]


def test_only_listed_text_metadata_is_passed_back():
    metadata = [("x-a", "1"), ("x-bin", b"1"), ("x-b", "2"), ("x-c", "a\nb"), ("set", "3")]

    assert [*passed_back(metadata, {"x-a", "x-bin", "x-c"})] == [("x-a", "1")]


@pytest.mark.parametrize(
    "name",
    ["connection", "te", "authorization", "cookie", "grpc-timeout", "x-plait-workload", "a-bin"],
)
def test_what_is_the_gateways_own_is_never_passed(name):
    assert not may_pass(name)
