"""The rules for fields: each at its bounds, and all of them as the contract has them."""

import protovalidate
import pytest
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.money import Money
from services.catalog.draft import Draft, InvalidProduct, NotMoney, check
from services.catalog.wire import draft_from
from shop.catalog.v1 import catalog_pb2 as pb
from tests.services.catalog.goods import draft


def broken(said):
    """Return the fields that break a rule."""
    try:
        check(said)
    except InvalidProduct as refused:
        return [violation.field for violation in refused.violations]
    return []


def euros(units, nanos=0):
    return Money.of(units, nanos, "EUR")


@pytest.mark.parametrize(
    "said",
    [
        {"name": "products/a"},
        {"name": "products/" + "a" * 63},
        {"sku": "A" * 64},
        {"sku": "a.b_c-D9"},
        {"title": "x" * 200},
        {"title": "  é  "},
        {"title": "\u00a0"},
        {"description": "x" * 10_000},
        {"description": "two\nlines\twith\x01anything"},
        {"price": euros(0)},
        {"price": euros(0, 1)},
        {"price": euros(1_000_000_000, 999_999_999)},
        {"category": "a" * 63},
        {"category": "board-games"},
        {"tags": tuple(f"tag-{number}" for number in range(20))},
        {"etag": "x" * 64},
    ],
)
def test_what_the_rules_allow_is_taken(said):
    assert broken(draft(**said)) == []


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "products/" + "a" * 64}, "name"),
        ({"name": "products/-a"}, "name"),
        ({"name": "products/A"}, "name"),
        ({"name": "chess"}, "name"),
        ({"sku": "A" * 65}, "sku"),
        ({"sku": "-A"}, "sku"),
        ({"sku": "A B"}, "sku"),
        ({"sku": "Ä"}, "sku"),
        ({"sku": "A\n"}, "sku"),
        ({"title": "x" * 201}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "\x7f"}, "title"),
        ({"description": "x" * 10_001}, "description"),
        ({"description": "\x00"}, "description"),
        ({"description": "two\nlines\x00"}, "description"),
        ({"price": euros(0, -1)}, "price"),
        ({"price": euros(-1)}, "price"),
        ({"price": euros(1_000_000_001)}, "price"),
        ({"price": NotMoney(why="has no currency")}, "price"),
        ({"category": "a" * 64}, "category"),
        ({"category": "board--games"}, "category"),
        ({"category": "Games"}, "category"),
        ({"tags": tuple(f"tag-{number}" for number in range(21))}, "tags"),
        ({"tags": ("new", "old", "new")}, "tags"),
        ({"tags": ("new", "Not So")}, "tags[1]"),
        ({"tags": ("",)}, "tags[0]"),
        ({"tags": ("a" * 64,)}, "tags[0]"),
        ({"etag": "x" * 65}, "etag"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_the_name_of_its_field(said, field):
    assert broken(draft(**said)) == [field]


def test_every_field_that_breaks_a_rule_is_named_and_said_what_was_expected():
    with pytest.raises(InvalidProduct) as refused:
        check(Draft(sku="a b", title="Chess", category="Games"))

    assert refused.value.reason == "INVALID_PRODUCT"
    assert refused.value.message.startswith("price must be given; sku must be at most 64 letters")
    assert "found 'a b'; category must be lower-case words joined" in refused.value.message
    assert refused.value.message.endswith("; found 'Games'")


def test_a_long_value_is_shown_by_its_beginning():
    with pytest.raises(InvalidProduct) as refused:
        check(draft(title="x" * 5000))

    assert "x" * 80 + "..." in refused.value.message
    assert len(refused.value.message) < 250


def test_a_character_that_cannot_be_kept_is_said_with_what_is_before_it():
    with pytest.raises(InvalidProduct) as refused:
        check(draft(description="x" * 100 + " ab\x00cd"))

    assert refused.value.message.startswith("description must be without the character NUL; found")
    assert refused.value.message.endswith("x ab\\x00'")


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (Draft(name="products/p1", sku="A"), "products/p1"),
        (Draft(sku="A"), "A"),
        (Draft(), ""),
        (Draft(sku="A" * 101), "A" * 100),
    ],
)
def test_a_report_calls_it_by_its_name_or_its_sku(said, label):
    assert said.label == label


# The rules are written twice: in the contract for all calls, here for the lines of an import.

words = st.sampled_from(
    ["", "a", "a-b", "a--b", "-a", "A", "a" * 63, "a" * 64, "é", "a\n", "\n", " ", "\x7f", "a b"]
)
texts = words | st.text(max_size=8) | st.sampled_from(["x" * 200, "x" * 201, "\u2028", "\x85"])


@st.composite
def messages(draw):
    message = pb.Product(
        name=draw(st.just("") | words.map(lambda word: f"products/{word}")),
        sku=draw(st.just("A-1") | texts),
        title=draw(st.just("Chess") | texts),
        description=draw(st.sampled_from(["", "\n", "\x00", "x" * 10_000, "x" * 10_001])),
        category=draw(words),
        tags=draw(st.just([]) | st.lists(words, max_size=4)),
        etag=draw(st.sampled_from(["", "x" * 64, "x" * 65])),
    )
    if draw(st.integers(0, 9)):
        message.price.CopyFrom(draw(prices))
    return message


prices = st.builds(
    MoneyMessage,
    currency_code=st.sampled_from(["EUR", "EUR", "EUR", "eur", "", "EURO", "EUR\n"]),
    units=st.sampled_from([0, 1, -1, 10**9, 10**9 + 1, 2**63 - 1, -(2**63)]),
    nanos=st.sampled_from([0, 1, -1, 999_999_999, 10**9, -(10**9)]),
)


@settings(deadline=None, max_examples=400)
@given(message=messages())
@example(message=pb.Product(sku="A", title="B", price=MoneyMessage(currency_code="EUR")))
def test_the_rules_are_those_of_the_contract(message):
    by_contract = protovalidate.collect_violations(pb.CreateProductRequest(product=message))

    assert bool(broken(draft_from(message))) == bool(by_contract)


@settings(deadline=None, max_examples=200)
@given(text=texts, field=st.sampled_from(["sku", "title", "description", "category"]))
@example(text="A\n", field="sku")
@example(text="a\x00", field="description")
@example(text="\x00\n", field="description")
@example(text="a\n", field="category")
def test_one_text_is_judged_as_the_contract_judges_it(text, field):
    message = pb.Product(sku="A", title="B", price=MoneyMessage(currency_code="EUR"))
    setattr(message, field, text)
    by_contract = protovalidate.collect_violations(pb.CreateProductRequest(product=message))

    assert bool(broken(draft_from(message))) == bool(by_contract)
