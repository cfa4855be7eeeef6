import json

import pytest
from google.protobuf import json_format
from hypothesis import assume, given
from hypothesis import strategies as st

from plait.gateway.errors import InvalidRequest
from plait.gateway.rest.query_fields import MAX_DEPTH, QueryFields


@pytest.fixture
def fill(everything):
    """Fill a message Everything from pairs; returns its JSON."""
    fields = QueryFields(everything, {"child": "the body", "price.units": "the path"})

    def filled(*pairs):
        message = everything.type()
        fields.fill(message, pairs)
        return json.loads(message.to_json())

    return filled


@pytest.fixture
def refused(fill):
    """Refuse pairs; returns field, rule and description of each violation."""

    def violations(*pairs):
        with pytest.raises(InvalidRequest) as caught:
            fill(*pairs)
        return [(v.field, v.rule, v.description) for v in caught.value.violations]

    return violations


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("text", "a b")], {"text": "a b"}),
        ([("int64Value", "7")], {"int64Value": "7"}),
        ([("int64_value", "7")], {"int64Value": "7"}),
        ([("otherName", "x")], {"otherName": "x"}),
        ([("renamed", "x")], {"otherName": "x"}),
        ([("field3Name", "x")], {"field3Name": "x"}),
        ([("maybeText", "")], {"maybeText": ""}),
        ([("color", "GREEN"), ("mood", "-1")], {"color": "GREEN", "mood": "SAD"}),
        ([("bytesValue", "-_8")], {"bytesValue": "+/8="}),
        ([("texts", "b"), ("texts", "a")], {"texts": ["b", "a"]}),
        ([("numbers", "1"), ("colors", "RED")], {"numbers": ["1"], "colors": ["RED"]}),
        ([("times", "2026-01-31T12:00:00Z")], {"times": ["2026-01-31T12:00:00Z"]}),
        ([("price.currencyCode", "EUR")], {"price": {"currencyCode": "EUR"}}),
        (
            [("price.currency_code", "EUR"), ("price.nanos", "5")],
            {"price": {"currencyCode": "EUR", "nanos": 5}},
        ),
        ([("labels[a]", "b"), ("labels[c.d]", "")], {"labels": {"a": "b", "c.d": ""}}),
        ([("labels[]", "b")], {"labels": {"": "b"}}),
        ([("colorsByBool[true]", "RED")], {"colorsByBool": {"true": "RED"}}),
        ([("counts[18446744073709551615]", "1")], {"counts": {"18446744073709551615": "1"}}),
        ([("waits[x]", "1.5s")], {"waits": {"x": "1.500s"}}),
        (
            [("linesByNumber[-1].sku", "a"), ("linesByNumber[-1].quantity", "2")],
            {"linesByNumber": {"-1": {"sku": "a", "quantity": 2}}},
        ),
        (
            [("lines[0].sku", "a"), ("lines[1].sku", "b"), ("lines[0].quantity", "2")],
            {"lines": [{"sku": "a", "quantity": 2}, {"sku": "b"}]},
        ),
        (
            [("lines[0].parts[0].sku", "a"), ("lines[0].parts[1].sku", "b")],
            {"lines": [{"parts": [{"sku": "a"}, {"sku": "b"}]}]},
        ),
        ([("chosenText", "a")], {"chosenText": "a"}),
        ([("chosenChild.text", "a")], {"chosenChild": {"text": "a"}}),
        ([("wait", "1.5s")], {"wait": "1.500s"}),
        ([("mask", "a,bC,d_e")], {"mask": "a,bC,dE"}),
        ([("wrappedInt64", "0")], {"wrappedInt64": "0"}),
        ([("struct", '{"a":[1]}')], {"struct": {"a": [1.0]}}),
        ([("value", "null")], {"value": None}),
        ([("list", '["a"]')], {"list": ["a"]}),
        ([("children[0].children[0].text", "a")], {"children": [{"children": [{"text": "a"}]}]}),
        ([("$alt", "json"), ("$prettyPrint", "true"), ("text", "a")], {"text": "a"}),
        ([], {}),
    ],
)
def test_a_parameter_fills_the_field_that_it_names(fill, pairs, expected):
    assert fill(*pairs) == expected


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("txet", 'there is no field "txet"; did you mean "text"?'),
        ("int64value", 'there is no field "int64value"; did you mean "int64Value"?'),
        ("price.unit", 'there is no field "unit"; did you mean "units"?'),
        ("lines[0].skus", 'did you mean "sku"?'),
        ("choice", 'there is no field "choice"'),
        ("", "expected the name of a field"),
        ("price.", "expected the name of a field"),
        (".text", "expected names of fields joined by dots"),
        ("price..units", "expected names of fields joined by dots"),
        ("labels[a", "expected names of fields joined by dots"),
        ("labels]", "expected names of fields joined by dots"),
        ("labels[a][b]", "expected names of fields joined by dots"),
        ("labels[a]b", "expected names of fields joined by dots"),
        ("[a]", "expected names of fields joined by dots"),
        ("$fields", "there is no such system parameter"),
        ("$Alt", 'there is no such system parameter; did you mean "$alt"?'),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_nearest_name(refused, name, description):
    ((field, rule, found),) = refused((name, "1"))

    assert (field, rule) == (name, "query.unknown")
    assert description in found


@pytest.mark.parametrize(
    ("name", "source"),
    [("child", "the body"), ("child.text", "the body"), ("price.units", "the path")],
)
def test_a_field_that_comes_from_elsewhere_is_refused(refused, name, source):
    assert refused((name, "1")) == [(name, "query.bound", f"this field comes from {source}")]


