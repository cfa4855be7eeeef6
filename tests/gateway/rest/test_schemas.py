"""Messages as JSON Schema: what the gateway writes is valid by it, and what it takes."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from plait.gateway import contracts as gateway_contracts
from plait.gateway.rest.binding import Binding
from plait.gateway.rest.schemas import Schemas

EVERYTHING = "plait.testing.v1.Everything"
HEAD = """
import "buf/validate/validate.proto";
import "google/api/field_behavior.proto";
import "google/api/field_info.proto";
message Request { string name = 1; }
service Service {
  rpc Get(Request) returns (Answer) {
    option (google.api.http) = {get: "/v1/{name}"};
    option (plait.api.v1.access) = {public: {}};
  }
}
"""


@pytest.fixture(scope="module")
def everything(library):
    """A validator of Everything, and its schema."""
    schemas = Schemas(library, prefix="#/$defs/")
    reference = schemas.element(library.registry.message(EVERYTHING))
    whole = {**reference, "$defs": schemas.components}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole)


@pytest.fixture
def answer(contract):
    """The schema of the message `Answer` of a contract."""

    def made(text: str):
        contracts = gateway_contracts.load(contract(HEAD + text), ["wrong.v1.Service"])
        schemas = Schemas(contracts, prefix="#/$defs/")
        schemas.element(contracts.registry.message("wrong.v1.Answer"))
        return schemas.components["Answer"]

    return made


@pytest.fixture(scope="module")
def echo(library):
    (method,) = [each for each in library.methods if each.rpc.name == "Echo"]
    return Binding(method, method.rules[0], library)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({}, True),
        ({"text": "x" * 1000}, True),
        ({"text": "x" * 1001}, False),
        ({"int32Value": 2**31 - 1}, True),
        ({"int32Value": 2**31}, False),
        ({"uint32Value": -1}, False),
        ({"int64Value": "-9223372036854775808"}, True),
        ({"int64Value": 7}, False),
        ({"uint64Value": "18446744073709551615"}, True),
        ({"floatValue": 0.5}, True),
        ({"floatValue": "NaN"}, True),
        ({"floatValue": "wide"}, False),
        ({"boolValue": True}, True),
        ({"bytesValue": "AAA="}, True),
        ({"color": "NAVY"}, True),
        ({"color": "PINK"}, False),
        ({"null": None}, True),
        ({"texts": ["a"], "numbers": ["1"], "colors": ["RED"]}, True),
        ({"numbers": [1]}, False),
        ({"labels": {"a": "b"}}, True),
        ({"labels": {"a": 1}}, False),
        ({"linesByNumber": {"-7": {"sku": "x"}}}, True),
        ({"linesByNumber": {"seven": {}}}, False),
        ({"colorsByBool": {"true": "RED"}}, True),
        ({"colorsByBool": {"yes": "RED"}}, False),
        ({"chosenText": "a"}, True),
        ({"chosenText": "a", "chosenNumber": "1"}, False),
        ({"child": {"child": {"text": "deep"}}}, True),
        ({"child": {"child": {"texxt": "deep"}}}, False),
        ({"otherName": "x"}, True),
        ({"renamed": "x"}, False),
        ({"time": "2026-01-31T12:00:00Z", "wait": "1.5s", "mask": "a,bC"}, True),
        ({"wait": "1.5"}, False),
        ({"struct": {"a": [1]}, "value": 7, "list": [None]}, True),
        ({"struct": 7}, False),
        ({"any": {"@type": "type.googleapis.com/x", "value": 1}}, True),
        ({"wrappedInt64": "7", "wrappedBool": False, "wrappedText": ""}, True),
        ({"wrappedInt64": 7}, False),
    ],
)
def test_each_kind_of_field_is_described_as_it_is_written(everything, value, fits):
    assert everything.is_valid(value) == fits


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
DRAWN = {
    "text": TEXTS,
    "boolValue": st.booleans(),
    "int32Value": st.integers(-(2**31), 2**31 - 1),
    "int64Value": st.integers(-(2**63), 2**63 - 1).map(str),
    "uint64Value": st.integers(0, 2**64 - 1).map(str),
    "doubleValue": st.floats(allow_nan=False, allow_infinity=False),
    "color": st.sampled_from(["RED", "GREEN", "NAVY"]),
    "maybeText": TEXTS,
    "texts": st.lists(TEXTS, max_size=3),
    "numbers": st.lists(st.integers(-9, 9).map(str), max_size=3),
    "labels": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "lines": st.lists(st.fixed_dictionaries({"sku": TEXTS}), max_size=2),
    "chosenNumber": st.integers(-9, 9).map(str),
    "wait": st.just("1.500s"),
    "wrappedBytes": st.just("AAE="),
    "struct": st.dictionaries(TEXTS, st.booleans(), max_size=2),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.fixed_dictionaries({}, optional=DRAWN))
def test_whatever_the_gateway_answers_is_valid(everything, echo, value):
    assert everything.is_valid(value)

    message = echo.request({}, "", json.dumps(value).encode(), {})
    everything.validate(json.loads(echo.response(message).body))


def test_comments_are_descriptions_and_give_examples(answer):
    schema = answer("""
        // The answer.
        message Answer {
          // The type of it, for example `image/png`.
          string content_type = 1;
          // Too long, for example `abc`.
          string short = 2 [(buf.validate.field).string.max_len = 2];
          // A number, for example `7`.
          int32 number = 3;
        }""")

    assert schema["description"] == "The answer."
    assert schema["properties"]["contentType"]["examples"] == ["image/png"]
    assert "examples" not in schema["properties"]["short"]
    assert "examples" not in schema["properties"]["number"]


def test_options_are_marks(answer):
    schema = answer("""
        message Answer {
          string made = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
          string given = 2 [(google.api.field_behavior) = INPUT_ONLY, debug_redact = true];
          string old = 3 [deprecated = true];
          string id = 4 [(google.api.field_info).format = UUID4];
          string must = 5 [(buf.validate.field).required = true];
          double finite = 6 [(buf.validate.field).double.finite = true];
          double small = 7 [(buf.validate.field).double.lte = 1];
        }""")

    properties = schema["properties"]
    assert properties["made"]["readOnly"]
    assert properties["given"] == {"type": "string", "writeOnly": True, "format": "password"}
    assert properties["old"]["deprecated"]
    assert properties["id"]["anyOf"] == [{"maxLength": 0}, {"format": "uuid"}]
    assert schema["required"] == ["must"]
    assert properties["finite"] == {"type": "number", "format": "double"}
    assert properties["small"]["anyOf"][0]["maximum"] == 1


def test_a_deprecated_message_says_so_and_rules_in_words_are_told(answer):
    schema = answer("""
        message Answer {
          option deprecated = true;
          option (buf.validate.message).cel = {
            id: "a", message: "must have a", expression: "this.a != ''"
          };
          string a = 1;
        }""")

    assert schema["deprecated"]
    assert schema["description"] == "It must have a."


def test_two_messages_of_one_name_are_two_schemas(answer, contract):
    text = (
        HEAD
        + """
        message Answer { Inner inner = 1; google.protobuf.Timestamp time = 2; }
        message Inner { Answer again = 1; Kind kind = 2; enum Kind { KIND_UNSPECIFIED = 0; } }
        """
    )
    contracts = gateway_contracts.load(contract(text), ["wrong.v1.Service"])
    schemas = Schemas(contracts)
    schemas.components["Inner"] = {"type": "string"}  # as if another package had one

    schemas.element(contracts.registry.message("wrong.v1.Answer"))

    assert set(schemas.components) == {"Answer", "Inner", "wrong.v1.Inner", "Inner.Kind"}
    assert schemas.components["Answer"]["properties"]["inner"] == {
        "$ref": "#/components/schemas/wrong.v1.Inner"
    }
