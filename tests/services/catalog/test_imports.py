"""What becomes of the lines of an import."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import InvalidArgument, Violation
from plait.money import Money
from services.catalog.draft import Draft, NotMoney
from services.catalog.imports import (
    MOST_REFUSALS,
    Created,
    Refused,
    Report,
    Shelf,
    Unchanged,
    Updated,
    decide,
)
from tests.services.catalog.goods import NOW, Ids, draft, minutes, product

LATER = NOW + minutes(5)


def judge(line, *, named=None, same_sku=None):
    return decide(line, named=named, same_sku=same_sku, new_id=Ids(), now=LATER)


def test_a_line_without_a_name_and_with_a_new_sku_creates_a_product_under_a_new_name():
    outcome = judge(draft())

    assert outcome == Created(product=product("new1", sku="CHESS-1", now=LATER))


def test_a_line_with_a_new_name_creates_the_product_under_it():
    outcome = judge(draft(name="products/chess", etag="of another catalog"))

    assert isinstance(outcome, Created)
    assert outcome.product.name == "products/chess"


def test_a_line_without_a_name_replaces_the_product_with_its_sku():
    there = product(description="Of wood.", category="books", tags=("new",))

    outcome = judge(draft(there.sku, title="Go"), same_sku=there)

    assert isinstance(outcome, Updated)
    assert outcome.product == replace(
        there, title="Go", description="", category="", tags=(), update_time=LATER, revision=2
    )


def test_a_line_with_a_name_replaces_that_product_and_may_change_its_sku():
    there = product()

    outcome = judge(draft("NEW", name=there.name), named=there)

    assert isinstance(outcome, Updated)
    assert (outcome.product.name, outcome.product.sku) == (there.name, "NEW")


def test_what_was_exported_and_is_read_back_is_unchanged():
    there = product(description="Of wood.", tags=("new",))

    assert judge(there.draft, named=there, same_sku=there) == Unchanged(product=there)


def test_a_stale_etag_does_no_harm_if_the_product_is_as_the_line_says():
    there = product()

    outcome = judge(replace(there.draft, etag="behind"), named=there, same_sku=there)

    assert outcome == Unchanged(product=there)


def test_a_line_with_a_stale_etag_that_would_change_the_product_is_refused():
    there = product()

    outcome = judge(replace(there.draft, title="Go", etag="behind"), named=there, same_sku=there)

    assert isinstance(outcome, Refused)
    assert outcome.reason == "ETAG_MISMATCH"


def test_a_line_with_the_right_etag_changes_the_product():
    there = product()

    outcome = judge(replace(there.draft, title="Go"), named=there, same_sku=there)

    assert isinstance(outcome, Updated)


@pytest.mark.parametrize("named", [None, product()], ids=["to create", "to replace"])
def test_a_named_line_with_the_sku_of_another_product_is_refused(named):
    other = product("p2")

    outcome = judge(draft(other.sku, name="products/p1"), named=named, same_sku=other)

    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.field) == ("SKU_TAKEN", "")


def test_a_line_for_a_deleted_product_is_refused():
    gone = product().delete(now=NOW)

    outcome = judge(gone.draft, named=gone)

    assert isinstance(outcome, Refused)
    assert outcome.reason == "PRODUCT_NOT_FOUND"


def test_a_line_that_breaks_one_rule_is_refused_with_the_field():
    outcome = judge(draft(price=NotMoney(why="has no currency")))

    assert outcome == Refused(
        reason="INVALID_PRODUCT", message="price has no currency", field="price"
    )


def test_a_line_that_breaks_several_rules_is_refused_without_naming_one_field():
    outcome = judge(Draft())

    assert isinstance(outcome, Refused)
    assert outcome.field == ""
    assert outcome.message == "sku must be given; title must be given; price must be given"


@pytest.mark.parametrize(("length", "shown"), [(999, 999), (1000, 1000), (1001, 1000)])
def test_what_a_refusal_says_fits_into_the_report(length, shown):
    error = InvalidArgument(
        "x" * length, violations=[Violation(field="f" * length, description="")]
    )

    refused = Refused.because(error)

    assert len(refused.message) == shown
    assert len(refused.field) == 200


# The shelf


def test_lines_take_effect_in_their_order():
    first, second = product("p1"), product("p2")
    shelf, ids = Shelf([first, second]), Ids()
    lines = [
        draft("FREED", name=first.name),
        draft(first.sku, name=second.name),
        draft("NEW"),
        draft("NEW"),
        draft("NEW", title="Go"),
        draft("NEW", name="products/p1"),
    ]

    outcomes = [shelf.take(line, new_id=ids, now=LATER) for line in lines]

    assert [type(outcome) for outcome in outcomes] == [
        *(Updated, Updated, Created, Unchanged, Updated, Refused)
    ]


def test_the_sku_of_a_deleted_product_is_free():
    gone = product(sku="A").delete(now=NOW)

    outcome = Shelf([gone]).take(draft("A"), new_id=Ids(), now=LATER)

    assert isinstance(outcome, Created)


SKUS = ["A", "B", "C", "not a sku"]


def lines():
    return st.builds(
        draft,
        sku=st.sampled_from(SKUS),
        name=st.sampled_from(["", "products/p1", "products/p2", "products/p3"]),
        title=st.sampled_from(["Chess", "Go"]),
        price=st.sampled_from([Money.of(1, 0, "EUR"), NotMoney(why="is none")]),
        etag=st.sampled_from(["", "", "behind"]),
    )


@settings(deadline=None)
@given(batch=st.lists(lines(), max_size=12))
def test_an_import_never_gives_two_products_one_sku_or_one_name(batch):
    there = {"products/p1": product("p1", sku="A"), "products/p2": product("p2", sku="B")}
    there["products/p2"] = there["products/p2"].delete(now=NOW)
    shelf, ids = Shelf(there.values()), Ids()

    for line in batch:
        outcome = shelf.take(line, new_id=ids, now=LATER)
        if isinstance(outcome, Created):
            assert outcome.product.name not in there
        if isinstance(outcome, Created | Updated):
            there[outcome.product.name] = outcome.product
        on_sale = [each.sku for each in there.values() if not each.deleted]
        assert len(on_sale) == len(set(on_sale))


@settings(deadline=None)
@given(batch=st.lists(lines(), max_size=12))
def test_an_import_that_is_repeated_as_a_whole_creates_nothing(batch):
    shelf, ids = Shelf([]), Ids()
    report = Report()
    for line in batch:
        report = report.after(line, shelf.take(line, new_id=ids, now=LATER))

    again = [shelf.take(line, new_id=ids, now=LATER) for line in batch]

    assert report.lines == len(batch)
    assert not [outcome for outcome in again if isinstance(outcome, Created)]


# The report


def test_the_report_counts_what_became_of_the_lines():
    report = Report()

    for outcome, times in (
        (Created(product=product()), 1),
        (Updated(product=product()), 2),
        (Unchanged(product=product()), 3),
        (Refused(reason="SKU_TAKEN", message="taken"), 4),
    ):
        for _ in range(times):
            report = report.after(draft(), outcome)

    assert (report.created, report.updated, report.unchanged, report.refused) == (1, 2, 3, 4)
    assert report.lines == 10


def test_a_refusal_says_which_line_and_which_product():
    refused = Refused(reason="SKU_TAKEN", message="taken", field="sku")

    report = Report().after(draft(), Created(product=product())).after(draft("B"), refused)

    (refusal,) = report.refusals
    assert (refusal.line, refusal.product) == (2, "B")
    assert (refusal.reason, refusal.message, refusal.field) == ("SKU_TAKEN", "taken", "sku")


@pytest.mark.parametrize("count", [MOST_REFUSALS - 1, MOST_REFUSALS, MOST_REFUSALS + 1])
def test_the_report_names_the_first_hundred_refusals_and_counts_them_all(count):
    report = Report()

    for _ in range(count):
        report = report.after(draft(), Refused(reason="SKU_TAKEN", message="taken"))

    assert report.refused == count
    assert [refusal.line for refusal in report.refusals] == list(range(1, min(count, 100) + 1))
