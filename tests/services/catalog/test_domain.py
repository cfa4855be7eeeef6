"""A product, from its creation to its deletion."""

from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import Code
from plait.money import Money
from services.catalog.domain import (
    DEFAULT_PAGE,
    IGNORED,
    LARGEST_PAGE,
    SETTABLE,
    EtagMismatch,
    InvalidUpdateMask,
    Picture,
    PictureNotFound,
    ProductExists,
    ProductNotFound,
    SkuTaken,
    create,
    deletion,
    page_size,
    picture_name,
    product_of,
)
from services.catalog.draft import Draft, InvalidProduct
from tests.services.catalog.goods import NOW, draft, minutes, product

LATER = NOW + minutes(5)


def picture(**other):
    usual = Picture(
        name="products/p1/picture",
        content_type="image/png",
        size_bytes=3,
        sha256="ab" * 32,
        update_time=NOW,
    )
    return replace(usual, **other)


def drafts():
    return st.builds(
        Draft,
        sku=st.sampled_from(["", "A-1", "B-2"]),
        title=st.sampled_from(["", "Chess", "Go"]),
        description=st.sampled_from(["", "Of wood."]),
        price=st.none() | st.integers(0, 3).map(lambda units: Money.of(units, 0, "EUR")),
        category=st.sampled_from(["", "books"]),
        tags=st.sampled_from([(), ("new",), ("new", "wood")]),
    )


def masks():
    return st.lists(st.sampled_from([*SETTABLE, *IGNORED]), max_size=5)


# Creation


def test_a_new_product_is_what_the_draft_says_under_the_name_of_its_id():
    said = draft(description="Of wood.", category="board-games", tags=("new", "wood"))

    made = create(said, product_id="chess", now=NOW)

    assert made.name == "products/chess"
    assert {f: getattr(made, f) for f in SETTABLE} == {f: getattr(said, f) for f in SETTABLE}
    assert (made.create_time, made.update_time, made.delete_time) == (NOW, NOW, None)
    assert made.picture is None


def test_a_draft_that_names_another_product_and_an_etag_creates_nonetheless():
    made = create(draft(name="not a name", etag="x" * 1000), product_id="chess", now=NOW)

    assert made.name == "products/chess"


@pytest.mark.parametrize("missing", ["sku", "title", "price"])
def test_a_product_without_what_it_must_have_is_not_created(missing):
    empty = None if missing == "price" else ""

    with pytest.raises(InvalidProduct, match=f"^{missing} must be given$") as refused:
        create(draft(**{missing: empty}), product_id="p1", now=NOW)

    assert [violation.field for violation in refused.value.violations] == [missing]


def test_a_product_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        product().title = "Go"


# Change


def test_an_update_changes_what_the_mask_names_and_nothing_else():
    before = product(description="Of wood.", tags=("new",))

    after = before.change(draft("OTHER", title="Go", tags=("old",)), ["title"], now=LATER)

    assert after == replace(before, title="Go", update_time=LATER, revision=2)


def test_a_field_that_the_mask_names_and_that_is_empty_is_cleared():
    before = product(description="Of wood.", category="books", tags=("new",))

    after = before.change(Draft(), ["description", "category", "tags"], now=LATER)

    assert (after.description, after.category, after.tags) == ("", "", ())


@pytest.mark.parametrize("required", ["sku", "title", "price"])
def test_what_a_product_must_have_cannot_be_cleared(required):
    with pytest.raises(InvalidProduct, match=f"^{required} must be given"):
        product().change(Draft(), [required], now=LATER)


def test_a_mask_with_a_star_replaces_all_that_an_admin_sets():
    before = product(description="Of wood.", tags=("new",)).with_picture(picture(), now=NOW)

    after = before.change(draft("NEW", title="Go"), ["*", "title"], now=LATER)

    assert after.draft == replace(draft("NEW", title="Go"), name=before.name, etag=after.etag)
    assert after.picture == before.picture


def test_without_a_mask_what_is_set_is_changed():
    before = product(description="Of wood.", category="books", tags=("new",))

    after = before.change(Draft(title="Go", price=Money.of(0, 0, "EUR")), now=LATER)

    assert after == replace(
        before, title="Go", price=Money.of(0, 0, "EUR"), update_time=LATER, revision=2
    )


@pytest.mark.parametrize("path", IGNORED)
def test_what_only_the_shop_sets_may_be_named_and_is_ignored(path):
    before = product()

    assert before.change(draft("OTHER", name="products/other"), [path], now=LATER) is before


@pytest.mark.parametrize("path", ["colour", "price.units", "", "Title", "tags[0]", "revision"])
def test_a_path_that_is_no_field_of_a_product_is_refused_by_name(path):
    with pytest.raises(InvalidUpdateMask) as refused:
        product().change(draft(), ["title", path], now=LATER)

    assert repr(path) in refused.value.message
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert refused.value.violations[0].field == "update_mask"


def test_an_update_must_obey_the_rules_for_fields():
    with pytest.raises(InvalidProduct, match="category must be lower-case words"):
        product().change(Draft(category="Board Games"), now=LATER)


def test_an_update_with_the_etag_of_the_product_goes_through():
    before = product()

    after = before.change(draft(title="Go", etag=before.etag), ["title"], now=LATER)

    assert after.title == "Go"


def test_an_update_with_the_etag_of_an_older_revision_is_aborted():
    old = product()
    now_there = old.change(Draft(title="Go"), now=LATER)

    with pytest.raises(EtagMismatch, match="was changed since") as aborted:
        now_there.change(Draft(title="Hex", etag=old.etag), now=LATER)

    assert (aborted.value.code, aborted.value.reason) == (Code.ABORTED, "ETAG_MISMATCH")
    assert aborted.value.resource == "products/p1"


