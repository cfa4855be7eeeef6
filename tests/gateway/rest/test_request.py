import json

import pytest

from plait.gateway.errors import InvalidRequest, MalformedJson
from plait.gateway.rest.request import RequestBinding, cookies_of, message_of


@pytest.fixture
def bind(library):
    """Compile a rule of a method, by the method's name and the rule's place."""

    def binding(name, index=0):
        method = next(method for method in library.methods if method.rpc.name == name)
        return RequestBinding(method.request, method.rules[index], library)

    return binding


@pytest.fixture
def bound(bind):
    """Bind a request; returns the JSON of the message."""

    def message(name, index=0, *, variables=None, query="", body=b"", headers=None):
        binding = bind(name, index)
        made = binding.body(body, headers or {}, "the body")
        binding.fill(made, variables or {}, query, headers or {})
        return json.loads(made.to_json())

    return message


@pytest.fixture
def refused(bound):
    """Refuse a request; returns field, rule and description of each violation."""

    def violations(*arguments, **parts):
        with pytest.raises(InvalidRequest) as caught:
            bound(*arguments, **parts)
        return [(v.field, v.rule, v.description) for v in caught.value.violations]

    return violations


def test_path_variables_and_query_fill_the_message(bound):
    made = bound("ListBooks", variables={"parent": "shelves/a"}, query="pageSize=5&page_token=t")

    assert made == {"parent": "shelves/a", "pageSize": 5, "pageToken": "t"}


def test_every_scalar_and_enum_may_stand_in_the_path(bound):
    values = {
        "bool_value": "true",
        "int32_value": "-5",
        "int64_value": "9223372036854775807",
        "uint32_value": "4294967295",
        "uint64_value": "18446744073709551615",
        "float_value": "1.5",
        "double_value": "NaN",
        "bytes_value": "-_8=",
        "color": "RED",
    }

    assert bound("EchoPath", variables=values) == {
        "boolValue": True,
        "int32Value": -5,
        "int64Value": "9223372036854775807",
        "uint32Value": 4294967295,
        "uint64Value": "18446744073709551615",
        "floatValue": 1.5,
        "doubleValue": "NaN",
        "bytesValue": "+/8=",
        "color": "RED",
    }


def test_a_path_variable_may_lie_in_a_message_or_in_a_oneof(bound):
    assert bound("EchoPath", 1, variables={"child.child.text": "a"}) == {
        "child": {"child": {"text": "a"}}
    }
    assert bound("EchoPath", 2, variables={"chosen_text": ""}) == {"chosenText": ""}


def test_wrong_path_variables_are_named_with_what_was_expected(refused):
    values = dict.fromkeys(
        [
            "bool_value",
            "int32_value",
            "int64_value",
            "uint32_value",
            "uint64_value",
            "float_value",
            "double_value",
            "bytes_value",
            "color",
        ],
        "1",
    )

    found = refused("EchoPath", variables=values)

    assert [(field, rule) for field, rule, _ in found] == [
        ("boolValue", "path.value"),
        ("bytesValue", "path.value"),
    ]
    assert found[0][2] == 'expected true or false, found "1"'


def test_a_body_may_be_the_whole_message(bound):
    body = b'{"name":"ignored","reason":"old"}'

    made = bound("ArchiveBook", variables={"name": "shelves/a/books/b"}, body=body)

    assert made == {"name": "shelves/a/books/b", "reason": "old"}


@pytest.mark.parametrize(
    ("index", "body", "expected"),
    [
        (2, b'{"text":"x"}', {"text": "t", "child": {"text": "x"}}),
        (2, b"{}", {"text": "t", "child": {}}),
        (2, b"", {"text": "t"}),
        (3, b'[{"sku":"a"},{}]', {"text": "t", "lines": [{"sku": "a"}, {}]}),
        (3, b"[]", {"text": "t"}),
        (3, b"null", {"text": "t"}),
        (4, b'{"a":"b"}', {"text": "t", "labels": {"a": "b"}}),
        (5, b'"7"', {"text": "t", "int64Value": "7"}),
        (5, b"7", {"text": "t", "int64Value": "7"}),
        (6, b'{"text":"x"}', {"text": "t", "chosenChild": {"text": "x"}}),
    ],
)
def test_a_body_may_be_one_field_of_any_kind(bound, index, body, expected):
    assert bound("Echo", index, variables={"text": "t"}, body=body) == expected


@pytest.mark.parametrize(
    ("index", "body", "field"),
    [
        (0, b'{"txt":1}', "txt"),
        (2, b'{"txt":1}', "child.txt"),
        (2, b"[]", "child"),
        (2, b"null", "child"),
        (3, b'[{"skus":1}]', "lines[0].skus"),
        (3, b"{}", "lines"),
        (4, b'{"a":1}', 'labels["a"]'),
        (5, b'"x"', "int64Value"),
    ],
)
def test_a_problem_of_the_body_has_its_path_from_the_request(refused, index, body, field):
    assert [found[0] for found in refused("Echo", index, variables={"text": "t"}, body=body)] == [
        field
    ]


