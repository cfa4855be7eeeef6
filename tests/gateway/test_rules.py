import pytest

from plait.gateway.contracts import ContractError, load
from plait.gateway.rules import RuleError, field_of

HEAD = """
message Request {
  string name = 1;
  repeated string names = 2;
  map<string, string> labels = 3;
  Request child = 4;
  google.protobuf.Timestamp time = 5;
  repeated Request children = 6;
  string tenant = 7 [(plait.api.v1.http).header = "x-tenant"];
}
"""


def rule(text: str, request: str = "Request") -> str:
    return f"""{HEAD}
service Wrong {{
  rpc Method({request}) returns (Request) {{
    option (google.api.http) = {{{text}}};
    option (plait.api.v1.access) = {{public: {{}}}};
  }}
}}
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'rule "": expected one of get, put, post, delete, patch and custom, found none'),
        ('body: "*"', 'rule "": expected one of get, put, post'),
        (
            'get: "/v1/{name"',
            'rule "GET /v1/{name": expected "}", found the end at position 9 of the template',
        ),
        ('get: "/v1/{name={child}}"', "a variable inside of a variable at position 10"),
        ('get: "/v1/{name}/{name}"', 'the variable "name" for the second time'),
        ('get: "/v1/{nme}"', 'wrong.v1.Request has no field "nme"; did you mean "name"?'),
        ('get: "/v1/{child.nme}"', 'wrong.v1.Request has no field "nme"; did you mean "name"?'),
        ('get: "/v1/{childs.name}"', 'has no field "childs"; did you mean "child"?'),
        ('get: "/v1/{names}"', 'the path variable "names" is repeated or a map; expected a scalar'),
        ('get: "/v1/{labels}"', 'the path variable "labels" is repeated or a map'),
        ('get: "/v1/{child}"', 'the path variable "child" is a message; expected a scalar or an'),
        ('get: "/v1/{time}"', 'the path variable "time" is a message'),
        ('get: "/v1/{children.name}"', '"children" in the field path "children.name" is not a'),
        ('get: "/v1/{name.x}"', '"name" in the field path "name.x" is not a single message'),
        ('get: "/v1/{name}/{name.x}"', '"name" in the field path "name.x" is not a single message'),
        ('post: "/v1/a" body: "nam"', 'has no field "nam"; did you mean "name"?'),
        (
            'post: "/v1/a" body: "child.name"',
            'the body "child.name" is a path; expected a field of',
        ),
        ('post: "/v1/{name}" body: "name"', 'the field "name" is bound twice, by the path and by'),
        ('get: "/v1/a" response_body: "nam"', 'has no field "nam"; did you mean "name"?'),
        ('get: "/v1/a" response_body: "child.name"', 'the response_body "child.name" is a path'),
        (
            'get: "/v1/{tenant}"',
            'the field "tenant" is bound twice: it has the option plait.api.v1',
        ),
        ('post: "/v1/a" body: "tenant"', 'the field "tenant" is bound twice'),
        ('custom: {kind: "A B" path: "/v1/a"}', 'expected an HTTP method or "*" as the kind of'),
        ('custom: {kind: "" path: "/v1/a"}', 'expected an HTTP method or "*"'),
        ('custom: {kind: "a" path: "v1"}', 'rule "a v1": expected "/", found "v"'),
    ],
)
def test_a_wrong_rule_is_refused_with_file_method_and_rule(contract, text, problem):
    with pytest.raises(ContractError) as caught:
        load(contract(rule(text)), ["wrong.v1.Wrong"])

    (found,) = caught.value.problems
    assert found.startswith("wrong.proto: wrong.v1.Wrong.Method: rule ")
    assert problem in found


def test_all_wrong_rules_of_a_method_are_named(contract):
    text = 'get: "/v1/{x}" additional_bindings: {get: "/v1"} additional_bindings: {get: "/v1/{y}"}'

    with pytest.raises(ContractError) as caught:
        load(contract(rule(text)), ["wrong.v1.Wrong"])

    assert [problem.partition('"')[2][:10] for problem in caught.value.problems] == [
        "GET /v1/{x",
        "GET /v1/{y",
    ]


def test_a_stream_both_ways_needs_no_body_where_a_websocket_begins(contract):
    both = rule('get: "/v1/a"', "stream Request").replace(
        "returns (Request)", "returns (stream Request)"
    )

    (method,) = load(contract(both), ["wrong.v1.Wrong"]).methods

    assert str(method.rules[0]) == "GET /v1/a"


@pytest.mark.parametrize(
    "text", ['get: "/v1/a"', 'post: "/v1/a"', 'custom: {kind: "*" path: "/v1/a"}']
)
def test_a_stream_of_requests_alone_needs_a_body_on_every_verb(contract, text):
    with pytest.raises(ContractError, match="a stream of requests comes in the body"):
        load(contract(rule(text, "stream Request")), ["wrong.v1.Wrong"])


@pytest.mark.parametrize("text", ['post: "/v1/a"', 'custom: {kind: "*" path: "/v1/a"}'])
def test_a_stream_both_ways_needs_a_body_where_no_websocket_begins(contract, text):
    both = rule(text, "stream Request").replace("returns (Request)", "returns (stream Request)")

    with pytest.raises(ContractError, match="a stream of requests comes in the body"):
        load(contract(both), ["wrong.v1.Wrong"])


def test_bindings_inside_of_bindings_are_refused(contract, descriptor_set):
    nested = 'get: "/v1/a" additional_bindings: {get: "/v1/b" additional_bindings: {get: "/v1/c"}}'

    with pytest.raises(ContractError, match="additional_bindings hold additional_bindings"):
        load(contract(rule(nested)), ["wrong.v1.Wrong"])


@pytest.mark.parametrize(
    "text",
    [
        'get: "/v1/{child.child.name}"',
        'post: "/v1/{child.name}" body: "child"',
        'post: "/v1/{name}" body: "children"',
        'get: "/v1/a" response_body: "labels"',
        'custom: {kind: "query" path: "/v1/a"} body: "*"',
        'custom: {kind: "*" path: "/v1/a"}',
    ],
)
def test_a_right_rule_is_accepted(contract, text):
    (method,) = load(contract(rule(text)), ["wrong.v1.Wrong"]).methods

    assert len(method.rules) == 1


def test_an_http_method_of_ones_own_is_in_capitals(contract):
    text = 'custom: {kind: "query" path: "/v1/a"}'

    (method,) = load(contract(rule(text)), ["wrong.v1.Wrong"]).methods

    assert str(method.rules[0]) == "QUERY /v1/a"


def test_a_field_is_found_by_its_path(library):
    book = library.registry.message("plait.testing.v1.CreateBookRequest")

    assert field_of(book, "book.price.currency_code").parent.type_name == "google.type.Money"
    with pytest.raises(RuleError, match=r'google\.type\.Money has no field "unit"; did you mean'):
        field_of(book, "book.price.unit")
