"""The language of orders."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import column

from plait.data import order as language
from plait.data.order import By, InvalidOrderBy, arranged, keys_of, position_of, types_of
from plait.errors import Code

FIELDS = {"name": str, "sku": str, "title": str, "price": int, "create_time": int}
VALUES = {field: lambda thing, field=field: thing[field] for field in FIELDS}


def parse_order(text):
    return language.parse_order(text, FIELDS)


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_without_an_order_things_come_by_name(text):
    assert parse_order(text) == (By("name"),)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("title", [By("title"), By("name")]),
        ("price desc, title", [By("price", descending=True), By("title"), By("name")]),
        ("  price   desc  ,title ", [By("price", descending=True), By("title"), By("name")]),
        ("title asc", [By("title"), By("name")]),
        ("name desc", [By("name", descending=True)]),
        ("name, sku", [By("name"), By("sku")]),
    ],
)
def test_an_order_is_fields_joined_by_commas_and_ends_with_the_name(text, order):
    assert parse_order(text) == tuple(order)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour", "expected one of the fields name, sku, .* at character 1, found `colour`"),
        ("title, Price", "at character 8, found `Price`"),
        ("title,", "at character 7, found nothing"),
        (",title", "at character 1, found nothing"),
        ("title,,sku", "at character 7, found nothing"),
        ("title down", "expected `title` or `title desc` at character 1, found `title down`"),
        ("title desc desc", "expected `title` or `title desc`"),
        ("title DESC", "expected `title` or `title desc`"),
        ("sku, title, sku desc", "expected each field once at character 13, found `sku desc`"),
        ("price.units", "expected one of the fields"),
        ("title; DROP TABLE products", "expected one of the fields"),
    ],
)
def test_an_order_that_is_not_understood_is_refused_with_the_place(text, said):
    with pytest.raises(InvalidOrderBy, match=said) as refused:
        parse_order(text)

    assert (refused.value.code, refused.value.reason) == (
        Code.INVALID_ARGUMENT,
        "INVALID_ORDER_BY",
    )
    assert refused.value.violations[0].field == "order_by"


@settings(deadline=None)
@given(text=st.text(st.sampled_from("name ,desc-price\t\x00é"), max_size=30) | st.text())
def test_no_text_makes_anything_but_an_order_or_a_refusal(text):
    try:
        fields = {by.field for by in parse_order(text)}
    except InvalidOrderBy:
        return

    assert "name" in fields
    assert fields <= FIELDS.keys()


def orders():
    bys = st.builds(By, st.sampled_from(sorted(FIELDS)), st.booleans())
    return st.lists(bys, unique_by=lambda by: by.field, max_size=4)


@settings(deadline=None)
@given(order=orders())
def test_an_order_that_is_written_down_reads_the_same(order):
    text = ", ".join(f"{by.field} desc" if by.descending else by.field for by in order)

    parsed = parse_order(text)

    assert list(parsed[: len(order)]) == order
    assert all(by == By("name") for by in parsed[len(order) :])


LATEST = (By("create_time", descending=True), By("name", descending=True))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", LATEST),
        ("  ", LATEST),
        ("create_time", (By("create_time"), By("name"))),
    ],
)
def test_things_may_have_a_usual_order_of_their_own(text, order):
    fields = {"create_time": int}

    assert language.parse_order(text, fields, usual=LATEST) == order


def test_a_usual_order_ends_with_the_name_too():
    assert language.parse_order("", FIELDS, usual=[By("sku")]) == (By("sku"), By("name"))


def test_an_order_is_columns_and_a_place_in_it_their_values():
    order = language.parse_order("create_time desc", {"create_time": int})
    columns = {"create_time": column("created"), "name": column("name")}
    row = SimpleNamespace(name="things/t1", create_time=7)

    terms = [str(key.order()) for key in keys_of(order, columns)]

    assert terms == ["created DESC", "name ASC"]
    assert position_of(row, order) == (7, "things/t1")
    assert types_of(order, {"create_time": int}) == [int, str]


def test_things_are_arranged_by_the_first_field_and_where_that_is_equal_by_the_next():
    dear = {"name": "a", "title": "Go", "price": 9, "create_time": 1}
    dearer = {"name": "b", "title": "Chess", "price": 11, "create_time": 1}
    cheap = {"name": "c", "title": "Go", "price": 1, "create_time": 1}
    late = {"name": "d", "title": "Go", "price": 1, "create_time": 2}
    there = [late, cheap, dearer, dear]

    def names(order):
        return "".join(each["name"] for each in arranged(there, parse_order(order), VALUES))

    assert names("") == "abcd"
    assert names("price") == "cdab"
    assert names("price desc, name desc") == "badc"
    assert names("title desc, price") == "cdab"
    assert names("create_time desc, title") == "dbac"