def test_a_neighbour_of_a_bound_field_is_not_bound(fill):
    assert fill(("price.nanos", "1")) == {"price": {"nanos": 1}}


@pytest.mark.parametrize(
    ("pairs", "description"),
    [
        ([("text", "a"), ("text", "b")], "expected this parameter once"),
        ([("int64Value", "1"), ("int64_value", "1")], "expected this parameter once"),
        ([("price.nanos", "1"), ("price.nanos", "1")], "expected this parameter once"),
        ([("labels[a]", "1"), ("labels[a]", "2")], "expected this parameter once"),
        ([("counts[1]", "1"), ("counts[1]", "2")], "expected this parameter once"),
        ([("time", "2026-01-31T12:00:00Z")] * 2, "expected this parameter once"),
    ],
)
def test_a_single_field_is_named_once(refused, pairs, description):
    ((field, rule, found),) = refused(*pairs)

    assert (field, rule) == (pairs[1][0], "query.repeated")
    assert description in found


@pytest.mark.parametrize(
    ("pairs", "description"),
    [
        ([("int32Value", "x")], 'expected an integer from -2147483648 to 2147483647, found "x"'),
        ([("texts[0]", "a")], "expected texts=... once for each element"),
        ([("text[0]", "a")], "expected text=<a string>"),
        ([("price", "1")], "expected price.<field>=..."),
        ([("price[0].nanos", "1")], '"price" is no array: expected price.<field>=...'),
        ([("lines", "1")], "expected lines[0].<field>=..."),
        ([("lines.sku", "1")], "expected lines[0].<field>=... next"),
        ([("lines[1].sku", "1")], "expected lines[0].<field>=... next; indices start at 0"),
        ([("lines[0].sku", "1"), ("lines[2].sku", "1")], "expected lines[1].<field>=... next"),
        ([("lines[00].sku", "1")], "expected lines[0].<field>=... next"),
        ([("lines[x].sku", "1")], "expected lines[0].<field>=... next"),
        ([("lines[99999999].sku", "1")], "expected lines[0].<field>=... next"),
        ([("lines[0]", "1")], "expected lines[0].<field>=..."),
        ([("labels", "1")], "expected labels[<key>]=..."),
        ([("labels[a].b", "1")], '"labels" is no object: expected labels[<key>]=...'),
        ([("counts[x]", "1")], "expected an integer from 0 to"),
        ([("counts[1]", "x")], "expected an integer from -9"),
        ([("linesByNumber[1]", "1")], "expected linesByNumber[<key>].<field>=..."),
        ([("linesByNumber.sku", "1")], "expected the key of the map in brackets"),
        ([("text.a", "1")], '"text" is no object: expected text=<a string>'),
        ([("time.seconds", "1")], '"time" is no object: expected time=<a timestamp of RFC 3339'),
        ([("texts.a", "1")], '"texts" is no object: expected texts=... once for each element'),
        ([("struct", "{")], "expected a JSON object"),
        ([("any", "{}")], "expected any.<field>=..."),
    ],
)
def test_a_wrong_value_says_what_was_expected(refused, pairs, description):
    ((field, rule, found),) = refused(*pairs)

    assert (field, rule) == (pairs[-1][0], "query.value")
    assert description in found


@pytest.mark.parametrize(
    "pairs",
    [
        [("chosenText", "a"), ("chosenNumber", "1")],
        [("chosenText", ""), ("chosenChild.text", "1")],
        [("chosenChild.text", "1"), ("chosenText", "1")],
    ],
)
def test_members_of_a_oneof_exclude_each_other(refused, pairs):
    ((field, rule, found),) = refused(*pairs)

    assert (field, rule) == (pairs[1][0], "query.oneof")
    assert "and this, found both" in found


def test_all_wrong_parameters_are_named(refused):
    found = refused(("nope", "1"), ("text", "ok"), ("color", "PINK"))

    assert [field for field, _, _ in found] == ["nope", "color"]


def test_names_are_bounded(fill, refused):
    assert fill((".".join(["chosenChild"] * (MAX_DEPTH - 1) + ["text"]), "a")) != {}
    ((_, rule, _),) = refused((".".join(["chosenChild"] * MAX_DEPTH + ["text"]), "a"))
    assert rule == "query.unknown"


@given(
    pairs=st.lists(
        st.tuples(
            st.text(alphabet="textlabs[]0.$cinhdr", max_size=12)
            | st.sampled_from(["text", "lines[0].sku", "labels[a]", "children[0].text", "value"]),
            st.text(max_size=4),
        ),
        max_size=4,
    )
)
def test_any_pairs_are_fields_or_a_documented_error(pairs, types):
    message = types("Everything").type()
    try:
        QueryFields(types("Everything"), {}).fill(message, pairs)
    except InvalidRequest as error:
        problems = error.violations
    else:
        problems = (message.to_binary(),)

    assert problems


def flattened(value, name=""):
    """JSON as query parameters, as a client would write them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flattened(inner, f"{name}[{index}]" if isinstance(inner, dict) else name)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


@given(data=st.data())
def test_a_message_as_parameters_is_the_same_message(data, types, random_messages):
    message = data.draw(random_messages("plait.testing.v1.ListBooksResponse"))
    value = json_format.MessageToDict(message)
    assume("{}" not in json.dumps(value))  # an empty object cannot be written as a parameter

    filled = types("ListBooksResponse").type()
    QueryFields(types("ListBooksResponse"), {}).fill(filled, flattened(value))

    assert json.loads(filled.to_json()) == value