def test_malformed_json_is_told_apart(bound):
    with pytest.raises(MalformedJson, match="expected a value, found `}` at line 1, column 10"):
        bound("CreateBook", variables={"parent": "p"}, body=b'{"title":}')
    with pytest.raises(MalformedJson):
        bound("Echo", 3, variables={"text": "t"}, body=b"[")


def test_what_the_path_binds_stays_whatever_the_body_says(bound):
    body = b'{"name":"shelves/x/books/y","title":"t"}'

    made = bound("UpdateBook", variables={"book.name": "shelves/a/books/b"}, body=body)

    assert made == {"book": {"name": "shelves/a/books/b", "title": "t"}}


@pytest.mark.parametrize(
    ("name", "variables", "query", "source"),
    [
        ("GetBook", {"name": "n"}, "name=x", "the path"),
        ("UpdateBook", {"book.name": "n"}, "book.name=x", "the body"),
        ("UpdateBook", {"book.name": "n"}, "book.title=x", "the body"),
        ("CreateBook", {"parent": "p"}, "book.title=x", "the body"),
        ("CreateBook", {"parent": "p"}, "parent=x", "the path"),
        ("ArchiveBook", {"name": "n"}, "reason=x", "the body"),
        ("ArchiveBook", {"name": "n"}, "name=x", "the path"),
        ("GetPreferences", {}, "tenant=x", "the header x-tenant"),
        ("GetPreferences", {}, "theme=1", "the cookie theme"),
    ],
)
def test_a_query_parameter_for_a_field_bound_elsewhere_is_refused(
    refused, name, variables, query, source
):
    ((field, rule, description),) = refused(name, variables=variables, query=query)

    assert (field, rule) == (query.partition("=")[0], "query.bound")
    assert description == f"this field comes from {source}"


def test_the_rest_of_the_fields_comes_from_the_query_beside_a_body(bound):
    made = bound(
        "UpdateBook",
        variables={"book.name": "n"},
        query="updateMask=title,page_count",
        body=b'{"title":"t"}',
    )

    assert made == {"book": {"name": "n", "title": "t"}, "updateMask": "title,pageCount"}


def test_only_system_parameters_stand_beside_a_whole_body(bound, refused):
    assert bound("ArchiveBook", variables={"name": "n"}, query="$alt=json") == {"name": "n"}
    assert refused("ArchiveBook", variables={"name": "n"}, query="nope=1")[0][1] == "query.unknown"


def test_a_oneof_cannot_be_half_body_and_half_query(refused):
    found = refused("Echo", 6, variables={"text": "t"}, body=b"{}", query="chosenNumber=1")

    assert [(field, rule) for field, rule, _ in found] == [("chosenNumber", "query.oneof")]


def test_a_body_where_none_belongs_is_refused(refused):
    assert refused("GetBook", variables={"name": "n"}, body=b"{}") == [
        (
            "",
            "body.unexpected",
            "expected none: this method takes its fields from the path and the query",
        )
    ]


def test_headers_and_cookies_fill_the_fields_that_they_carry(bound):
    headers = {"x-tenant": "acme", "cookie": "a=b; theme=7; theme=8"}

    assert bound("GetPreferences", query="language=de", headers=headers) == {
        "tenant": "acme",
        "theme": 7,
        "language": "de",
    }
    assert bound("GetPreferences", headers={"cookie": "themes=1"}) == {}


def test_a_wrong_cookie_is_named(refused):
    found = refused("GetPreferences", headers={"cookie": "theme=dark"})

    assert found == [
        (
            "theme",
            "cookie.value",
            'expected an integer from -2147483648 to 2147483647, found "dark"',
        )
    ]


def test_a_field_that_a_header_carries_does_not_belong_into_the_body(refused):
    found = refused("GetPreferences", 1, body=b'{"tenant":"x","theme":1,"language":"de"}')

    assert found == [
        ("tenant", "json.bound", "expected this field in the header x-tenant"),
        ("theme", "json.bound", "expected this field in the cookie theme"),
    ]


def test_bytes_become_an_http_body(bound):
    image = {"contentType": "image/png", "data": "AAE="}
    headers = {"content-type": "image/png"}

    assert bound("PutCover", variables={"name": "n"}, body=b"\x00\x01", headers=headers) == {
        "name": "n",
        "content": image,
    }
    assert bound("Webhook", body=b"\x00\x01", headers=headers) == image
    assert bound("Webhook") == {}


def test_only_a_rule_with_an_http_body_is_raw(bind):
    assert bind("PutCover").raw
    assert bind("Webhook").raw
    assert not bind("CreateBook").raw
    assert not bind("GetBook").raw


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        ("a=b; c=d=e;f=", {"a": "b", "c": "d=e", "f": ""}),
        ('a="b c"', {"a": "b c"}),
        ("a=1; a=2", {"a": "1"}),
        ("nonsense; =x; a=b", {"": "x", "a": "b"}),
    ],
)
def test_cookies_are_read(header, expected):
    assert cookies_of(header) == expected


def test_only_a_message_has_a_message_type(everything):
    by_name = {field.name: field for field in everything.fields}

    assert message_of(by_name["child"]) is everything
    with pytest.raises(TypeError, match="expected a field that is a message, found text"):
        message_of(by_name["text"])
