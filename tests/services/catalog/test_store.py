"""What every store of the catalog must do, over each kind of database."""

import asyncio
import random
from contextlib import aclosing
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from plait.data.backend import Conflict, DatabaseBusy
from plait.data.claims import Claim, RequestIdReused
from plait.data.database import Database
from plait.data.filter import All, AnyOf, Comparison, Not
from plait.data.kinds import AMOUNT, CURRENCY, TAGS, TEXT, TIME, Operator
from plait.data.order import By
from plait.data.url import System
from plait.errors import Code
from plait.money import Money
from services.catalog.domain import (
    EtagMismatch,
    PictureNotFound,
    Product,
    ProductExists,
    ProductNotFound,
    SkuTaken,
)
from services.catalog.filter import FIELDS, matches, parse_filter
from services.catalog.imports import Created, Refused, Unchanged, Updated
from services.catalog.order import FIELDS as ORDERS
from services.catalog.order import arranged, parse_order
from services.catalog.pictures import picture_of
from services.catalog.rows import PRODUCTS
from services.catalog.store import Query, SqlStore, _meaning
from tests.services.catalog.goods import NOW, Ids, draft, fill, minutes, product

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100


def query(filter_text="", order="", **other):
    usual = Query(filter=parse_filter(filter_text), order=parse_order(order), limit=1000)
    return replace(usual, **other)


async def names(store, *args, **other):
    page = await store.page(query(*args, **other))
    return [each.name.removeprefix("products/") for each in page.products]


def deleted(found):
    return found.delete(now=NOW + minutes(5))


def pictured(found, data=PNG, now=NOW):
    return found.with_picture(
        picture_of(found.name, content_type="image/png", data=data, now=now), now=now
    )


# Adding and reading


async def test_what_is_added_is_read_as_it_was(store):
    kept = product(
        title='Chess "Ä" %_',
        description="two\nlines\x01\x7f",
        price=Money.of(1_000_000_000, 999_999_999, "JPY"),
        category="board-games",
        tags=("wood", "new"),
    )

    assert await store.add(kept, None, b"") is None

    assert await store.get("products/p1") == kept


async def test_a_product_of_every_extreme_is_kept_exactly(store):
    kept = product(
        "a" * 63,
        sku="s" * 64,
        title="\U0001f600" * 200,
        description="\U0001f600" * 10_000,
        price=Money.of(0, 0, "EUR"),
        tags=tuple(f"{n}" + "t" * 60 for n in range(20)),
    )

    await store.add(kept, None, b"")

    assert await store.get(kept.name) == kept


async def test_an_unknown_product_is_not_found(store):
    with pytest.raises(ProductNotFound) as caught:
        await store.get("products/none")

    assert caught.value.code is Code.NOT_FOUND
    assert caught.value.resource == "products/none"


async def test_a_name_is_given_once(store):
    await store.add(product(), None, b"")

    with pytest.raises(ProductExists):
        await store.add(product(sku="other"), None, b"")


async def test_a_name_is_not_given_again_after_the_product_is_deleted(store):
    await store.add(product(), None, b"")
    await store.change("products/p1", deleted)

    with pytest.raises(ProductExists):
        await store.add(product(sku="other"), None, b"")


async def test_a_sku_belongs_to_one_product(store):
    await store.add(product("p1", sku="same"), None, b"")

    with pytest.raises(SkuTaken):
        await store.add(product("p2", sku="same"), None, b"")
    with pytest.raises(ProductNotFound):
        await store.get("products/p2")


async def test_upper_and_lower_case_of_a_sku_differ(store):
    await fill(store, [product("p1", sku="same"), product("p2", sku="SAME")])

    assert await names(store) == ["p1", "p2"]


async def test_a_sku_becomes_free_when_its_product_is_deleted(store):
    await store.add(product("p1", sku="same"), None, b"")
    await store.change("products/p1", deleted)

    await store.add(product("p2", sku="same"), None, b"")
    await store.change("products/p2", deleted)
    await store.add(product("p3", sku="same"), None, b"")

    assert await names(store, show_deleted=True) == ["p1", "p2", "p3"]


def test_a_conflict_that_means_nothing_to_a_caller_stays_a_bug():
    conflict = Conflict("products_something_else")

    assert _meaning(conflict, product()) is conflict


