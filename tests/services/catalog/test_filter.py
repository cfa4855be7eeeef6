"""The language of filters: what it reads, what it means, and what it says of anything else."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.errors import Code
from plait.money import Money
from services.catalog.filter import (
    FIELDS,
    All,
    AnyOf,
    Comparison,
    InvalidFilter,
    Kind,
    Not,
    Operator,
    matches,
    parse_filter,
)
from tests.services.catalog.goods import NOW, product

A = Comparison("sku", Operator.EQ, "a")
B = Comparison("sku", Operator.EQ, "b")
C = Comparison("sku", Operator.EQ, "c")
EURO = 1_000_000_000
MICROSECOND = timedelta(microseconds=1)


# What it reads


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_filter_that_says_nothing_lets_everything_through(text):
    assert parse_filter(text) is None
    assert matches(None, product())


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ('title = "Chess"', ("title", Operator.EQ, "Chess")),
        ("title=Chess", ("title", Operator.EQ, "Chess")),
        ("category != board-games", ("category", Operator.NE, "board-games")),
        ("sku<A.b_c-1", ("sku", Operator.LT, "A.b_c-1")),
        ('sku <= ""', ("sku", Operator.LE, "")),
        (
            'description:"a \\"word\\" and a \\\\"',
            ("description", Operator.HAS, 'a "word" and a \\'),
        ),
        ('description : "(AND)"', ("description", Operator.HAS, "(AND)")),
        ("title > Ä漢😀", ("title", Operator.GT, "Ä漢😀")),
        ('title >= "AND"', ("title", Operator.GE, "AND")),
        ("title = -1", ("title", Operator.EQ, "-1")),
        ("title = and", ("title", Operator.EQ, "and")),
        ("tags:new", ("tags", Operator.HAS, "new")),
        ("price < 20", ("price", Operator.LT, 20 * EURO)),
        ("price >= 19.99", ("price", Operator.GE, 19_990_000_000)),
        ("price = 0.000000001", ("price", Operator.EQ, 1)),
        ("price > -0.5", ("price", Operator.GT, -500_000_000)),
        ('price != "+7"', ("price", Operator.NE, 7 * EURO)),
        ("price < " + "9" * 30, ("price", Operator.LT, (10**30 - 1) * EURO)),
        ("price.currency_code = EUR", ("price.currency_code", Operator.EQ, "EUR")),
        (
            'create_time > "2026-01-31T12:00:00Z"',
            ("create_time", Operator.GT, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ),
        (
            'update_time <= "2026-01-31t14:00:00.5+02:00"',
            ("update_time", Operator.LE, datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ),
        (
            'update_time = "2026-01-31T12:00:00.123456789z"',
            ("update_time", Operator.EQ, datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)),
        ),
    ],
)
def test_a_comparison_is_a_field_an_operator_and_a_value(text, comparison):
    assert parse_filter(text) == Comparison(*comparison)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("sku=a AND sku=b AND sku=c", All((A, B, C))),
        ("sku=a OR sku=b OR sku=c", AnyOf((A, B, C))),
        ("sku=a AND sku=b OR sku=c", All((A, AnyOf((B, C))))),
        ("sku=a OR sku=b AND sku=c", All((AnyOf((A, B)), C))),
        ("sku=a OR (sku=b AND sku=c)", AnyOf((A, All((B, C))))),
        ("NOT sku=a OR sku=b", AnyOf((Not(A), B))),
        ("-sku=a AND sku=b", All((Not(A), B))),
        ("NOT (sku=a AND sku=b)", Not(All((A, B)))),
        ("-(sku=a)", Not(A)),
        ("NOT (NOT sku=a)", Not(Not(A))),
        ("((sku=a))", A),
        ("(sku=a)AND(sku=b)", All((A, B))),
        ("sku=a\n\tAND  sku=b", All((A, B))),
    ],
)
def test_or_binds_tighter_than_and(text, tree):
    assert parse_filter(text) == tree


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


# What it refuses

TEXT, AMOUNT, TIME = "a text", "a number such as 19.99", "a time such as"


@pytest.mark.parametrize(
    ("text", "at", "expected", "found"),
    [
        ("chess", 1, "one of the fields", "`chess`"),
        ("colour = red", 1, "one of the fields sku, title", "`colour`"),
        ("name = x", 1, "one of the fields", "`name`"),
        ("price.units = 1", 1, "one of the fields", "`price.units`"),
        ("Title = x", 1, "one of the fields", "`Title`"),
        ("sku = a sku = b", 9, "AND, OR or the end", "`sku`"),
        ("sku = a and sku = b", 9, "AND, OR or the end", "`and`"),
        ("sku = a AND", 12, "a field", "the end"),
        ("AND sku = a", 1, "a field", "`AND`"),
        ("sku = a OR OR sku = b", 12, "a field", "`OR`"),
        ("NOT NOT sku = a", 5, "a field", "`NOT`"),
        ("--sku = a", 2, "a field", "`-`"),
        ("NOT", 4, "a field", "the end"),
        ('"sku" = a', 1, "a field", '`"sku"`'),
        ("()", 2, "a field", "`)`"),
        ("(sku = a", 9, "`)` for the `(` at character 1", "the end"),
        ("sku = a)", 8, "AND, OR or the end", "`)`"),
        ("sku", 4, "after `sku` one of the operators = != < <= > >= :", "the end"),
        ("sku a", 5, "after `sku` one of the operators", "`a`"),
        ("sku ! a", 5, "an operator", "`! a`"),
        ("sku == a", 6, TEXT, "`=`"),
        ("sku =", 6, TEXT, "the end"),
        ("sku = AND sku = b", 7, TEXT, "`AND`"),
        ("sku = (a)", 7, TEXT, "`(`"),
        ("sku = - a", 7, TEXT, "`-`"),
        ('sku = "a', 7, "a closing quote", '`"a`'),
        ('sku = "a\\"', 7, "a closing quote", '`"a\\"`'),
        ('sku = "ab\\n"', 10, 'after a backslash in quotes `"` or another', "`\\n`"),
        ("sku = 'a b'", 10, "AND, OR or the end", "`b'`"),
        ("sku = a\x00", 8, "readable characters", None),
        ("tags = new", 6, "after `tags` one of the operators :", "`=`"),
        ("price : 5", 7, "after `price` one of the operators = != < <= > >=", "`:`"),
        ("price.currency_code < EUR", 21, "one of the operators = !=", "`<`"),
        ("price.currency_code = euro", 23, "a currency such as EUR", "`euro`"),
        ("price < cheap", 9, AMOUNT, "`cheap`"),
        ("price < 1e3", 9, AMOUNT, "`1e3`"),
        ("price < .5", 9, AMOUNT, "`.5`"),
        ("price < 5.", 9, AMOUNT, "`5.`"),
        ("price < ٣", 9, AMOUNT, "`٣`"),
        ("price < 0.0000000001", 9, AMOUNT, "`0.0000000001`"),
        ("price < " + "9" * 31, 9, AMOUNT, None),
        ('price < ""', 9, AMOUNT, None),
        ("create_time > 2026-01-31", 15, TIME, "`2026-01-31`"),
        ("create_time > 2026-01-31T12:00:00Z", 15, TIME, "`2026-01-31T12`"),
        ('create_time > "2026-01-31"', 15, TIME, None),
        ('create_time > "2026-01-31T12:00:00"', 15, TIME, None),
        ('create_time > "2026-02-30T12:00:00Z"', 15, TIME, None),
        ('create_time > "0001-01-01T00:00:00+10:00"', 15, TIME, None),
        ('create_time > "2026-01-31 12:00:00Z"', 15, TIME, None),
        ('create_time : "2026-01-31T12:00:00Z"', 13, "after `create_time` one of", "`:`"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_place_and_what_was_expected(
    text, at, expected, found
):
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(text)

    message = refused.value.message
    assert re.search(f"^filter: expected .* at character {at}, found ", message), message
    assert expected in message
    assert found is None or message.endswith(f"found {found}")
    assert (refused.value.code, refused.value.reason) == (Code.INVALID_ARGUMENT, "INVALID_FILTER")
    assert refused.value.violations[0].field == "filter"


@pytest.mark.parametrize(("count", "fits"), [(19, True), (20, True), (21, False)])
def test_a_filter_has_at_most_twenty_comparisons(count, fits):
    text = " OR ".join(["sku = a"] * count)

    if fits:
        assert parse_filter(text) == AnyOf((A,) * count)
    else:
        with pytest.raises(InvalidFilter, match="at most 20 comparisons at character 221"):
            parse_filter(text)


@pytest.mark.parametrize(("depth", "fits"), [(19, True), (20, True), (21, False), (1000, False)])
def test_parentheses_stand_at_most_twenty_deep(depth, fits):
    text = "(" * depth + "sku = a" + ")" * depth

    if fits:
        assert parse_filter(text) == A
    else:
        with pytest.raises(InvalidFilter, match=r"at most 20 parentheses .* at character 21"):
            parse_filter(text)


def test_parentheses_side_by_side_are_not_deep():
    assert parse_filter(" AND ".join(["(sku = a)"] * 20)) == All((A,) * 20)


def test_a_long_word_is_shown_by_its_beginning():
    with pytest.raises(InvalidFilter) as refused:
        parse_filter("x" * 2000)

    assert len(refused.value.message) < 250


PIECES = [
    *("sku", "title", "tags", "price", "price.currency_code", "create_time", "AND", "OR", "NOT"),
    *("-", "(", ")", "=", "!=", "<", ">=", ":", '"', "\\", '"a"', "5", "1.5", "EUR", "!", "."),
    *(" ", "\n", "\x00", '"2026-01-31T12:00:00Z"', "'", "*", ",", "é"),
]


@settings(deadline=None)
@given(
    text=st.text(max_size=40)
    | st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
)
@example(text='create_time < "9999-12-31T23:59:59-23:59"')
@example(text="(" * 2048)
@example(text='"' + "\\" * 2047)
def test_no_text_makes_anything_but_a_filter_or_a_refusal_with_a_place(text):
    try:
        wanted = parse_filter(text)
    except InvalidFilter as refused:
        found = re.search(r" at character (\d+), found ", refused.message)
        assert found
        assert 1 <= int(found[1]) <= len(text) + 1
    else:
        assert matches(wanted, product()) in {True, False}


# What is written down reads the same

ORDERED = [operator for operator in Operator if operator is not Operator.HAS]
OPERATORS = {
    Kind.TEXT: list(Operator),
    Kind.TAGS: [Operator.HAS],
    Kind.AMOUNT: ORDERED,
    Kind.CURRENCY: [Operator.EQ, Operator.NE],
    Kind.TIME: ORDERED,
}
VALUES = {
    Kind.TEXT: st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
    Kind.TAGS: st.sampled_from(["new", "two-players", 'odd "tag"']),
    Kind.AMOUNT: st.integers(-(10**20), 10**20),
    Kind.CURRENCY: st.sampled_from(["EUR", "JPY"]),
    Kind.TIME: st.integers(-(10**16), 10**17).map(lambda number: NOW + number * MICROSECOND),
}


def comparisons():
    return st.sampled_from(sorted(FIELDS)).flatmap(
        lambda field: st.builds(
            Comparison,
            st.just(field),
            st.sampled_from(OPERATORS[FIELDS[field]]),
            VALUES[FIELDS[field]],
        )
    )


def trees():
    return st.recursive(
        comparisons(),
        lambda terms: st.one_of(
            st.builds(Not, terms),
            st.lists(terms, min_size=2, max_size=3).map(lambda found: All(tuple(found))),
            st.lists(terms, min_size=2, max_size=3).map(lambda found: AnyOf(tuple(found))),
        ),
        max_leaves=8,
    )


def written(tree):
    match tree:
        case Comparison(field, operator, value):
            return f"{field} {operator.value} {literal(value)}"
        case Not(term):
            return f"NOT {bracketed(term)}"
        case All(terms):
            return " AND ".join(map(bracketed, terms))
        case AnyOf(terms):
            return " OR ".join(map(bracketed, terms))


def bracketed(tree):
    return written(tree) if isinstance(tree, Comparison) else f"({written(tree)})"


def literal(value):
    if isinstance(value, datetime):
        return f'"{value.astimezone(timezone(timedelta(hours=2))).isoformat()}"'
    if isinstance(value, int):
        return f"{'-' if value < 0 else ''}{abs(value) // EURO}.{abs(value) % EURO:09d}"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def depth(tree):
    match tree:
        case Comparison():
            return 0
        case Not(term):
            return 1 + depth(term)
        case All(terms) | AnyOf(terms):
            return 1 + max(map(depth, terms))


@settings(deadline=None)
@given(tree=trees().filter(lambda tree: depth(tree) <= 20))
def test_a_filter_that_is_written_down_reads_the_same(tree):
    assert parse_filter(written(tree)) == tree


# What it means

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
        ("sku = BG-1", True),
        ("sku = bg-1", False),
        ("sku != BG-1", False),
        ("sku < BG-2", True),
        ("sku < BG-1", False),
        ("sku <= BG-1", True),
        ("sku > B", True),
        ("sku >= a", False),
        ("title:chess", True),
        ("title:ä", True),
        ('title:"s ä"', True),
        ("title:go", False),
        ('title:""', True),
        ("tags:new", True),
        ("tags:players", False),
        ("tags:NEW", False),
        ("price = 19.99", True),
        ("price = 19.990", True),
        ("price < 19.990000001", True),
        ("price > 19.99", False),
        ("price.currency_code = EUR", True),
        ("price.currency_code != EUR", False),
        ('create_time = "2026-01-31T12:00:00.123456Z"', True),
        ('update_time > "2026-01-31T13:00:00.123455+01:00"', True),
        ('update_time < "2026-01-31T12:00:00Z"', False),
        ("NOT category:games", False),
        ("category:go OR tags:new AND description:WOOD", True),
    ],
)
def test_a_filter_lets_through_what_it_describes(text, through):
    assert matches(parse_filter(text), CHESS) is through


def test_the_product_of_the_examples_is_as_old_as_they_think():
    assert CHESS.create_time == NOW


@settings(deadline=None, max_examples=30)
@given(one=trees(), other=trees())
def test_not_and_and_or_mean_what_they_do_in_logic(one, other):
    a, b = matches(one, CHESS), matches(other, CHESS)

    assert matches(Not(one), CHESS) is (not a)
    assert matches(All((one, other)), CHESS) is (a and b)
    assert matches(AnyOf((one, other)), CHESS) is (a or b)
