"""What products can be ordered by; tests/data/test_order.py tries the language itself."""

import pytest

from plait.data.order import By, InvalidOrderBy
from plait.money import Money
from services.catalog.order import FIELDS, arranged, parse_order
from tests.services.catalog.goods import NOW, minutes, product


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_an_order_may_name_every_field_of_the_contract(field):
    order = parse_order(f"{field} desc")

    assert order[0] == By(field, descending=True)
    assert [by.field for by in order] == list(dict.fromkeys([field, "name"]))


@pytest.mark.parametrize("field", ["description", "tags", "price.units", "delete_time", "picture"])
def test_other_fields_of_a_product_are_none_of_an_order(field):
    with pytest.raises(InvalidOrderBy, match="expected one of the fields name, sku"):
        parse_order(field)


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