def test_an_etag_that_is_behind_is_refused_even_if_nothing_would_change():
    with pytest.raises(EtagMismatch):
        product().change(Draft(etag="behind"), now=LATER)


@settings(deadline=None)
@given(said=drafts(), mask=masks())
def test_the_same_update_again_changes_nothing(said, mask):
    try:
        once = product().change(said, mask, now=LATER)
    except InvalidProduct:
        return

    assert once.change(said, mask, now=LATER + minutes(1)) is once


@settings(deadline=None)
@given(said=drafts(), mask=masks())
def test_the_etag_changes_with_every_change_and_only_then(said, mask):
    before = product()
    try:
        after = before.change(said, mask, now=NOW)
    except InvalidProduct:
        return

    assert (after.etag == before.etag) == (after is before)
    assert after.revision == before.revision + (after is not before)


def test_a_change_there_and_back_does_not_bring_the_etag_back():
    before = product()

    back = before.change(Draft(title="Go"), now=NOW).change(Draft(title="Chess"), now=NOW)

    assert back.draft == replace(before.draft, etag=back.etag)
    assert back.etag != before.etag


def test_the_etag_of_a_revision_is_always_the_same_and_differs_between_products_and_times():
    assert product().etag == product().etag
    assert product("p2").etag != product().etag
    assert product(now=NOW + timedelta(microseconds=1)).etag != product().etag
    assert 0 < len(product().etag) <= 64


# Pictures


def test_a_picture_changes_the_product_and_its_etag():
    before = product()

    after = before.with_picture(picture(), now=LATER)

    assert after == replace(before, picture=picture(), update_time=LATER, revision=2)
    assert after.etag != before.etag


def test_the_same_picture_again_changes_nothing():
    before = product().with_picture(picture(), now=NOW)

    assert before.with_picture(picture(update_time=LATER), now=LATER) is before


@pytest.mark.parametrize(
    "other", [{"sha256": "cd" * 32}, {"content_type": "image/gif"}, {"size_bytes": 4}]
)
def test_another_picture_replaces_the_one_before(other):
    before = product().with_picture(picture(), now=NOW)

    after = before.with_picture(picture(update_time=LATER, **other), now=LATER)

    assert after.picture == picture(update_time=LATER, **other)
    assert after.revision == before.revision + 1


def test_a_picture_is_named_after_its_product():
    assert picture_name("products/p1") == "products/p1/picture"
    assert product_of("products/p1/picture") == "products/p1"


# Deletion


def test_a_deleted_product_keeps_everything_and_says_when_it_was_deleted():
    before = product()

    after = before.delete(now=LATER)

    assert after == replace(before, delete_time=LATER, update_time=LATER, revision=2)
    assert (before.deleted, after.deleted) == (False, True)
    assert after.etag != before.etag


@pytest.mark.parametrize(
    "act",
    [
        lambda gone: gone.change(Draft(title="Go"), now=LATER),
        lambda gone: gone.with_picture(picture(), now=LATER),
        lambda gone: gone.delete(now=LATER),
    ],
    ids=["change", "picture", "delete"],
)
def test_a_deleted_product_can_no_longer_be_changed(act):
    with pytest.raises(ProductNotFound, match="products/p1 is deleted") as refused:
        act(product().delete(now=NOW))

    assert refused.value.reason == "PRODUCT_NOT_FOUND"


def test_what_is_there_is_deleted():
    assert deletion(product(), name="products/p1", now=LATER) == product().delete(now=LATER)


@pytest.mark.parametrize("found", [None, product().delete(now=NOW)], ids=["none", "deleted"])
def test_what_is_not_there_cannot_be_deleted_unless_that_is_allowed(found):
    with pytest.raises(ProductNotFound, match="products/p1"):
        deletion(found, name="products/p1", now=LATER)

    assert deletion(found, name="products/p1", etag="x", allow_missing=True, now=LATER) is None


def test_a_deletion_with_the_right_etag_goes_through_and_with_another_it_does_not():
    there = product()

    gone = deletion(there, name=there.name, etag=there.etag, now=LATER)

    assert gone is not None
    assert gone.deleted
    with pytest.raises(EtagMismatch):
        deletion(there, name=there.name, etag="behind", allow_missing=True, now=LATER)


# Pages and errors


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (0, DEFAULT_PAGE),
        (1, 1),
        (LARGEST_PAGE - 1, LARGEST_PAGE - 1),
        (LARGEST_PAGE, LARGEST_PAGE),
        (LARGEST_PAGE + 1, LARGEST_PAGE),
    ],
)
def test_a_page_has_fifty_products_unless_asked_and_never_more_than_a_thousand(asked, given):
    assert (DEFAULT_PAGE, LARGEST_PAGE) == (50, 1000)
    assert page_size(asked) == given


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ProductNotFound.named("products/p1"), Code.NOT_FOUND, "PRODUCT_NOT_FOUND"),
        (PictureNotFound.named("products/p1/picture"), Code.NOT_FOUND, "PICTURE_NOT_FOUND"),
        (ProductExists.named("products/p1"), Code.ALREADY_EXISTS, "PRODUCT_EXISTS"),
        (SkuTaken.by_another("A-1"), Code.ALREADY_EXISTS, "SKU_TAKEN"),
        (EtagMismatch.of(product(), "x"), Code.ABORTED, "ETAG_MISMATCH"),
    ],
)
def test_an_error_has_the_code_and_the_reason_that_the_contract_names(error, code, reason):
    assert (error.code, error.reason) == (code, reason)
