"""Bodies of requests and answers as OpenAPI describes them."""

import pytest

from plait.gateway import contracts as gateway_contracts
from plait.gateway.rest.bodies import Bodies
from plait.gateway.rest.schemas import Schemas

JSON, NDJSON, SSE = "application/json", "application/x-ndjson", "text/event-stream"


@pytest.fixture
def bodies(library):
    return Bodies(library, Schemas(library))


@pytest.fixture
def method(library):
    methods = {method.rpc.name: method for method in library.methods}
    return methods.__getitem__


def request(bodies, method, rule: int = 0):
    return bodies.request(method, method.rules[rule])


def response(bodies, method, rule: int = 0):
    return bodies.response(method, method.rules[rule])


def test_a_field_is_a_body(bodies, method):
    body = request(bodies, method("CreateBook"))

    assert list(body["content"]) == [JSON]
    parts = body["content"][JSON]["schema"]["allOf"]
    assert parts[0]["$ref"] == "#/components/schemas/Book"
    assert parts[1] == {"required": ["title"]}


def test_a_change_needs_no_field(bodies, method):
    schema = request(bodies, method("UpdateBook"))["content"][JSON]["schema"]

    assert schema["$ref"] == "#/components/schemas/Book"
    assert "required" not in schema


def test_a_whole_body_is_what_the_path_and_the_headers_leave(bodies, method):
    archive = request(bodies, method("ArchiveBook"))["content"][JSON]["schema"]
    preferences = request(bodies, method("GetPreferences"), 1)["content"][JSON]["schema"]

    assert set(archive["properties"]) == {"reason"}
    assert set(preferences["properties"]) == {"language"}


def test_a_list_a_map_and_a_scalar_can_be_a_body(bodies, method):
    def schema(rule: int):
        return request(bodies, method("Echo"), rule)["content"][JSON]["schema"]

    assert schema(3)["type"] == "array"
    assert schema(4)["additionalProperties"]["type"] == "string"
    assert schema(5)["format"] == "int64"


def test_bytes_are_any_body(bodies, method):
    for name in ("PutCover", "Webhook", "Upload"):
        assert request(bodies, method(name))["content"] == {"*/*": {"schema": {}}}
    for name in ("GetCover", "Webhook", "Download"):
        assert response(bodies, method(name))["content"] == {"*/*": {"schema": {}}}


def test_a_clients_stream_is_lines_or_an_array(bodies, method):
    content = request(bodies, method("ImportBooks"))["content"]

    assert list(content) == [NDJSON, JSON]
    assert content[NDJSON]["schema"]["$ref"] == "#/components/schemas/Book"
    assert content[JSON]["schema"] == {"type": "array", "items": content[NDJSON]["schema"]}


def test_a_servers_stream_has_three_forms(bodies, method):
    content = response(bodies, method("WatchBooks"))["content"]

    assert list(content) == [NDJSON, JSON, SSE]
    assert content[SSE]["schema"] == content[NDJSON]["schema"]
    assert content[JSON]["schema"]["items"] == content[NDJSON]["schema"]


def test_a_part_of_an_answer_may_be_missing(bodies, method):
    child = response(bodies, method("EchoField"))["content"][JSON]["schema"]
    text = response(bodies, method("EchoField"), 3)["content"][JSON]["schema"]

    assert child["anyOf"][1] == {"type": "null"}
    assert text["type"] == "string"


def test_an_answer_without_a_body_has_none(bodies, method):
    assert "content" not in response(bodies, method("DeleteBook"))


def test_headers_of_an_answer_are_described(bodies, method):
    assert "Location" in response(bodies, method("CreateBook"))["headers"]
    header = response(bodies, method("GetPreferences"))["headers"]["x-revision"]
    assert header["description"] == "Goes into a header."


def test_what_a_whole_body_needs_is_required(contract):
    text = """
        import "google/api/field_behavior.proto";
        message Request {
          string must = 1 [(google.api.field_behavior) = REQUIRED];
          string may = 2;
          Inner inner = 3 [(google.api.field_behavior) = REQUIRED];
          message Inner { string any = 1; }
        }
        service Service {
          rpc Do(Request) returns (Request) {
            option (google.api.http) = {
              post: "/v1/x" body: "*"
              additional_bindings {post: "/v1/y" body: "inner"}
            };
            option (plait.api.v1.access) = {public: {}};
          }
        }"""
    contracts = gateway_contracts.load(contract(text), ["wrong.v1.Service"])
    (method,) = contracts.methods
    bodies = Bodies(contracts, Schemas(contracts))

    assert request(bodies, method)["content"][JSON]["schema"]["required"] == ["must", "inner"]
    assert request(bodies, method, 1)["required"] is True
    assert "allOf" not in request(bodies, method, 1)["content"][JSON]["schema"]
