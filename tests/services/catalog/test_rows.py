from dataclasses import replace
from types import SimpleNamespace

import pytest

from services.catalog.pictures import picture_of
from services.catalog.rows import PRODUCTS, product_of, values_of
from tests.services.catalog.goods import NOW, minutes, product

PICTURE = picture_of("products/p1", content_type="image/gif", data=b"GIF89a", now=NOW + minutes(1))


@pytest.mark.parametrize(
    "kept",
    [
        product(),
        product(tags=("one",)),
        product(tags=("one", "two"), category="games", description="x"),
        replace(product(), picture=PICTURE, revision=7),
        replace(product(), delete_time=NOW + minutes(2), update_time=NOW + minutes(2)),
    ],
)
def test_a_product_comes_back_from_its_row_as_it_was(kept):
    assert product_of(SimpleNamespace(**values_of(kept))) == kept


def test_a_product_fills_every_column_of_its_row():
    assert set(values_of(product())) == {column.name for column in PRODUCTS.c}