def claim(**other):
    said = {"caller": "users/u", "method": "M", "request_id": "r", "fingerprint": b"f"} | other
    return Claim(**said)


async def test_the_same_request_id_adds_once_and_gets_the_first_answer(store):
    assert await store.add(product("p1", sku="same"), claim(), b"first") is None
    assert await store.add(product("p2", sku="same"), claim(), b"second") == b"first"

    assert await names(store) == ["p1"]


async def test_the_same_request_id_at_the_same_time_adds_once(store):
    answers = await asyncio.gather(
        *(store.add(product(f"p{n}", sku="same"), claim(), f"{n}".encode()) for n in range(8))
    )

    assert answers.count(None) == 1
    assert len(await names(store)) == 1


async def test_a_request_id_of_another_request_is_refused(store):
    await store.add(product("p1"), claim(), b"first")

    with pytest.raises(RequestIdReused):
        await store.add(product("p2"), claim(fingerprint=b"other"), b"second")
    assert await names(store) == ["p1"]


async def test_a_request_that_failed_may_be_repeated_with_its_id(store):
    await store.add(product("p1", sku="taken"), None, b"")
    with pytest.raises(SkuTaken):
        await store.add(product("p2", sku="taken"), claim(), b"")
    await store.change("products/p1", deleted)

    assert await store.add(product("p2", sku="taken"), claim(), b"") is None


async def test_many_are_read_in_the_order_that_was_asked_for(store):
    await fill(store, [product(f"p{n}") for n in range(5)])
    await store.change("products/p3", deleted)

    found = await store.get_all(["products/p3", "products/p0", "products/p4"])

    assert [each.name for each in found] == ["products/p3", "products/p0", "products/p4"]
    assert found[0].deleted


async def test_reading_many_names_the_first_that_is_unknown(store):
    await fill(store, [product("p1")])

    with pytest.raises(ProductNotFound) as caught:
        await store.get_all(["products/p1", "products/z", "products/a"])

    assert caught.value.resource == "products/z"


# Changing


async def test_a_change_is_kept(store):
    await store.add(product(), None, b"")

    changed = await store.change(
        "products/p1", lambda found: found.change(draft(title="Go"), ["title"], now=NOW)
    )

    assert changed.title == "Go"
    assert changed.revision == 2
    assert await store.get("products/p1") == changed


async def test_a_change_to_what_it_is_keeps_the_revision(store):
    await store.add(product(), None, b"")

    found = await store.change(
        "products/p1", lambda found: found.change(draft(title="Chess"), ["title"], now=NOW)
    )

    assert found == await store.get("products/p1") == product()


async def test_changing_what_is_not_there_is_told_to_the_one_who_decides(store):
    seen = []

    assert await store.change("products/none", seen.append) is None
    assert seen == [None]


async def test_a_refused_change_changes_nothing(store):
    await store.add(product(), None, b"")

    with pytest.raises(EtagMismatch):
        await store.change(
            "products/p1",
            lambda found: found.change(draft(title="Go", etag="stale"), ["title"], now=NOW),
        )

    assert await store.get("products/p1") == product()


async def test_a_change_cannot_take_the_sku_of_another(store):
    await fill(store, [product("p1", sku="one"), product("p2", sku="two")])

    with pytest.raises(SkuTaken):
        await store.change(
            "products/p2", lambda found: found.change(draft(sku="one"), ["sku"], now=NOW)
        )

    assert (await store.get("products/p2")).sku == "two"


async def test_of_two_changes_from_the_same_revision_one_is_refused(store):
    await store.add(product(), None, b"")
    etag = product().etag

    def change(title):
        return store.change(
            "products/p1",
            lambda found: found.change(draft(title=title, etag=etag), ["title"], now=NOW),
        )

    done = await asyncio.gather(*(change(f"T{n}") for n in range(5)), return_exceptions=True)

    assert sum(isinstance(each, Product) for each in done) == 1
    assert sum(isinstance(each, EtagMismatch) for each in done) == 4


async def test_a_deleted_product_can_be_read_and_is_not_listed(store):
    await fill(store, [product("p1"), product("p2")])
    await store.change("products/p1", deleted)

    assert (await store.get("products/p1")).delete_time == NOW + minutes(5)
    assert await names(store) == ["p2"]
    assert await names(store, show_deleted=True) == ["p1", "p2"]


