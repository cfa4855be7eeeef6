"""Messages and what they mean are the same thing twice."""

from datetime import UTC, timedelta

import protovalidate
import pytest
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.money import InvalidMoney, Money
from plait.wire import money_from, time_to
from services.catalog.domain import IGNORED, SETTABLE, Picture, Product
from services.catalog.draft import Draft, NotMoney
from services.catalog.imports import Refused, Report
from services.catalog.wire import (
    draft_from,
    picture_to,
    product_to,
    report_to,
)
from shop.catalog.v1 import catalog_pb2 as pb
from tests.services.catalog.goods import NOW, draft, product

QUICK = settings(deadline=None, max_examples=50)

slugs = st.text("abc-09", min_size=1, max_size=8).map(lambda text: f"a{text}z".replace("--", "-"))
slugs = slugs.filter(lambda slug: "--" not in slug)
lines = st.text("aZ äλ漢😀", max_size=10).map(lambda text: f"{text}!")
times = st.integers(0, 10**17).map(lambda number: NOW + timedelta(microseconds=number))
pictures = st.builds(
    Picture,
    name=slugs.map(lambda slug: f"products/{slug}/picture"),
    content_type=st.sampled_from(["image/png", "image/webp"]),
    size_bytes=st.integers(0, 2**31),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    update_time=times,
)
products = st.builds(
    Product,
    name=slugs.map(lambda slug: f"products/{slug}"),
    sku=slugs,
    title=lines,
    description=st.text(max_size=30),
    price=st.builds(Money.of, st.integers(0, 10**9), st.integers(0, 999_999_999), st.just("EUR")),
    category=st.just("") | slugs,
    tags=st.lists(slugs, unique=True, max_size=5).map(tuple),
    picture=st.none() | pictures,
    create_time=times,
    update_time=times,
    delete_time=st.none() | times,
    revision=st.integers(1, 2**31),
)


@QUICK
@given(there=products)
def test_a_product_that_is_sent_back_says_what_an_admin_would_say_to_make_it(there):
    message = pb.Product.FromString(product_to(there).SerializeToString())

    assert draft_from(message) == there.draft


@QUICK
@given(there=products)
def test_every_product_that_can_be_is_a_valid_message(there):
    assert protovalidate.collect_violations(product_to(there)) == []


@QUICK
@given(there=products)
def test_what_only_the_shop_sets_is_in_the_message(there):
    message = product_to(there)

    assert message.name == there.name
    assert message.etag == there.etag
    assert message.HasField("picture") == (there.picture is not None)
    assert message.HasField("delete_time") == there.deleted
    for field in ("create_time", "update_time"):
        assert getattr(message, field).ToDatetime(tzinfo=UTC) == getattr(there, field)


def test_every_field_of_the_contract_is_known_to_the_domain():
    assert {field.name for field in pb.Product.DESCRIPTOR.fields} == {*SETTABLE, *IGNORED}


def test_an_empty_message_says_nothing():
    assert draft_from(pb.Product()) == Draft()


def test_what_only_the_shop_sets_is_ignored_in_what_is_sent():
    message = product_to(product())
    message.picture.content_type = "image/png"
    message.create_time.seconds = message.delete_time.seconds = 1

    assert draft_from(message) == product().draft


@QUICK
@given(picture=pictures)
def test_a_picture_is_told_with_all_that_is_known(picture):
    message = picture_to(picture)

    assert message == pb.Picture(
        name=picture.name,
        content_type=picture.content_type,
        size_bytes=picture.size_bytes,
        sha256=picture.sha256,
        update_time=time_to(picture.update_time),
    )


@pytest.mark.parametrize(
    "message",
    [
        MoneyMessage(),
        MoneyMessage(currency_code="euro", units=1),
        MoneyMessage(currency_code="EUR", units=1, nanos=-1),
        MoneyMessage(currency_code="EUR", nanos=10**9),
        MoneyMessage(currency_code="EUR", units=-(2**63)),
    ],
)
def test_a_price_that_is_no_amount_is_handed_on_to_be_judged_with_its_product(message):
    with pytest.raises(InvalidMoney) as refused:
        money_from(message)

    assert draft_from(pb.Product(price=message)).price == NotMoney(why=refused.value.message)


def test_a_price_of_nothing_is_a_price():
    message = pb.Product(price=MoneyMessage(currency_code="EUR"))

    assert draft_from(message).price == Money.zero("EUR")


def test_a_report_is_told_with_its_refusals():
    report = Report(created=1, updated=2, unchanged=3).after(
        draft("B"), Refused(reason="SKU_TAKEN", message="taken", field="sku")
    )

    message = report_to(report)

    assert protovalidate.collect_violations(message) == []
    assert message == pb.ImportProductsResponse(
        created_count=1,
        updated_count=2,
        unchanged_count=3,
        refused_count=1,
        refusals=[
            pb.ImportProductsResponse.Refusal(
                line=7, product="B", reason="SKU_TAKEN", message="taken", field="sku"
            )
        ],
    )


def test_the_longest_report_is_a_valid_message():
    report = Report()
    for _ in range(101):
        refused = Refused(reason="INVALID_PRODUCT", message="x" * 1000, field="f" * 200)
        report = report.after(draft("A" * 200), refused)

    assert protovalidate.collect_violations(report_to(report)) == []
    assert report_to(report).refused_count == 101
