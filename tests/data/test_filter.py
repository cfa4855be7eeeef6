"""The language of filters: what it reads, what it means, and what it says of anything else."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from operator import attrgetter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plait.data import filter as language
from plait.data.filter import All, AnyOf, Comparison, InvalidFilter, Not
from plait.data.kinds import AMOUNT, CURRENCY, FLAG, TAGS, TEXT, TIME, Operator
from plait.errors import Code

FIELDS = {
    "sku": TEXT,
    "title": TEXT,
    "description": TEXT,
    "category": TEXT,
    "tags": TAGS,
    "price": AMOUNT,
    "price.currency_code": CURRENCY,
    "sold_out": FLAG,
    "create_time": TIME,
    "update_time": TIME,
    "maker": TEXT.only(Operator.EQ, Operator.NE),
}
VALUES = {
    **{field: attrgetter(field) for field in FIELDS},
    "price.currency_code": attrgetter("currency"),
}
NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something to filter."""

    sku: str = "SKU-p1"
    title: str = "Chess"
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    price: int = 19_990_000_000
    currency: str = "EUR"
    sold_out: bool = False
    create_time: datetime = NOW
    update_time: datetime = NOW
    maker: str = "carver"


def parse_filter(text):
    return language.parse_filter(text, FIELDS)


def matches(wanted, thing):
    return language.matches(wanted, thing, VALUES)


A = Comparison("sku", Operator.EQ, "a")
B = Comparison("sku", Operator.EQ, "b")
C = Comparison("sku", Operator.EQ, "c")
EURO = 1_000_000_000
MICROSECOND = timedelta(microseconds=1)


# What it reads


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_filter_that_says_nothing_lets_everything_through(text):
    assert parse_filter(text) is None
    assert matches(None, Thing())


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
        ("sold_out = true", ("sold_out", Operator.EQ, True)),
        ("sold_out != false", ("sold_out", Operator.NE, False)),
        ('maker != "carver"', ("maker", Operator.NE, "carver")),
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


# What it refuses

A_TEXT, A_NUMBER, A_TIME = "a text", "a number such as 19.99", "a time such as"


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
        ("sku == a", 6, A_TEXT, "`=`"),
        ("sku =", 6, A_TEXT, "the end"),
        ("sku = AND sku = b", 7, A_TEXT, "`AND`"),
        ("sku = (a)", 7, A_TEXT, "`(`"),
        ("sku = - a", 7, A_TEXT, "`-`"),
        ('sku = "a', 7, "a closing quote", '`"a`'),
        ('sku = "a\\"', 7, "a closing quote", '`"a\\"`'),
        ('sku = "ab\\n"', 10, 'after a backslash in quotes `"` or another', "`\\n`"),
        ("sku = 'a b'", 10, "AND, OR or the end", "`b'`"),
        ("sku = a\x00", 8, "readable characters", None),
        ("tags = new", 6, "after `tags` one of the operators :", "`=`"),
        ("price : 5", 7, "after `price` one of the operators = != < <= > >=", "`:`"),
        ("price.currency_code < EUR", 21, "one of the operators = !=", "`<`"),
        ("price.currency_code = euro", 23, "a currency such as EUR", "`euro`"),
        ("price < cheap", 9, A_NUMBER, "`cheap`"),
        ("price < 1e3", 9, A_NUMBER, "`1e3`"),
        ("price < .5", 9, A_NUMBER, "`.5`"),
        ("price < 5.", 9, A_NUMBER, "`5.`"),
        ("price < ٣", 9, A_NUMBER, "`٣`"),
        ("price < 0.0000000001", 9, A_NUMBER, "`0.0000000001`"),
        ("price < " + "9" * 31, 9, A_NUMBER, None),
        ('price < ""', 9, A_NUMBER, None),
        ("create_time > 2026-01-31", 15, A_TIME, "`2026-01-31`"),
        ("create_time > 2026-01-31T12:00:00Z", 15, A_TIME, "`2026-01-31T12`"),
        ('create_time > "2026-01-31"', 15, A_TIME, None),
        ('create_time > "2026-01-31T12:00:00"', 15, A_TIME, None),
        ('create_time > "2026-02-30T12:00:00Z"', 15, A_TIME, None),
        ('create_time > "0001-01-01T00:00:00+10:00"', 15, A_TIME, None),
        ('create_time > "2026-01-31 12:00:00Z"', 15, A_TIME, None),
        ("sold_out = yes", 12, "true or false", "`yes`"),
        ("sold_out = TRUE", 12, "true or false", "`TRUE`"),
        ("sold_out : true", 10, "after `sold_out` one of the operators = !=", "`:`"),
        ("maker : carver", 7, "after `maker` one of the operators = !=", "`:`"),
        ("maker < carver", 7, "after `maker` one of the operators = !=", "`<`"),
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
    *("sold_out", "true", "maker"),
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
        assert matches(wanted, Thing()) in {True, False}


# What is written down reads the same

ORDERED = [operator for operator in Operator if operator is not Operator.HAS]
OPERATORS = {
    **{key: list(Operator) for key in ("sku", "title", "description", "category")},
    "tags": [Operator.HAS],
    **dict.fromkeys(("price", "create_time", "update_time"), ORDERED),
    **{key: [Operator.EQ, Operator.NE] for key in ("price.currency_code", "sold_out", "maker")},
}
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
TIMES = st.integers(-(10**16), 10**17).map(lambda number: NOW + number * MICROSECOND)
WRITTEN = {
    **dict.fromkeys(("sku", "title", "description", "category", "maker"), TEXTS),
    "tags": st.sampled_from(["new", "two-players", 'odd "tag"']),
    "price": st.integers(-(10**20), 10**20),
    "price.currency_code": st.sampled_from(["EUR", "JPY"]),
    "sold_out": st.booleans(),
    **dict.fromkeys(("create_time", "update_time"), TIMES),
}


def test_every_field_of_these_tests_is_tried():
    assert FIELDS.keys() == OPERATORS.keys() == WRITTEN.keys()


def comparisons():
    return st.sampled_from(sorted(FIELDS)).flatmap(
        lambda field: st.builds(
            Comparison, st.just(field), st.sampled_from(OPERATORS[field]), WRITTEN[field]
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
    if isinstance(value, bool):
        return "true" if value else "false"
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

CHESS = replace(
    Thing(),
    sku="BG-1",
    title="Chess Ä",
    description="Of wood.",
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
        ("sold_out = false", True),
        ("sold_out != false", False),
        ('sold_out = "true"', False),
        ("maker = carver", True),
        ("maker != carver", False),
        ('create_time = "2026-01-31T12:00:00.123456Z"', True),
        ('update_time > "2026-01-31T13:00:00.123455+01:00"', True),
        ('update_time < "2026-01-31T12:00:00Z"', False),
        ("NOT category:games", False),
        ("category:go OR tags:new AND description:WOOD", True),
    ],
)
def test_a_filter_lets_through_what_it_describes(text, through):
    assert matches(parse_filter(text), CHESS) is through


@settings(deadline=None, max_examples=30)
@given(one=trees(), other=trees())
def test_not_and_and_or_mean_what_they_do_in_logic(one, other):
    a, b = matches(one, CHESS), matches(other, CHESS)

    assert matches(Not(one), CHESS) is (not a)
    assert matches(All((one, other)), CHESS) is (a and b)
    assert matches(AnyOf((one, other)), CHESS) is (a or b)
