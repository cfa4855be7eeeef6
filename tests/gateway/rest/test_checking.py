import json

import pytest
from google.protobuf.message import DecodeError

from plait.gateway.rest.checking import MAX_DEPTH, MAX_PROBLEMS, Check, Doubled, takes_null
from plait.gateway.rest.fields import elements_of


@pytest.fixture
def problems(library, everything):
    """Check a JSON value as a message Everything: field, rule and description of each problem."""

    def of(value):
        check = Check(library.registry)
        check.single(everything, value, "", 0)
        return [(found.field, found.rule, found.description) for found in check.problems]

    return of


def nested(levels, inner, key="child"):
    for _ in range(levels):
        inner = {key: inner}
    return inner


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": None, "child": None, "texts": None, "labels": None, "color": None, "any": None},
        {"value": None, "null": None, "chosenNull": None, "list": [None], "struct": {"a": None}},
        {"chosenText": "a", "chosenNumber": None},
        {"color": "NAVY", "mood": -1, "maybe_color": 7},
        {"lines": [{"sku": "a", "parts": [{}]}], "linesByNumber": {"1": {}}, "counts": {"1": "2"}},
        {"colorsByBool": {"true": "RED", "false": 0}, "waits": {"a": "1s"}},
        {"otherName": "x", "field3Name": "y"},
        {"time": "2026-01-31T12:00:00Z", "wait": "1.5s", "mask": "a,bC", "empty": {}},
        {"any": {}},
        {"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}},
        {"any": {"@type": "x/google.protobuf.Empty"}},
        {"any": {"@type": "x/google.protobuf.Value", "value": None}},
        {"any": {"@type": "x/google.protobuf.Any", "value": {}}},
        {"any": {"@type": "x/google.protobuf.DescriptorProto", "name": "a"}},
        {"values": None, "valuesByText": None},
        {"values": [None], "valuesByText": {"a": None}},
        {"any": {"@type": "x/plait.testing.v1.Line", "sku": "a"}},
        {"wrappedInt64": "5", "wrappedText": "a", "wrappedBool": True, "wrappedBytes": "AA=="},
        {"legacy": {"size": "SMALL", "count": 1}},
        {"doubleValue": "NaN", "floatValue": 1, "doubles": ["Infinity", 1e3]},
    ],
)
def test_what_fits_has_no_problem(problems, value):
    assert problems(value) == []


@pytest.mark.parametrize(
    ("value", "field", "rule", "description"),
    [
        (1, "", "json.type", "expected an object, found the number 1"),
        ([], "", "json.type", "expected an object, found an array"),
        ({"text": 5}, "text", "json.type", "expected a string, found the number 5"),
        ({"boolValue": "true"}, "boolValue", "json.type", 'true or false, found the string "true"'),
        ({"int32Value": 1.5}, "int32Value", "json.type", "to 2147483647, found the number 1.5"),
        ({"int32Value": True}, "int32Value", "json.type", "found the boolean true"),
        ({"bytesValue": "*"}, "bytesValue", "json.type", 'bytes in base64, found the string "*"'),
        ({"texts": "a"}, "texts", "json.type", 'expected an array, found the string "a"'),
        ({"texts": ["a", None]}, "texts[1]", "json.type", "expected a string, found null"),
        ({"lines": [{}, {"sku": 1}]}, "lines[1].sku", "json.type", "expected a string"),
        ({"labels": []}, "labels", "json.type", "expected an object, found an array"),
        ({"labels": {"a b": 1}}, 'labels["a b"]', "json.type", "expected a string"),
        ({"labels": {"a": None}}, 'labels["a"]', "json.type", "found null"),
        ({"counts": {"x": 1}}, 'counts["x"]', "json.type", "615 as the key"),
        ({"counts": {"1": 1, "01": 2}}, 'counts["01"]', "json.duplicate_key", 'the key "1" for'),
        ({"child": []}, "child", "json.type", "expected an object, found an array"),
        ({"child": {"child": {"txt": 1}}}, "child.child.txt", "json.unknown_field", "mean"),
        ({"txet": 1}, "txet", "json.unknown_field", '"txet"; did you mean "text"?'),
        ({"int64-value": 1}, "int64-value", "json.unknown_field", 'did you mean "int64Value"?'),
        ({"zzz": 1}, "zzz", "json.unknown_field", 'there is no field "zzz"'),
        ({"choice": {}}, "choice", "json.unknown_field", 'there is no field "choice"'),
        ({"int64Value": 1, "int64_value": 1}, "int64_value", "json.duplicate_key", "second time"),
        ({"chosenText": "a", "chosenNumber": 1}, "chosenNumber", "json.oneof", '"chosenText" and'),
        ({"chosenNull": None, "chosenText": "a"}, "chosenText", "json.oneof", '"chosenNull" and'),
        ({"color": "GREN"}, "color", "json.type", 'found the string "GREN"; did you mean "GREEN"?'),
        ({"color": 1.0}, "color", "json.type", "expected one of COLOR_UNSPECIFIED"),
        ({"color": 2**31}, "color", "json.type", "expected one of COLOR_UNSPECIFIED"),
        ({"colors": [None]}, "colors[0]", "json.type", "found null"),
        ({"null": "x"}, "null", "json.type", "expected one of NULL_VALUE"),
        ({"legacy": {"size": 3}}, "legacy.size", "json.type", "expected one of SMALL, LARGE"),
        ({"time": "now"}, "time", "json.type", "RFC 3339 such as 2026-01-31T12:00:00Z, found the"),
        ({"wait": 5}, "wait", "json.type", "a duration in seconds such as 1.5s, found the number"),
        ({"mask": "a_b"}, "mask", "json.type", "names of fields"),
        ({"struct": []}, "struct", "json.type", "expected an object, found an array"),
        ({"list": {}}, "list", "json.type", "expected an array, found an object"),
        ({"value": float("inf")}, "value", "json.type", "a number that a double can hold"),
        ({"struct": {"a": [float("inf")]}}, 'struct["a"][0]', "json.type", "a double can hold"),
        ({"wrappedInt32": "x"}, "wrappedInt32", "json.type", "an integer from -2147483648"),
        ({"any": []}, "any", "json.type", "expected an object, found an array"),
        ({"any": {"sku": 1}}, "any.@type", "json.type", "expected the URL of a type"),
        ({"any": {"@type": 5}}, "any.@type", "json.type", "found the number 5"),
        ({"any": {"@type": "x/no.Such"}}, "any.@type", "json.type", 'found the string "x/no.Such"'),
        (
            {"any": {"@type": "x/google.protobuf.Duration", "value": 1}},
            "any.value",
            "json.type",
            "a duration in seconds",
        ),
        (
            {"any": {"@type": "x/plait.testing.v1.Line", "skus": 1}},
            "any.skus",
            "json.unknown_field",
            'did you mean "sku"?',
        ),
        (
            {"any": {"@type": "x/google.protobuf.Duration"}},
            "any.value",
            "json.type",
            "expected a duration in seconds",
        ),
        (
            {"any": {"@type": "x/google.protobuf.Value"}},
            "any.value",
            "json.type",
            "expected a JSON value",
        ),
        (
            {"any": {"@type": "x/google.protobuf.Duration", "value": "1s", "vale": 1}},
            "any.vale",
            "json.unknown_field",
            'did you mean "value"?',
        ),
        (Doubled({"text": "a"}, ("text",)), "text", "json.duplicate_key", 'the key "text" for'),
        (
            {"struct": Doubled({"a": 1}, ("a",))},
            "struct.a",
            "json.duplicate_key",
            'the key "a" for the second time',
        ),
        (
            {"labels": Doubled({"a": "1"}, ("a",))},
            "labels.a",
            "json.duplicate_key",
            'the key "a" for the second time',
        ),
    ],
)
def test_each_problem_has_its_place_its_rule_and_its_reason(
    problems, value, field, rule, description
):
    (found,) = problems(value)

    assert found[:2] == (field, rule)
    assert description in found[2]


