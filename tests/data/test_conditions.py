"""Filters as SQL says them, asked of a real table and held to what the filters mean."""

from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text, create_engine, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool

from plait.data.conditions import condition, members_of, set_of
from plait.data.filter import matches, parse_filter
from plait.data.kinds import AMOUNT, FLAG, TAGS, TEXT, TIME
from plait.data.times import microseconds
from tests.data.test_filter import NOW, Thing

FIELDS = {"title": TEXT, "tags": TAGS, "price": AMOUNT, "sold_out": FLAG, "create_time": TIME}
VALUES = {field: attrgetter(field) for field in FIELDS}
THINGS = Table(
    "things",
    MetaData(),
    Column("title", Text),
    Column("tags", Text),
    Column("price", BigInteger),
    Column("sold_out", Boolean),
    Column("create_time", BigInteger),
)
SHELF = [
    Thing(title="Chess Ü", tags=("new", "wood")),
    Thing(title="100% go", tags=("renewed",), price=0, sold_out=True),
    Thing(title="go_ban", price=2**63 - 2),
    Thing(title="", tags=("a-b",), price=-5, create_time=NOW.replace(microsecond=0)),
]


@pytest.fixture(scope="module")
def connection():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.create_function("lower", 1, lambda text: text.lower(), deterministic=True)
        THINGS.create(connection)
        connection.execute(
            THINGS.insert(),
            [
                {
                    "title": thing.title,
                    "tags": set_of(thing.tags),
                    "price": thing.price,
                    "sold_out": thing.sold_out,
                    "create_time": microseconds(thing.create_time),
                }
                for thing in SHELF
            ],
        )
        yield connection
    engine.dispose()


def found(connection, text):
    wanted = parse_filter(text, FIELDS)
    asked = select(THINGS.c.title).where(condition(wanted, FIELDS, THINGS.c))
    return set(connection.execute(asked).scalars())


def meant(text):
    wanted = parse_filter(text, FIELDS)
    return {thing.title for thing in SHELF if matches(wanted, thing, VALUES)}


QUESTIONS = [
    *("title = go_ban", "title != go_ban", "title < d", "title <= go_ban", "title > a"),
    *("title >= go_ban", 'title:""', "title:CHESS", "title:ü", 'title:"%"', "title:_", "title:o_b"),
    *("tags:new", "tags:NEW", "tags:ew", "tags:a-b", 'tags:" "', 'tags:"new wood"', 'tags:"%"'),
    *("price = 0", "price < 0", "price > 0", "price >= 19.99", "price <= -0.000000005"),
    *(f"price < {'9' * 30}", f"price > -{'9' * 30}", "sold_out = true", "sold_out != true"),
    *('create_time = "2026-01-31T12:00:00Z"', 'create_time > "2026-01-31T12:00:00.123455Z"'),
]


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_condition_lets_through_what_the_filter_means(connection, text):
    assert found(connection, text) == meant(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.recursive(
        st.sampled_from(QUESTIONS),
        lambda inner: st.one_of(
            inner.map("NOT ({})".format),
            st.tuples(inner, inner).map(lambda both: "({}) AND ({})".format(*both)),
            st.tuples(inner, inner).map(lambda both: "({}) OR ({})".format(*both)),
        ),
        max_leaves=5,
    )
)
def test_not_and_and_or_are_those_of_the_filter(connection, text):
    assert found(connection, text) == meant(text)


def test_an_amount_beyond_every_column_is_the_nearest_in_one():
    asked = condition(parse_filter(f"price > {'9' * 30}", FIELDS), FIELDS, THINGS.c)

    assert asked.right.value == 2**63 - 1


def test_postgresql_understands_every_question():
    for text in QUESTIONS:
        asked = condition(parse_filter(text, FIELDS), FIELDS, THINGS.c)
        assert str(asked.compile(dialect=postgresql.dialect()))


@pytest.mark.parametrize(
    ("members", "stored"), [((), ""), (("a",), " a "), (("a", "b-c"), " a b-c ")]
)
def test_a_set_is_kept_with_a_space_around_each_member(members, stored):
    assert set_of(members) == stored
    assert members_of(stored) == members
