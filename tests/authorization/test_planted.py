"""Promises of the canaries: they are in every field that could give something away."""

import json

import pytest
from google.protobuf.descriptor import FieldDescriptor

from plait.mesh.interceptors.validate import violations
from tests.authorization.contracts import METHODS, fields_of, http_rule, is_secret
from tests.authorization.planted import OTHER, RAW, RIGHT, SECRET, bodies, queries


def set_fields(message):
    """Every field that is set in a message, or in one that it holds, with its value as text."""
    for field, value in message.ListFields():
        yield field, str(value)
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                yield from set_fields(inner)


@pytest.mark.parametrize("name", METHODS)
def test_each_secret_of_a_method_holds_a_canary_in_its_request_and_in_its_answer(name):
    method = METHODS[name]
    for maker, descriptor in ((RIGHT, method.input_type), (RAW, method.output_type)):
        secrets = {field.full_name for field in fields_of(descriptor) if is_secret(field)}

        held = {
            field.full_name
            for field, value in set_fields(maker.make(descriptor))
            if SECRET in value
        }

        assert secrets <= held


def test_there_are_secrets():
    secrets = {
        field.full_name
        for method in METHODS.values()
        for descriptor in (method.input_type, method.output_type)
        for field in fields_of(descriptor)
        if is_secret(field)
    }

    assert len(secrets) >= 15
    assert "shop.identity.v1.LogInRequest.password" in secrets


@pytest.mark.parametrize("name", METHODS)
def test_what_should_be_right_breaks_no_rule(name):
    assert violations(RIGHT.make(METHODS[name].input_type)) == ()


def test_most_other_texts_hold_a_canary_too():
    texts = [
        OTHER in value
        for method in METHODS.values()
        for field, value in set_fields(RIGHT.make(method.input_type))
        if field.type == FieldDescriptor.TYPE_STRING and not is_secret(field)
    ]

    assert texts.count(True) > 0.6 * len(texts)  # the others are codes, ids and addresses


def test_a_body_is_wrong_in_many_ways_and_each_holds_a_canary():
    method = METHODS["shop.identity.v1.IdentityService/LogIn"]

    wrong = dict(bodies(method))

    assert len(wrong) > 20
    assert all(b"c4n4" in each.body or b"724019155500" in each.body for each in wrong.values())
    with pytest.raises(json.JSONDecodeError):
        json.loads(wrong[f"cut after {SECRET}"].body)


def test_a_query_is_wrong_in_many_ways():
    rules = [method for method in METHODS.values() if http_rule(method)]

    assert sum(len(list(queries(method))) for method in rules) > 400
