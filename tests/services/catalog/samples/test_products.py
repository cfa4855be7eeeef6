"""The sample products are products, and their pictures are pictures."""

from collections import Counter

import pytest

from plait.money import Money
from plait.wire import money_from
from services.catalog.draft import check
from services.catalog.pictures import content_type_of
from services.catalog.samples import living, open_air, playing, reading
from services.catalog.samples.products import assortment, samples
from services.catalog.wire import draft_from


@pytest.fixture(scope="module")
def made_by_hand():
    return list(assortment(1000))


def test_sixty_products_are_made_by_hand_in_eight_categories(made_by_hand):
    categories = Counter(drawn.product.category for drawn in made_by_hand)

    assert len(made_by_hand) == 60
    assert len(categories) == 8
    assert min(categories.values()) >= 7


def test_every_sample_obeys_the_rules_for_products():
    for product in samples(1000):
        check(draft_from(product))


@pytest.mark.parametrize("field", ["name", "sku", "title"])
def test_no_two_samples_share_what_tells_products_apart(field):
    values = Counter(getattr(product, field) for product in samples(5000))

    assert values.most_common(1)[0][1] == 1
    assert len(values) == 5000


def test_samples_cost_something_in_whole_cents():
    for product in samples(1000):
        price = money_from(product.price)
        assert Money.of(1, 0, "EUR") <= price <= Money.of(500, 0, "EUR")
        assert price == price.rounded()


def test_prices_and_categories_of_generated_products_are_spread(made_by_hand):
    generated = list(samples(1060))[60:]

    assert len({product.price.units for product in generated}) > 150
    assert len({product.category for product in generated}) == 5


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 200])
def test_a_smaller_number_of_samples_is_the_beginning_of_a_larger_one(count):
    few = list(samples(count))

    assert len(few) == count
    assert few == list(samples(300))[:count]


def test_only_as_much_of_the_assortment_is_drawn_as_is_asked_for():
    assert [len(list(assortment(most))) for most in (0, 1, 59, 60, 61)] == [0, 1, 59, 60, 60]


def test_every_picture_is_a_small_png_of_its_own(made_by_hand):
    pictures = [drawn.draw().png() for drawn in made_by_hand]

    assert {content_type_of(picture) for picture in pictures} == {"image/png"}
    assert len(set(pictures)) == 60
    assert max(map(len, pictures)) < 16 * 1024


def test_a_picture_is_the_same_whenever_it_is_drawn(made_by_hand):
    first = made_by_hand[0]

    assert first.draw().png() == first.draw().png()


def test_every_drawing_is_used_by_a_product(made_by_hand):
    drawings = {
        drawing
        for room in (reading, playing, living, open_air)
        for name, drawing in vars(room).items()
        if getattr(drawing, "__module__", "") == room.__name__ and not name.startswith("_")
    }

    assert {drawn.draw.func for drawn in made_by_hand} == drawings
