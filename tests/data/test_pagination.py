import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import column, insert, select, table

from plait.data import pagination
from plait.data.pagination import (
    InvalidPageToken,
    Key,
    page_token,
    position,
    query_of,
    read_on,
)
from plait.errors import Code
from shop.catalog.v1 import catalog_pb2

THINGS = table("things", column("name"), column("number"))


def forge(content, query="q"):
    """A token as somebody makes it who knows how."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(pagination._check(raw, query) + raw).decode().rstrip("=")


@given(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
    ),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_token_holds_its_position(values, query):
    assert position(page_token(values, query), query, (str, int, float)) == values


def test_a_token_fits_into_a_url_as_it_is():
    token = page_token(("ÿ" * 50, 7), "q")

    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_of_another_query_is_refused():
    with pytest.raises(InvalidPageToken) as caught:
        position(page_token(("a",), "q"), "another", (str,))

    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.reason == "INVALID_PAGE_TOKEN"
    assert [violation.field for violation in caught.value.violations] == ["page_token"]


@given(st.data())
def test_a_token_that_was_changed_anywhere_is_refused(data):
    token = page_token(("the name", 7), "q")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCabc012-_+/= é").filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]

    try:
        found = position(changed, "q", (str, int))
    except InvalidPageToken:
        return
    # The last character may hold bits that mean nothing.
    assert at == len(token) - 1
    assert found == ("the name", 7)


@given(st.text(max_size=60))
def test_any_text_is_a_token_or_refused(text):
    with pytest.raises(InvalidPageToken):
        position(text, "q", (str,))


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[" * 5000,
        b"\xff",
        b'["a", 1e999999]',
        {"a": 1},
        "a",
        [],
        ["a"],
        ["a", 1, 2],
        [1, "a"],
        ["a", None],
        ["a", True],
        ["a", 1.0],
        ["a", ["b"]],
        ["a", 2**63],
        ["a", -(2**63) - 1],
    ],
)
def test_a_forged_token_of_another_shape_is_refused(content):
    with pytest.raises(InvalidPageToken):
        position(forge(content), "q", (str, int))


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_a_number_that_a_database_can_hold_is_taken(number):
    assert position(forge(["a", number]), "q", (str, int)) == ("a", number)


def test_a_query_is_the_request_without_its_page():
    request = catalog_pb2.ListProductsRequest(filter="a", page_size=3, page_token="t")
    later = catalog_pb2.ListProductsRequest(filter="a", page_size=5, page_token="u")

    assert query_of(request) == query_of(later)
    assert (request.page_size, request.page_token) == (3, "t")


def test_queries_differ_by_every_other_field_and_by_their_method():
    queries = {
        query_of(catalog_pb2.ListProductsRequest()),
        query_of(catalog_pb2.ListProductsRequest(filter="a")),
        query_of(catalog_pb2.ListProductsRequest(order_by="a")),
        query_of(catalog_pb2.ListProductsRequest(show_deleted=True)),
        query_of(catalog_pb2.SearchProductsRequest()),
    }

    assert len(queries) == 5


@pytest.mark.parametrize("seed", range(8))
async def test_every_row_comes_exactly_once_while_others_are_added(database, seed):
    """Pages of any size, over one or two columns in any direction, with many equal values."""
    chance = random.Random(seed)
    keys = [
        Key(column=THINGS.c.number, descending=chance.random() < 0.5),
        Key(column=THINGS.c.name, descending=chance.random() < 0.5),
    ][chance.randrange(2) :]
    there = {f"{n:03}-{chance.randrange(10**6)}" for n in range(60)}
    await add(database, there, chance)

    seen, place = [], None
    for turn in range(200):
        page = await read_page(database, keys, place, size=chance.randint(1, 9))
        seen += [row.name for row in page]
        if not page:
            break
        place = tuple(getattr(page[-1], key.column.name) for key in keys)
        await add(database, {f"{chance.randrange(100):03}-later-{turn}"}, chance)

    assert len(seen) == len(set(seen))
    assert there <= set(seen)


async def add(database, names, chance):
    rows = [{"name": name, "number": chance.randrange(5)} for name in sorted(names)]
    async with database.transaction() as tx:
        await tx.execute(insert(THINGS), rows)


async def read_page(database, keys, place, size):
    statement = read_on(select(THINGS), keys, limit=size, position=place)
    async with database.snapshot() as tx:
        return (await tx.execute(statement)).rows
