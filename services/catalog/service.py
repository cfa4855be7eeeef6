"""One method per RPC of the catalog: from the wire to the domain and the store, and back."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty

from plait.clock import Clock
from plait.data.order import types_of
from plait.data.pagination import page_token, position, query_of
from plait.idempotency import claim_of
from plait.ids import NewId
from services.catalog import wire
from services.catalog.domain import (
    Product,
    ProductNotFound,
    create,
    deletion,
    page_size,
    product_of,
)
from services.catalog.draft import Draft
from services.catalog.filter import parse_filter
from services.catalog.imports import Report
from services.catalog.order import FIELDS, parse_order
from services.catalog.pictures import picture_of
from services.catalog.store import Query, Store
from shop.catalog.v1 import catalog_pb2 as pb
from shop.catalog.v1 import catalog_pb2_grpc

_GROUP_LINES = 200  # of an import, written in one transaction
_GROUP_BYTES = 1024 * 1024


class CatalogService(catalog_pb2_grpc.CatalogServiceServicer):
    """The contract's servicer; what may fail and how is written there."""

    def __init__(self, store: Store, *, clock: Clock, new_id: NewId) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id

    async def CreateProduct(self, request: pb.CreateProductRequest, context: object) -> pb.Product:
        product = create(
            wire.draft_from(request.product),
            product_id=request.product_id or self._new_id(),
            now=self._clock.now(),
        )
        answer = wire.product_to(product)
        first = await self._store.add(product, claim_of(request), answer.SerializeToString())
        return answer if first is None else pb.Product.FromString(first)

    async def GetProduct(self, request: pb.GetProductRequest, context: object) -> pb.Product:
        return wire.product_to(await self._store.get(request.name))

    async def ListProducts(
        self, request: pb.ListProductsRequest, context: object
    ) -> pb.ListProductsResponse:
        order, asked = parse_order(request.order_by), query_of(request)
        kinds = types_of(order, FIELDS)
        page = await self._store.page(
            Query(
                filter=parse_filter(request.filter),
                order=order,
                show_deleted=request.show_deleted,
                limit=page_size(request.page_size),
                after=position(request.page_token, asked, kinds) if request.page_token else None,
            )
        )
        return pb.ListProductsResponse(
            products=map(wire.product_to, page.products),
            next_page_token=page_token(page.next, asked) if page.next else "",
        )

    async def SearchProducts(
        self, request: pb.SearchProductsRequest, context: object
    ) -> pb.SearchProductsResponse:
        asked, kinds = query_of(request), (float, str)
        finds = await self._store.search(
            request.query,
            limit=page_size(request.page_size),
            after=position(request.page_token, asked, kinds) if request.page_token else None,
        )
        return pb.SearchProductsResponse(
            results=[
                pb.SearchProductsResponse.Result(
                    product=wire.product_to(found.product), score=found.score
                )
                for found in finds.finds
            ],
            next_page_token=page_token(finds.next, asked) if finds.next else "",
        )

    async def BatchGetProducts(
        self, request: pb.BatchGetProductsRequest, context: object
    ) -> pb.BatchGetProductsResponse:
        products = await self._store.get_all(request.names)
        return pb.BatchGetProductsResponse(products=map(wire.product_to, products))

    async def UpdateProduct(self, request: pb.UpdateProductRequest, context: object) -> pb.Product:
        said, paths = wire.draft_from(request.product), request.update_mask.paths
        now = self._clock.now()
        product = await self._store.change(
            said.name, lambda found: _there(found, said.name).change(said, paths, now=now)
        )
        return wire.product_to(product)

    async def DeleteProduct(self, request: pb.DeleteProductRequest, context: object) -> Empty:
        now = self._clock.now()
        await self._store.change(
            request.name,
            lambda found: deletion(
                found,
                name=request.name,
                etag=request.etag,
                allow_missing=request.allow_missing,
                now=now,
            ),
        )
        return Empty()

    async def ImportProducts(
        self, request_iterator: AsyncIterator[pb.ImportProductsRequest], context: object
    ) -> pb.ImportProductsResponse:
        report = Report()
        async with aclosing(_groups(request_iterator)) as groups:
            async for lines in groups:
                outcomes = await self._store.take(lines, self._clock.now())
                for line, outcome in zip(lines, outcomes, strict=True):
                    report = report.after(line, outcome)
        return wire.report_to(report)

    async def ExportProducts(
        self, request: pb.ExportProductsRequest, context: object
    ) -> AsyncGenerator[pb.ExportProductsResponse]:
        wanted = parse_filter(request.filter)
        exported = self._store.export(wanted, show_deleted=request.show_deleted)
        async with aclosing(exported) as products:
            async for product in products:
                yield pb.ExportProductsResponse(product=wire.product_to(product))

    async def PutPicture(self, request: pb.PutPictureRequest, context: object) -> pb.Picture:
        name, data, now = product_of(request.name), request.content.data, self._clock.now()
        content_type = request.content.content_type
        picture = picture_of(name, content_type=content_type, data=data, now=now)
        product = await self._store.change(
            name, lambda found: _there(found, name).with_picture(picture, now=now), image=data
        )
        return wire.picture_to(product.picture or picture)

    async def GetPicture(self, request: pb.GetPictureRequest, context: object) -> HttpBody:
        content_type, data = await self._store.picture(product_of(request.name))
        return HttpBody(content_type=content_type, data=data)


def _there(found: Product | None, name: str) -> Product:
    if found is None:
        raise ProductNotFound.named(name)
    return found


async def _groups(
    requests: AsyncIterator[pb.ImportProductsRequest],
) -> AsyncGenerator[Sequence[Draft]]:
    """Yield the lines of an import in groups that are neither long nor large."""
    lines: list[Draft] = []
    size = 0
    async for request in requests:
        lines.append(wire.draft_from(request.product))
        size += request.ByteSize()
        if len(lines) == _GROUP_LINES or size >= _GROUP_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines
