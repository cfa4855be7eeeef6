"""One method per RPC of the inventory: from the wire to the domain and the store, and back."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from plait.idempotency import claim_of
from plait.mesh.call import current
from services.inventory import wire
from services.inventory.domain import product_of
from services.inventory.reservation import committed, confirmed, released, restocked
from services.inventory.store import Store
from services.inventory.watch import Seen, StockWatch
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1 import inventory_pb2_grpc


class InventoryService(inventory_pb2_grpc.InventoryServiceServicer):
    """The contract's servicer; what may fail and how is written there."""

    def __init__(self, store: Store, watch: StockWatch) -> None:
        self._store = store
        self._watch = watch

    async def GetStock(self, request: pb.GetStockRequest, context: object) -> pb.Stock:
        return wire.stock_to(await self._store.get(product_of(request.name)))

    async def BatchGetStock(
        self, request: pb.BatchGetStockRequest, context: object
    ) -> pb.BatchGetStockResponse:
        stocks = await self._store.get_all(wire.products_from(request.names))
        return pb.BatchGetStockResponse(stock=map(wire.stock_to, stocks))

    async def AdjustStock(self, request: pb.AdjustStockRequest, context: object) -> pb.Stock:
        adjustment = wire.adjustment_from(request, _actor())
        return wire.stock_to(await self._store.adjust(adjustment, claim_of(request)))

    async def WatchStock(
        self, request: pb.WatchStockRequest, context: object
    ) -> AsyncGenerator[pb.WatchStockResponse]:
        products = wire.products_from(request.names)
        watched = self._watch.watch(products, Seen.of(products, request.resume_token))
        async with aclosing(watched) as changes:
            async for stock, seen in changes:
                yield pb.WatchStockResponse(stock=wire.stock_to(stock), resume_token=seen.token)

    async def Reserve(self, request: pb.ReserveRequest, context: object) -> pb.Reservation:
        claim = claim_of(request)
        assert claim is not None, "the contract requires a request_id"
        return wire.reservation_to(await self._store.reserve(wire.hold_from(request), claim))

    async def Confirm(self, request: pb.ConfirmRequest, context: object) -> pb.Reservation:
        return wire.reservation_to(await self._store.change(request.order, confirmed))

    async def Commit(self, request: pb.CommitRequest, context: object) -> pb.Reservation:
        return wire.reservation_to(await self._store.change(request.order, committed))

    async def Release(self, request: pb.ReleaseRequest, context: object) -> pb.Reservation:
        return wire.reservation_to(await self._store.change(request.order, released))

    async def Restock(self, request: pb.RestockRequest, context: object) -> pb.Reservation:
        return wire.reservation_to(await self._store.change(request.order, restocked))


def _actor() -> str:
    """Return the name of the user who calls; of the service, where no user does."""
    call = current()
    who = call and (call.user or call.workload)
    return who.name if who else ""