def test_a_duplicate_in_an_any_is_found(problems):
    line = Doubled({"@type": "x/plait.testing.v1.Line", "sku": "a"}, ("sku",))
    wrapped = Doubled({"@type": "x/google.protobuf.Duration", "value": "1s"}, ("value",))

    assert [rule for _, rule, _ in problems({"any": line})] == ["json.duplicate_key"]
    assert [rule for _, rule, _ in problems({"any": wrapped})] == ["json.duplicate_key"]


def test_all_problems_of_a_body_are_named(problems):
    found = problems({"text": 1, "lines": [{"sku": 2}], "nope": 3})

    assert [field for field, _, _ in found] == ["text", "lines[0].sku", "nope"]


def test_no_more_problems_are_collected_than_are_read(problems):
    for number, expected in [(19, 19), (20, 20), (21, 20), (1000, 20)]:
        assert len(problems({f"x{i}": 1 for i in range(number)})) == expected
        assert len(problems({"texts": list(range(number))})) == expected
    assert MAX_PROBLEMS == 20


def test_a_long_name_or_value_is_shown_only_in_part(problems):
    ((field, _, unknown),) = problems({"x" * 10_000: 1})
    ((_, _, wrong),) = problems({"boolValue": "y" * 10_000})

    assert max(len(field), len(unknown), len(wrong)) < 200


def test_messages_may_nest_as_deep_as_a_service_reads(problems):
    assert problems(nested(MAX_DEPTH, {})) == []
    ((field, rule, description),) = problems(nested(MAX_DEPTH + 1, {}))

    assert rule == "json.depth"
    assert field.count("child") == MAX_DEPTH + 1
    assert description == "expected at most 100 levels of nested messages"


@pytest.mark.parametrize(
    ("key", "levels"),
    [("struct", 33), ("value", 33), ("list", 50)],
)
def test_any_json_counts_as_deep_as_it_is_on_the_wire(
    problems, key, levels, everything, message_class
):
    def value(depth):
        made = []
        for _ in range(depth - 1):
            made = [made]
        if key != "list":
            made = nested(depth - 1, {}, "a")
        return {key: made}

    kind = message_class("plait.testing.v1.Everything")
    for depth in range(levels - 3, levels + 3):
        try:
            kind.FromString(everything.type.from_json(json.dumps(value(depth))).to_binary())
        except (DecodeError, RecursionError):
            readable = False
        else:
            readable = True
        assert (problems(value(depth)) == []) == readable, depth


def test_null_is_a_value_of_two_types_only(everything):
    null = {f.name for f in everything.fields if takes_null(elements_of(f))}

    assert null == {"value", "values", "values_by_text", "null", "chosen_null"}
