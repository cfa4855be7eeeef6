"""Rules of buf.validate as keywords of JSON Schema."""

import pytest
from jsonschema import Draft202012Validator

from plait.gateway.rest.constraints import constraints, described, is_required, merged


@pytest.mark.parametrize(
    ("rules", "schema"),
    [
        ({}, {}),
        ({"string": {"min_len": 1, "max_len": 9}}, {"minLength": 1, "maxLength": 9}),
        ({"string": {"len": 3}}, {"minLength": 3, "maxLength": 3}),
        ({"string": {"pattern": "^a+$"}}, {"pattern": "^a+$"}),
        ({"string": {"uuid": True}}, {"format": "uuid"}),
        ({"string": {"email": True}}, {"format": "email"}),
        ({"string": {"uri_ref": True}}, {"format": "uri-reference"}),
        ({"string": {"prefix": "a.b"}}, {"pattern": "^a\\.b"}),
        (
            {"string": {"prefix": "a", "suffix": "c", "contains": "b"}},
            {"pattern": "^a", "allOf": [{"pattern": "c$"}, {"pattern": "b"}]},
        ),
        ({"string": {"in": ["a", "b"]}}, {"enum": ["a", "b"]}),
        ({"string": {"not_in": ["a"]}}, {"not": {"enum": ["a"]}}),
        ({"string": {"const": "a"}}, {"const": "a"}),
        ({"int32": {"gte": 0, "lt": 9}}, {"minimum": 0, "exclusiveMaximum": 9}),
        ({"double": {"gt": 0.5, "lte": 1.5}}, {"exclusiveMinimum": 0.5, "maximum": 1.5}),
        ({"int64": {"gte": 0}}, {"pattern": "^[0-9]{1,19}$"}),
        ({"int64": {"gte": -5}}, {}),
        ({"uint64": {"gte": 5}}, {}),
        (
            {"repeated": {"min_items": 1, "max_items": 5, "unique": True}},
            {"minItems": 1, "maxItems": 5, "uniqueItems": True},
        ),
        ({"repeated": {"items": {"string": {"max_len": 3}}}}, {"items": {"maxLength": 3}}),
        (
            {"map": {"min_pairs": 1, "max_pairs": 2, "keys": {"string": {"max_len": 3}}}},
            {"minProperties": 1, "maxProperties": 2, "propertyNames": {"maxLength": 3}},
        ),
        ({"map": {"values": {"int32": {"gte": 1}}}}, {"additionalProperties": {"minimum": 1}}),
    ],
)
def test_a_rule_is_a_keyword(rules, schema):
    assert constraints(rules) == schema


def test_a_pattern_that_only_re2_knows_is_left_out():
    assert constraints({"string": {"pattern": r"^\pL+$"}}) == {}
    assert constraints({"string": {"pattern": "(?i)abc"}}) == {}


def test_rules_that_are_never_applied_are_none():
    rules = {"ignore": "IGNORE_ALWAYS", "required": True, "string": {"min_len": 1}, "cel": [{}]}

    assert constraints(rules) == {}
    assert described(rules) == []
    assert not is_required(rules)


@pytest.mark.parametrize(
    "string",
    [
        {"min_len": 3},
        {"pattern": "^abc$"},
        {"prefix": "abc", "suffix": "abc"},
        {"in": ["abc"]},
        {"uuid": True},
    ],
)
def test_rules_that_spare_the_empty_text_let_it_through(string):
    schema = constraints({"ignore": "IGNORE_IF_ZERO_VALUE", "string": string})

    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert validator.is_valid("")
    assert not validator.is_valid("x")


def test_what_only_a_person_can_read_is_a_sentence():
    rules = {"cel": [{"message": "must be even"}, {"message": "Odd is odd."}, {"id": "silent"}]}

    assert described(rules) == ["It must be even.", "Odd is odd."]


def test_a_rule_for_elements_joins_what_is_known_of_them():
    array = {"type": "array", "items": {"type": "string"}}

    assert merged(array, {"items": {"maxLength": 3}, "maxItems": 2}) == {
        "type": "array",
        "items": {"type": "string", "maxLength": 3},
        "maxItems": 2,
    }
