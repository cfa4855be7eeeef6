"""Fields as parameters of OpenAPI."""

import pytest

from plait.gateway import contracts as gateway_contracts
from plait.gateway.rest.parameters import Parameters
from plait.gateway.rest.schemas import Schemas


@pytest.fixture
def parameters(library):
    """The parameters of a method's rule, by name."""

    def found(name: str, rule: int = 0):
        (method,) = [each for each in library.methods if each.rpc.name == name]
        described = Parameters(library, Schemas(library))
        each = [*described.of(method, method.rules[rule]), *described.resume(method)]
        return {parameter["name"]: parameter for parameter in each}

    return found


def test_what_neither_path_nor_body_binds_is_a_query(parameters):
    assert set(parameters("CreateBook")) == {"bookId", "requestId"}
    assert parameters("CreateBook")["bookId"] == {
        "name": "bookId",
        "in": "query",
        "description": "Its id.",
        "schema": {"type": "string"},
    }


def test_messages_are_followed_with_dots(parameters):
    assert set(parameters("ListBooks")) == {
        "pageSize",
        "pageToken",
        "maxPrice.currencyCode",
        "maxPrice.units",
        "maxPrice.nanos",
    }


def test_with_the_whole_body_there_is_no_query(parameters):
    assert parameters("SearchBooks", 1) == {}
    assert set(parameters("SearchBooks")) == {"query", "names"}


def test_headers_and_cookies_are_where_they_are_carried(parameters):
    found = parameters("GetPreferences")

    assert {name: each["in"] for name, each in found.items()} == {
        "x-tenant": "header",
        "theme": "cookie",
        "language": "query",
    }
    assert set(parameters("GetPreferences", 1)) == {"x-tenant", "theme"}


def test_a_stream_that_can_be_resumed_takes_the_last_event_id(parameters):
    assert set(parameters("WatchBooks")) == {"resumeToken", "Last-Event-ID"}
    assert "Last-Event-ID" not in parameters("ExportBooks")


def test_what_only_a_service_sets_is_no_parameter(parameters):
    assert "createTime" not in parameters("Echo", 1)


def test_every_kind_of_field_that_has_a_text_form_is_there(parameters):
    found = parameters("Echo", 1)

    assert found["texts"]["schema"]["type"] == "array"
    assert found["labels"]["style"] == "deepObject"
    assert found["labels"]["explode"] is True
    assert "schema" not in found["struct"]
    assert found["struct"]["content"]["application/json"]["schema"]["type"] == "object"
    assert found["price.units"]["schema"]["format"] == "int64"
    assert found["time"]["schema"]["format"] == "date-time"
    for name in ("lines", "linesByNumber", "any", "child", "children", "child.text", "empty"):
        assert name not in found


def test_json_in_lists_and_maps_is_text(contract):
    text = """
        message Request {
          repeated google.protobuf.Value list = 1;
          map<string, google.protobuf.Struct> map = 2;
        }
        service Service {
          rpc Get(Request) returns (Request) {
            option (google.api.http) = {get: "/v1/x"};
            option (plait.api.v1.access) = {public: {}};
          }
        }"""
    contracts = gateway_contracts.load(contract(text), ["wrong.v1.Service"])
    (method,) = contracts.methods

    found = [*Parameters(contracts, Schemas(contracts)).of(method, method.rules[0])]

    json_text = {"type": "string", "contentMediaType": "application/json"}
    assert found[0]["schema"] == {"type": "array", "items": json_text}
    assert found[1]["schema"] == {"type": "object", "additionalProperties": json_text}
    assert found[1]["style"] == "deepObject"


def test_a_variable_within_a_message_leaves_the_rest_of_it_to_the_query(library, parameters):
    found = parameters("EchoPath", 1)

    assert "text" in found


def test_what_is_required_or_deprecated_says_so(contract):
    text = """
        import "google/api/field_behavior.proto";
        message Request {
          string must = 1 [(google.api.field_behavior) = REQUIRED];
          string old = 2 [deprecated = true];
          Inner inner = 3;
          string made = 4 [(google.api.field_behavior) = OUTPUT_ONLY];
          message Inner { string must = 1 [(google.api.field_behavior) = REQUIRED]; }
        }
        service Service {
          rpc Get(Request) returns (Request) {
            option (google.api.http) = {get: "/v1/x"};
            option (plait.api.v1.access) = {public: {}};
          }
        }"""
    contracts = gateway_contracts.load(contract(text), ["wrong.v1.Service"])
    (method,) = contracts.methods

    described = Parameters(contracts, Schemas(contracts)).of(method, method.rules[0])
    found = {each["name"]: each for each in described}

    assert set(found) == {"must", "old", "inner.must"}
    assert found["must"]["required"] is True
    assert "required" not in found["inner.must"]  # only if the message is there
    assert found["old"]["deprecated"] is True