# Pictures


async def test_a_picture_is_kept_with_its_product(store):
    await store.add(product(), None, b"")

    changed = await store.change("products/p1", pictured, PNG)

    assert await store.get("products/p1") == changed
    assert changed.picture.size_bytes == len(PNG)
    assert await store.picture("products/p1") == ("image/png", PNG)


async def test_a_new_picture_takes_the_place_of_the_old_one(store):
    await store.add(product(), None, b"")
    await store.change("products/p1", pictured, PNG)

    await store.change("products/p1", lambda found: pictured(found, PNG + b"2"), PNG + b"2")

    assert await store.picture("products/p1") == ("image/png", PNG + b"2")


async def test_a_picture_of_a_deleted_product_can_be_read(store):
    await store.add(product(), None, b"")
    await store.change("products/p1", pictured, PNG)
    await store.change("products/p1", deleted)

    assert await store.picture("products/p1") == ("image/png", PNG)


@pytest.mark.parametrize("name", ["products/p1", "products/none"])
async def test_where_there_is_no_picture_none_is_found(store, name):
    await store.add(product(), None, b"")

    with pytest.raises(PictureNotFound) as caught:
        await store.picture(name)

    assert caught.value.resource == f"{name}/picture"


# Pages


async def test_a_page_has_at_most_as_many_as_asked_for_and_says_if_there_are_more(store):
    await fill(store, [product(f"p{n}") for n in range(3)])

    below = await store.page(query(limit=2))
    exactly = await store.page(query(limit=3))
    above = await store.page(query(limit=4))

    assert (len(below.products), below.next) == (2, ("products/p1",))
    assert (len(exactly.products), exactly.next) == (3, None)
    assert (len(above.products), above.next) == (3, None)


async def test_an_empty_catalog_has_one_empty_page(store):
    page = await store.page(query())

    assert (page.products, page.next) == ((), None)


async def test_a_page_is_cut_where_it_no_longer_fits_into_a_message(store):
    """Descriptions of 40 kB: some 78 of them fit into 3 MiB."""
    await fill(store, [product(f"p{n:03}", description="\U0001f600" * 10_000) for n in range(100)])

    first = await store.page(query())
    second = await store.page(query(after=first.next))

    assert 70 < len(first.products) < 79
    assert len(first.products) + len(second.products) == 100
    assert second.next is None


@pytest.mark.parametrize("seed", range(6))
async def test_pages_show_everything_once_in_order_while_others_are_added(store, seed):
    chance = random.Random(seed)
    there = [random_product(chance, f"p{n:03}") for n in range(40)]
    await fill(store, there)
    order = tuple(By(name, chance.random() < 0.5) for name in chance.sample(sorted(ORDERS), 3))
    order = order if "name" in {by.field for by in order} else (*order, By("name"))

    seen, place = [], None
    for turn in range(100):
        size = chance.randint(1, 7)
        page = await store.page(replace(query(limit=size, after=place), order=order))
        seen += page.products
        place = page.next
        if place is None:
            break
        await store.add(random_product(chance, f"later{turn}"), None, b"")

    assert len({each.name for each in seen}) == len(seen)
    assert [each for each in seen if each in there] == arranged(there, order)


WORDS = ["Chess", "chess", "Ärger", "ärger", "a_b", "100%", "Über uns", "", "go", "\\", "'"]


def random_product(chance, product_id):
    return product(
        product_id,
        now=NOW + timedelta(microseconds=chance.randrange(3)),
        sku=f"{chance.choice('aAbB')}{product_id}",
        title=chance.choice(WORDS) + chance.choice("ABab"),
        description=chance.choice(WORDS),
        price=Money.from_nanos(chance.randrange(4) * 500_000_000, chance.choice(["EUR", "USD"])),
        category=chance.choice(["", "games", "board-games", "books"]),
        tags=tuple(chance.sample(["new", "old", "new-old", "wood"], chance.randrange(3))),
    )


# Filters and orders


