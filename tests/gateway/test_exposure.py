from datetime import date

import pytest

from plait.gateway.contracts import ContractError, load
from plait.gateway.exposure import Deprecation, carried


def service(options: str = "", fields: str = "", response: str = "Thing") -> str:
    return f"""
message Thing {{ string name = 1; }}
message Nameless {{ int32 name = 1; }}
message Request {{
  string id = 1;
  {fields}
}}
service Things {{
  rpc Act(Request) returns ({response}) {{
    option (google.api.http) = {{post: "/v1/things" body: "*"}};
    option (plait.api.v1.access) = {{public: {{}}}};
    {options}
  }}
}}
"""


def problem(contract, text: str) -> str:
    with pytest.raises(ContractError) as caught:
        load(contract(text), ["wrong.v1.Things"])
    (found,) = caught.value.problems
    assert found.startswith("wrong.proto: wrong.v1.Things.Act: ")
    return found


@pytest.mark.parametrize("status", [0, 100, 203, 302, 404])
def test_only_some_statuses_are_a_success(contract, status):
    text = service(f"option (plait.api.v1.success) = {{status: {status}}};")

    assert f"expected 200, 201, 202 or 204, found {status}" in problem(contract, text)


def test_a_204_would_lose_an_answer(contract):
    text = service("option (plait.api.v1.success) = {status: 204};")

    assert "a 204 has no body, so wrong.v1.Thing would be lost" in problem(contract, text)


@pytest.mark.parametrize("response", ["google.protobuf.Empty", "Nameless"])
def test_a_201_needs_a_name_for_its_location(contract, response):
    text = service("option (plait.api.v1.success) = {status: 201};", response=response)

    assert "has no string field `name`" in problem(contract, text)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ('{since: "yesterday"}', 'expected a date such as 2026-01-31 as since, found "yesterday"'),
        ("{}", 'expected a date such as 2026-01-31 as since, found ""'),
        ('{since: "2026-01-01" sunset: "2026-02-30"}', 'as sunset, found "2026-02-30"'),
    ],
)
def test_a_deprecation_has_dates(contract, option, expected):
    text = service(f"option (plait.api.v1.deprecation) = {option};")

    assert expected in problem(contract, text)


def test_a_deprecation_may_have_no_end(contract):
    text = service('option (plait.api.v1.deprecation) = {since: "2026-01-01"};')

    (method,) = load(contract(text), ["wrong.v1.Things"]).methods

    assert method.deprecation == Deprecation(since=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            'repeated string a = 2 [(plait.api.v1.http).header = "a"];',
            "wrong.v1.Request.a: plait.api.v1.http: expected a single field that has a text form",
        ),
        ('Thing a = 2 [(plait.api.v1.http).cookie = "a"];', "expected a single field"),
        (
            """
            string a = 2 [(plait.api.v1.http).header = "X"];
            string b = 3 [(plait.api.v1.http).header = "x"];
            """,
            'wrong.v1.Request.b: plait.api.v1.http: "x" carries another field already',
        ),
    ],
)
def test_a_header_carries_one_field_that_has_a_text_form(contract, field, expected):
    assert expected in problem(contract, service(fields=field))


def test_a_response_sets_no_cookie(contract):
    text = service(fields='string a = 2 [(plait.api.v1.http).cookie = "a"];', response="Request")

    assert "a cookie is for requests only; expected a header" in problem(contract, text)


def test_a_header_and_a_cookie_may_have_one_name(contract):
    text = service(
        fields='string a = 2 [(plait.api.v1.http).header = "x"]; '
        'google.protobuf.Timestamp b = 3 [(plait.api.v1.http).cookie = "x"];'
    )
    contracts = load(contract(text), ["wrong.v1.Things"])

    found = carried(contracts.methods[0].request, contracts.registry)

    assert [(field.name, header, cookie) for field, header, cookie in found] == [
        ("a", "x", ""),
        ("b", "", "x"),
    ]
