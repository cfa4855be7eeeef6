"""What a filter of products may speak of; tests/data/test_filter.py tries the language itself."""

import pytest

from plait.data.filter import All, AnyOf, Comparison, InvalidFilter, Not
from plait.data.kinds import Operator
from plait.money import Money
from services.catalog.filter import matches, parse_filter
from tests.services.catalog.goods import NOW, product

EURO = 1_000_000_000


def test_both_examples_of_the_contract_are_understood():
    assert parse_filter('category = "books" AND price < 20') == All(
        (
            Comparison("category", Operator.EQ, "books"),
            Comparison("price", Operator.LT, 20 * EURO),
        )
    )
    assert parse_filter('tags:"new" OR (title:"chess" AND NOT category = "books")') == AnyOf(
        (
            Comparison("tags", Operator.HAS, "new"),
            All(
                (
                    Comparison("title", Operator.HAS, "chess"),
                    Not(Comparison("category", Operator.EQ, "books")),
                )
            ),
        )
    )


CHESS = product(
    sku="BG-1",
    title="Chess Ä",
    description="Of wood.",
    price=Money.of(19, 990_000_000, "EUR"),
    category="board-games",
    tags=("new", "two-players"),
)


@pytest.mark.parametrize(
    ("text", "through"),
    [
        ("", True),
        ("sku = BG-1", True),
        ("title:chess", True),
        ("title > Chess", True),
        ("description:WOOD", True),
        ("category != board-games", False),
        ("tags:new", True),
        ("tags:players", False),
        ("price = 19.99", True),
        ("price < 19.99", False),
        ("price.currency_code = EUR", True),
        ("price.currency_code = USD", False),
        ('create_time = "2026-01-31T12:00:00.123456Z"', True),
        ('update_time < "2026-01-31T12:00:00Z"', False),
    ],
)
def test_a_filter_may_speak_of_every_field_of_the_contract(text, through):
    assert CHESS.create_time == NOW
    assert matches(parse_filter(text), CHESS) is through


@pytest.mark.parametrize("field", ["name", "picture", "etag", "price.units", "delete_time"])
def test_other_fields_of_a_product_are_none_of_a_filter(field):
    with pytest.raises(InvalidFilter, match="expected one of the fields sku, title"):
        parse_filter(f"{field} = x")
