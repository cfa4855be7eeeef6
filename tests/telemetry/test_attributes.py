"""Promises of the one list of what may be written down."""

import pytest
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import (
    client_attributes,
    db_attributes,
    error_attributes,
    exception_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
)

from plait.telemetry import attributes
from plait.telemetry.attributes import ALLOWED, permitted, short

CONVENTIONS = {
    value
    for module in (
        client_attributes,
        db_attributes,
        error_attributes,
        exception_attributes,
        http_attributes,
        network_attributes,
        rpc_attributes,
        server_attributes,
        url_attributes,
    )
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
}


class Message:
    """Something with content."""

    def __str__(self):
        return "secret"


def test_every_dotted_name_is_one_of_the_conventions():
    ours = {name for name in ALLOWED if "." in name}
    ours |= {v for k, v in vars(attributes).items() if k.isupper() and isinstance(v, str)}

    assert ours <= CONVENTIONS


def test_the_rpc_names_are_the_current_ones():
    assert rpc_attributes.RPC_SYSTEM_NAME == attributes.RPC_SYSTEM
    assert rpc_attributes.RPC_METHOD == attributes.RPC_METHOD
    assert rpc_attributes.RPC_RESPONSE_STATUS_CODE == attributes.RPC_STATUS_CODE


@pytest.mark.parametrize("name", ["exception.message", "url.full", "url.query", "url.path"])
def test_what_may_repeat_a_request_is_not_allowed(name):
    assert name not in ALLOWED


def test_only_allowed_names_pass():
    assert permitted({"code": "OK", "password": "hunter2"}) == {"code": "OK"}


def test_further_names_pass_where_they_are_allowed():
    assert permitted({"tenant": "t1", "x": 1}, ALLOWED | {"tenant"}) == {"tenant": "t1"}


@pytest.mark.parametrize("value", ["OK", "", 0, 7, 1.5, True, None])
def test_a_plain_value_passes_as_it_is(value):
    assert permitted({"code": value}) == {"code": value}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(Message(), "<Message>"), (["secret"], "<list>"), ({"a": 1}, "<dict>"), (b"x", "<bytes>")],
)
def test_anything_else_is_only_named(value, shown):
    assert permitted({"code": value}) == {"code": shown}


@pytest.mark.parametrize("length", [0, 8191, 8192])
def test_a_text_within_the_bound_is_whole(length):
    assert short("x" * length) == "x" * length


def test_a_longer_text_is_cut():
    assert short("x" * 8193) == "x" * 8192 + "…"
    assert permitted({"code": "x" * 8193}) == {"code": "x" * 8192 + "…"}
