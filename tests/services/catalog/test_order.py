"""The language of orders."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import Code
from plait.money import Money
from services.catalog.order import FIELDS, By, InvalidOrderBy, arranged, parse_order
from tests.services.catalog.goods import NOW, minutes, product


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_without_an_order_products_come_by_name(text):
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


def test_products_are_arranged_by_the_first_field_and_where_that_is_equal_by_the_next():
    dear = product("a", title="Go", price=Money.of(9, 0, "EUR"))
    dearer = product("b", title="Chess", price=Money.of(10, 500_000_000, "USD"))
    cheap = product("c", title="Go", price=Money.of(0, 900_000_000, "EUR"))
    late = product("d", title="Go", price=Money.of(0, 900_000_000, "EUR"), now=NOW + minutes(1))
    there = [late, cheap, dearer, dear]

    def names(order):
        return "".join(each.name[-1] for each in arranged(there, parse_order(order)))

    assert names("") == "abcd"
    assert names("price") == "cdab"
    assert names("price desc, name desc") == "badc"
    assert names("title desc, price") == "cdab"
    assert names("create_time desc, title") == "dbac"