def filters():
    values = {
        TEXT: st.sampled_from([*WORDS, "a", "ESS", "ä", "board", "games", "%", "_"]),
        TAGS: st.sampled_from(["new", "old", "new-old", "NEW", "new old", " ", "%", "ne"]),
        AMOUNT: st.sampled_from([0, 1, 500_000_000, 10**30, -(10**30), -1]),
        CURRENCY: st.sampled_from(["EUR", "USD", "GBP"]),
        TIME: st.integers(-2, 4).map(lambda n: NOW + timedelta(microseconds=n)),
    }
    operators = {
        TEXT: list(Operator),
        TAGS: [Operator.HAS],
        CURRENCY: [Operator.EQ, Operator.NE],
    }
    ordered = [operator for operator in Operator if operator is not Operator.HAS]
    comparisons = st.sampled_from(sorted(FIELDS)).flatmap(
        lambda field: st.builds(
            Comparison,
            st.just(field),
            st.sampled_from(operators.get(FIELDS[field], ordered)),
            values[FIELDS[field]],
        )
    )
    several = st.lists
    return st.recursive(
        comparisons,
        lambda terms: st.one_of(
            st.builds(Not, terms),
            st.builds(All, several(terms, min_size=2, max_size=3).map(tuple)),
            st.builds(AnyOf, several(terms, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=filters())
def test_a_filter_lets_through_what_it_means(catalog_of_forty, wanted):
    """The database answers what `matches` says of each product."""
    run, store, there = catalog_of_forty

    page = run(store.page(query(filter=wanted)))

    assert list(page.products) == [each for each in there if matches(wanted, each)]


@pytest.fixture
def catalog_of_forty(url):
    """A filled store and a way to ask it from a test that is not a coroutine."""
    chance = random.Random(1)
    there = [random_product(chance, f"p{n:03}") for n in range(40)]
    with asyncio.Runner() as runner:
        database = Database(url)
        store = SqlStore(database, new_id=str)
        runner.run(fill(store, there))
        yield runner.run, store, there
        runner.run(database.close())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", sorted(ORDERS))
async def test_products_come_in_the_order_that_was_asked_for(store, field, descending):
    chance = random.Random(2)
    there = [random_product(chance, f"p{n:03}") for n in range(20)]
    await fill(store, there)
    order = parse_order(f"{field} desc" if descending else field)

    page = await store.page(replace(query(), order=order))

    assert list(page.products) == arranged(there, order)


# Search


async def found_by(store, words, **other):
    finds = await store.search(words, **{"limit": 100, "after": None} | other)
    return [each.product.name.removeprefix("products/") for each in finds.finds]


@pytest.fixture
async def shelf(store):
    await fill(
        store,
        [
            product("title", title="Chess set", description="Of wood."),
            product("text", title="Travel game", description="A chess set for the train."),
            product("tag", title="Something", tags=("chess", "small")),
            product("other", title="Café crème cups", description="Porcelain", sku="CUP-77-B"),
            product("none", title="Garden chair", category="outdoor-living"),
        ],
    )
    return store


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("chess", {"title", "text", "tag"}),
        ("CHESS", {"title", "text", "tag"}),
        ("che", {"title", "text", "tag"}),
        ("set chess", {"title", "text"}),
        ("chess train", {"text"}),
        ("ches train", set()),
        ("train ches", {"text"}),
        ("cafe creme", {"other"}),
        ("CAFÉ", {"other"}),
        ("cafe\u0301", {"other"}),
        ("cup-77", {"other"}),
        ("outdoor", {"none"}),
        ("chess porcelain", set()),
        ("", set()),
        ("  ?! \t", set()),
        ("_", set()),
    ],
)
async def test_a_search_finds_what_holds_all_words(shelf, words, expected):
    assert set(await found_by(shelf, words)) == expected


async def test_a_word_in_the_title_counts_more_than_one_in_the_description(shelf):
    found = await found_by(shelf, "chess")

    assert found.index("title") < found.index("text")


async def test_scores_fall_and_are_positive(shelf):
    scores = [each.score for each in (await shelf.search("chess", limit=9, after=None)).finds]

    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


@pytest.mark.parametrize(
    "words",
    [
        *(
            '"',
            '""',
            "'",
            "chess*",
            "*",
            "^chess",
            "chess)",
            "(",
            "title:chess",
            "-chess",
            "NOT chess",
        ),
        *("chess AND", "NEAR(chess set)", "NEAR", "chess OR set", "{title}:chess", "a + b", ";--"),
        *("\x00", "che\x00ss", "\\", "%", ",", "\U0001f600", "ﬁ", "\u0301", "\uff11\uff12", "चेस"),
    ],
)
async def test_nothing_that_a_person_writes_means_anything_to_the_database(shelf, words):
    finds = await shelf.search(words, limit=10, after=None)

    assert len(finds.finds) <= 5


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_can_be_searched_for(catalog_of_forty, words):
    run, store, _ = catalog_of_forty

    finds = run(store.search(words, limit=5, after=None))

    assert len(finds.finds) <= 5


async def test_a_search_follows_every_change(shelf):
    await shelf.change(
        "products/title", lambda found: found.change(draft(title="Go board"), ["title"], now=NOW)
    )
    await shelf.change("products/tag", deleted)
    await shelf.take([draft("SKU-none", title="Chess chair")], NOW)

    assert set(await found_by(shelf, "chess")) == {"text", "none"}
    assert await found_by(shelf, "go board") == ["title"]
    assert await found_by(shelf, "garden") == []


async def test_pages_of_a_search_show_everything_once_in_order(store):
    await fill(
        store, [product(f"p{n:02}", title="Chess " + "and more " * (n % 7)) for n in range(30)]
    )
    whole = await found_by(store, "chess")

    paged, place = [], None
    for _ in range(30):
        finds = await store.search("chess", limit=4, after=place)
        paged += [each.product.name.removeprefix("products/") for each in finds.finds]
        place = finds.next
        if place is None:
            break

    assert paged == whole
    assert len(whole) == 30


# Import


async def test_lines_create_change_and_leave_products_as_they_are(store):
    await fill(store, [product("p1", sku="one"), product("p2", sku="two")])

    outcomes = await store.take(
        [
            draft("new"),
            draft("one", title="Changed"),
            draft("two"),
            draft("named", name="products/chosen"),
            draft("bad", title=""),
        ],
        NOW + minutes(1),
    )

    assert [type(each) for each in outcomes] == [Created, Updated, Unchanged, Created, Refused]
    assert (await store.get("products/new1")).sku == "new"
    assert (await store.get("products/p1")).title == "Changed"
    assert (await store.get("products/p2")) == product("p2", sku="two")
    assert (await store.get("products/chosen")).create_time == NOW + minutes(1)
    assert await names(store) == ["chosen", "new1", "p1", "p2"]


async def test_importing_the_same_lines_again_changes_nothing(store):
    lines = [draft(f"s{n}", tags=("a", "b")) for n in range(5)]
    await store.take(lines, NOW)
    before = await store.page(query())

    outcomes = await store.take(lines, NOW + minutes(1))

    assert {type(each) for each in outcomes} == {Unchanged}
    assert await store.page(query()) == before


async def test_lines_about_the_same_product_take_effect_in_their_order(store):
    outcomes = await store.take(
        [draft("s", title="A"), draft("s", title="B"), draft("s", title="B")], NOW
    )

    assert [type(each) for each in outcomes] == [Created, Updated, Unchanged]
    assert (await store.get("products/new1")).title == "B"
    assert (await store.get("products/new1")).revision == 2


async def test_a_line_may_take_the_sku_that_a_line_before_has_given_up(store):
    await fill(store, [product("p1", sku="one"), product("p2", sku="two")])

    outcomes = await store.take(
        [
            draft("spare", name="products/p1"),
            draft("one", name="products/p2"),
            draft("two", name="products/p1"),
            draft("spare"),
        ],
        NOW,
    )

    assert [type(each) for each in outcomes] == [Updated, Updated, Updated, Created]
    assert [each.sku for each in await store.get_all(["products/p1", "products/p2"])] == [
        "two",
        "one",
    ]


async def test_each_reason_to_refuse_a_line_is_told_and_the_others_are_taken(store):
    await fill(
        store, [product("p1", sku="one"), product("p2", sku="two"), product("p3", sku="gone")]
    )
    await store.change("products/p3", deleted)

    outcomes = await store.take(
        [
            draft("one", name="products/p2"),
            draft("x", name="products/p3"),
            draft("two", title="Go", etag="stale"),
            draft("y", price=None),
            draft("two", title="Go"),
        ],
        NOW,
    )

    assert [getattr(each, "reason", "") for each in outcomes] == [
        "SKU_TAKEN",
        "PRODUCT_NOT_FOUND",
        "ETAG_MISMATCH",
        "INVALID_PRODUCT",
        "",
    ]
    assert (await store.get("products/p2")).title == "Go"
    assert (await store.get("products/p1")) == product("p1", sku="one")


async def test_no_lines_are_no_import(store):
    assert await store.take([], NOW) == []


async def test_imports_at_the_same_time_do_not_meet_halfway(store):
    """Each line's sku is everybody's: one creates it, the others find it."""
    lines = [draft(f"s{n}") for n in range(50)]

    done = await asyncio.gather(*(store.take(lines, NOW) for _ in range(4)))

    kinds = [type(each) for outcomes in done for each in outcomes]
    assert kinds.count(Created) == 50
    assert kinds.count(Unchanged) == 150


# Export


async def exported(store, wanted="", **other):
    async with aclosing(
        store.export(parse_filter(wanted), **{"show_deleted": False} | other)
    ) as products:
        return [each async for each in products]


async def test_an_export_has_every_product_by_name(store):
    there = [product(f"p{n:03}") for n in range(600)]
    await store.take([draft(each.sku, name=each.name) for each in reversed(there)], NOW)

    assert await exported(store) == there


async def test_an_export_leaves_out_what_is_not_asked_for(store):
    await fill(
        store, [product("p1", category="games"), product("p2"), product("p3", category="games")]
    )
    await store.change("products/p3", deleted)

    assert [each.name for each in await exported(store, "category = games")] == ["products/p1"]
    both = await exported(store, "category = games", show_deleted=True)
    assert [each.name for each in both] == ["products/p1", "products/p3"]


async def test_an_export_is_of_one_moment_and_holds_up_no_writer(store):
    await store.take([draft(f"s{n:03}", name=f"products/p{n:03}") for n in range(600)], NOW)

    seen = []
    async with aclosing(store.export(None, show_deleted=False)) as products:
        async for each in products:
            seen.append(each.title)
            if len(seen) == 1:
                await store.take(
                    [draft(f"s{n:03}", name=f"products/p{n:03}", title="Go") for n in range(600)],
                    NOW,
                )
                await store.change("products/p500", deleted)

    assert seen == ["Chess"] * 600


async def test_a_third_export_waits_until_one_of_two_has_ended(store):
    await fill(store, [product("p1")])

    async with aclosing(store.export(None, show_deleted=False)) as first:
        await anext(first)
        async with aclosing(store.export(None, show_deleted=False)) as second:
            await anext(second)
            third = asyncio.create_task(exported(store))
            assert await store.get("products/p1")
            assert not third.done()

    assert len(await third) == 1


async def test_an_export_is_refused_where_others_do_not_end_and_has_its_turn_when_they_do(database):
    store = SqlStore(database, new_id=Ids(), patience=0.02)
    await fill(store, [product("p1")])

    async with aclosing(store.export(None, show_deleted=False)) as first:
        await anext(first)
        async with aclosing(store.export(None, show_deleted=False)) as second:
            await anext(second)
            for _ in range(3):
                with pytest.raises(DatabaseBusy, match="2 other exports") as refused:
                    await exported(store)
                assert refused.value.retry_after == 5.0
        assert len(await exported(store)) == 1

    assert len(await exported(store)) == 1


# The schema


async def test_the_table_has_the_columns_that_the_store_knows(database):
    known = {column.name for column in PRODUCTS.c}
    if database.system is System.SQLITE:
        columns, own = text("SELECT name FROM pragma_table_info('products')"), {"number"}
    else:
        columns = text(
            "SELECT attname AS name FROM pg_attribute WHERE attnum > 0"
            " AND attrelid = CAST('products' AS regclass)"
        )
        own = {"number", "words"}

    async with database.snapshot() as tx:
        found = {row.name for row in await tx.execute(columns)}

    assert found == known | own


def test_no_field_of_a_product_is_forgotten_by_the_store():
    """Each has a column or is made of others."""
    made_of_others = {"picture"}
    known = {column.name for column in PRODUCTS.c} | made_of_others

    assert {field.name for field in fields(Product)} <= known
