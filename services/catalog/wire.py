"""protobuf <-> domain: the catalog's messages, translated and not judged."""

from google.type.money_pb2 import Money as MoneyMessage

from plait.money import InvalidMoney, Money
from plait.wire import money_from, money_to, time_to
from services.catalog.domain import Picture, Product
from services.catalog.draft import Draft, NotMoney
from services.catalog.imports import Refusal, Report
from shop.catalog.v1 import catalog_pb2 as pb


def draft_from(message: pb.Product) -> Draft:
    """Return what an admin says of a product; what only the shop sets is left out."""
    return Draft(
        name=message.name,
        sku=message.sku,
        title=message.title,
        description=message.description,
        price=_price_from(message.price) if message.HasField("price") else None,
        category=message.category,
        tags=tuple(message.tags),
        etag=message.etag,
    )


def product_to(product: Product) -> pb.Product:
    return pb.Product(
        name=product.name,
        sku=product.sku,
        title=product.title,
        description=product.description,
        price=money_to(product.price),
        category=product.category,
        tags=product.tags,
        picture=picture_to(product.picture) if product.picture else None,
        create_time=time_to(product.create_time),
        update_time=time_to(product.update_time),
        delete_time=time_to(product.delete_time) if product.delete_time else None,
        etag=product.etag,
    )


def picture_to(picture: Picture) -> pb.Picture:
    return pb.Picture(
        name=picture.name,
        content_type=picture.content_type,
        size_bytes=picture.size_bytes,
        sha256=picture.sha256,
        update_time=time_to(picture.update_time),
    )


def report_to(report: Report) -> pb.ImportProductsResponse:
    return pb.ImportProductsResponse(
        created_count=report.created,
        updated_count=report.updated,
        unchanged_count=report.unchanged,
        refused_count=report.refused,
        refusals=map(_refusal_to, report.refusals),
    )


def _price_from(message: MoneyMessage) -> Money | NotMoney:
    try:
        return money_from(message)
    except InvalidMoney as error:  # a line of an import is judged as a whole, and not here
        return NotMoney(why=error.message)


def _refusal_to(refusal: Refusal) -> pb.ImportProductsResponse.Refusal:
    return pb.ImportProductsResponse.Refusal(
        line=refusal.line,
        product=refusal.product,
        reason=refusal.reason,
        message=refusal.message,
        field=refusal.field,
    )
