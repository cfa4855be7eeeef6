"""Every method of the contract and every error that it documents, by a real server and channel."""

import asyncio
import uuid
from dataclasses import dataclass

import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import select

from plait.data.database import Database
from plait.errors import (
    Aborted,
    AlreadyExists,
    Code,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from plait.testing import FakeClock, Serving, serving
from services.inventory.rows import ADJUSTMENTS
from services.inventory.service import InventoryService
from services.inventory.store import SqlStore
from services.inventory.sweeper import Sweeper
from services.inventory.watch import StockWatch
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1.inventory_pb2_grpc import (
    InventoryServiceStub,
    add_InventoryServiceServicer_to_server,
)
from tests.services.inventory import goods

ORDER = "orders/o1"
HELD, CONFIRMED, COMMITTED, RELEASED, EXPIRED, RESTOCKED = (
    pb.Reservation.State.Value(f"STATE_{name}")
    for name in ("HELD", "CONFIRMED", "COMMITTED", "RELEASED", "EXPIRED", "RESTOCKED")
)


@pytest.fixture(autouse=True)
async def in_time():
    async with asyncio.timeout(60):
        yield


@dataclass
class Shop:
    """A running inventory: its stubs for different callers, its parts and its clock."""

    running: Serving
    clock: FakeClock
    database: Database
    store: SqlStore
    watch: StockWatch

    def __post_init__(self):
        self.admin = self.called_by("users/admin", "admin")
        self.nobody = InventoryServiceStub(self.running.channel)
        self.orders = self.called_by("", workload="orders")

    def called_by(self, user, *roles, workload=""):
        channel = self.running.connect_as(user, roles=roles, workload=workload)
        return InventoryServiceStub(channel)

    async def adjust(self, delta, product="p1", **more):
        return await self.admin.AdjustStock(adjustment(delta, product, **more))

    async def numbers(self, product="p1"):
        stock = await self.nobody.GetStock(get(product))
        assert stock.available == stock.on_hand - stock.reserved
        return stock.on_hand, stock.reserved


@pytest.fixture
async def shop(database):
    clock = FakeClock()
    store = SqlStore(database, clock=clock)
    watch = StockWatch(store, interval=3600)
    sweeper = Sweeper(store.sweep, interval=3600)
    service = InventoryService(store, watch)
    async with serving(
        lambda server: add_InventoryServiceServicer_to_server(service, server),
        name="inventory",
        ready=database.ready,
        background=[sweeper.run, watch.follow],
    ) as running:
        yield Shop(running, clock, database, store, watch)
    assert await goods.faults(store) == []


def stock_name(product):
    return f"products/{product}/stock"


def get(product):
    return pb.GetStockRequest(name=stock_name(product))


def batch(*products):
    return pb.BatchGetStockRequest(names=map(stock_name, products))


def watching(*products, token=""):
    return pb.WatchStockRequest(names=map(stock_name, products), resume_token=token)


def adjustment(delta, product="p1", **more):
    usual = {"reason": "delivery 4711"}
    return pb.AdjustStockRequest(name=stock_name(product), delta=delta, **(usual | more))


def reserve(order=ORDER, *, seconds=60, request_id="", **quantities):
    return pb.ReserveRequest(
        order=order,
        lines=[
            pb.ReservationLine(product=f"products/{name}", quantity=quantity)
            for name, quantity in (quantities or {"p1": 1}).items()
        ],
        ttl=Duration(seconds=seconds),
        request_id=request_id or str(uuid.uuid4()),
    )


def step(kind, order=ORDER):
    return kind(order=order, request_id=str(uuid.uuid4()))


def confirm(order=ORDER):
    return step(pb.ConfirmRequest, order)


def commit(order=ORDER):
    return step(pb.CommitRequest, order)


def release(order=ORDER):
    return step(pb.ReleaseRequest, order)


def restock(order=ORDER):
    return step(pb.RestockRequest, order)


async def refused(call):
    """What a call fails with."""
    with pytest.raises(Error) as caught:
        await call
    return caught.value


def is_(error, kind, reason):
    assert isinstance(error, kind), error
    assert (error.reason, error.domain) == (reason, "inventory.shop")
    return error


# GetStock, BatchGetStock


async def test_everybody_reads_the_stock_of_a_product(shop):
    adjusted = await shop.adjust(10)
    await shop.orders.Reserve(reserve(p1=3))

    stock = await shop.nobody.GetStock(get("p1"))

    assert (stock.name, stock.product) == ("products/p1/stock", "products/p1")
    assert (stock.on_hand, stock.reserved, stock.available) == (10, 3, 7)
    assert stock.update_time.ToDatetime() == shop.clock.now().replace(tzinfo=None)
    assert stock.etag not in ("", adjusted.etag)


async def test_stock_that_was_never_adjusted_is_not_found(shop):
    error = is_(await refused(shop.nobody.GetStock(get("p1"))), NotFound, "STOCK_NOT_FOUND")

    assert error.resource == "products/p1/stock"


async def test_stock_is_read_in_the_order_of_the_names(shop):
    for number, product in enumerate("abc", start=1):
        await shop.adjust(number, product)

    answer = await shop.nobody.BatchGetStock(batch("c", "a", "b"))

    assert [stock.on_hand for stock in answer.stock] == [3, 1, 2]


async def test_all_are_read_or_none_and_the_first_that_is_missing_is_named(shop):
    await shop.adjust(1, "a")

    error = await refused(shop.nobody.BatchGetStock(batch("a", "y", "x")))

    is_(error, NotFound, "STOCK_NOT_FOUND")
    assert error.resource == "products/y/stock"


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (100, True), (101, False)])
async def test_up_to_a_hundred_are_read(shop, count, fits):
    names = [f"p{number}" for number in range(count)]
    for name in names[:100]:
        await shop.adjust(1, name)

    if fits:
        assert len((await shop.nobody.BatchGetStock(batch(*names))).stock) == count
    else:
        error = await refused(shop.nobody.BatchGetStock(batch(*names)))
        assert isinstance(error, InvalidArgument)
        assert [violation.field for violation in error.violations] == ["names"]


async def test_each_is_asked_for_once(shop):
    error = await refused(shop.nobody.BatchGetStock(batch("a", "a")))

    assert isinstance(error, InvalidArgument)


# AdjustStock


async def test_an_admin_adds_and_takes_away(shop):
    first = await shop.adjust(10)
    second = await shop.adjust(-4, etag=first.etag)

    assert (first.on_hand, second.on_hand) == (10, 6)
    assert await shop.nobody.GetStock(get("p1")) == second


async def test_the_reason_and_the_admin_are_recorded(shop):
    await shop.adjust(10, reason="delivery 4711")
    other = shop.called_by("users/other", "admin")
    await other.AdjustStock(adjustment(-1, reason="broken"))

    async with shop.database.snapshot() as tx:
        rows = await tx.execute(select(ADJUSTMENTS).order_by(ADJUSTMENTS.c.revision))
    assert [(row.delta, row.reason, row.actor) for row in rows] == [
        (10, "delivery 4711", "users/admin"),
        (-1, "broken", "users/other"),
    ]


@pytest.mark.parametrize(("delta", "fits"), [(-6, True), (-7, True), (-8, False)])
async def test_what_is_reserved_cannot_be_taken_away(shop, delta, fits):
    await shop.adjust(10)
    await shop.orders.Reserve(reserve(p1=3))

    if fits:
        assert (await shop.adjust(delta)).on_hand == 10 + delta
    else:
        is_(await refused(shop.adjust(delta)), FailedPrecondition, "STOCK_TOO_LOW")


async def test_nothing_is_taken_from_what_was_never_there(shop):
    is_(await refused(shop.adjust(-1)), FailedPrecondition, "STOCK_TOO_LOW")


async def test_a_stale_etag_is_refused(shop):
    stale = (await shop.adjust(10)).etag
    await shop.orders.Reserve(reserve())

    is_(await refused(shop.adjust(1, etag=stale)), Aborted, "ETAG_MISMATCH")

    fresh = (await shop.nobody.GetStock(get("p1"))).etag
    assert (await shop.adjust(1, etag=fresh)).on_hand == 11


async def test_the_same_request_id_adjusts_once_and_is_answered_as_then(shop):
    request = adjustment(10, request_id=str(uuid.uuid4()))
    first = await shop.admin.AdjustStock(request)
    await shop.adjust(5)

    assert await shop.admin.AdjustStock(request) == first
    assert await shop.numbers() == (15, 0)


@pytest.mark.parametrize("other", [{"delta": 11}, {"reason": "another"}, {"etag": "e"}])
async def test_the_same_request_id_with_another_body_is_refused(shop, other):
    request = adjustment(10, request_id=str(uuid.uuid4()))
    await shop.admin.AdjustStock(request)
    for field, value in other.items():
        setattr(request, field, value)

    is_(await refused(shop.admin.AdjustStock(request)), InvalidArgument, "REQUEST_ID_REUSED")


async def test_without_a_request_id_it_adjusts_again(shop):
    await shop.adjust(10)
    await shop.adjust(10)

    assert await shop.numbers() == (20, 0)


async def test_request_ids_of_different_admins_do_not_meet(shop):
    request = adjustment(10, request_id=str(uuid.uuid4()))
    await shop.admin.AdjustStock(request)
    await shop.called_by("users/other", "admin").AdjustStock(request)

    assert await shop.numbers() == (20, 0)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"delta": 0}, "delta"),
        ({"delta": 1_000_001}, "delta"),
        ({"delta": -1_000_001}, "delta"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"etag": "x" * 65}, "etag"),
        ({"request_id": "no uuid"}, "request_id"),
        ({"name": "products/P1/stock"}, "name"),
        ({"name": "products/p1"}, "name"),
    ],
)
async def test_an_adjustment_that_breaks_a_rule_names_the_field(shop, wrong, field):
    request = adjustment(1)
    for name, value in wrong.items():
        setattr(request, name, value)

    error = await refused(shop.admin.AdjustStock(request))

    assert isinstance(error, InvalidArgument)
    assert [violation.field for violation in error.violations] == [field]


# Reserve


async def test_pieces_are_held_for_an_order(shop):
    await shop.adjust(10, "p1")
    await shop.adjust(5, "p2")

    made = await shop.orders.Reserve(reserve(seconds=90, p2=1, p1=3))

    assert (made.name, made.order, made.state) == ("reservations/o1", ORDER, HELD)
    assert [(line.product, line.quantity) for line in made.lines] == [
        ("products/p2", 1),
        ("products/p1", 3),
    ]
    assert made.expire_time.seconds - made.create_time.seconds == 90
    assert made.create_time == made.update_time
    assert (await shop.numbers("p1"), await shop.numbers("p2")) == ((10, 3), (5, 1))


async def test_all_lines_are_held_or_none_and_those_that_are_short_are_named(shop):
    await shop.adjust(10, "p1")
    await shop.adjust(1, "p2")

    error = await refused(shop.orders.Reserve(reserve(p1=3, p2=2, p3=1)))

    is_(error, FailedPrecondition, "OUT_OF_STOCK")
    assert error.metadata["products"] == "products/p2,products/p3"
    assert (await shop.numbers("p1"), await shop.numbers("p2")) == ((10, 0), (1, 0))


async def test_an_order_that_was_released_before_it_was_reserved_holds_nothing(shop):
    await shop.adjust(10)
    left = await shop.orders.Release(release())

    error = await refused(shop.orders.Reserve(reserve()))

    is_(error, FailedPrecondition, "RESERVATION_RELEASED")
    assert (left.state, list(left.lines), left.HasField("expire_time")) == (RELEASED, [], False)
    assert await shop.numbers() == (10, 0)


async def test_an_order_has_one_reservation(shop):
    await shop.adjust(10)
    await shop.orders.Reserve(reserve())

    is_(await refused(shop.orders.Reserve(reserve())), AlreadyExists, "RESERVATION_EXISTS")


async def test_the_same_request_is_answered_as_the_reservation_is_now(shop):
    await shop.adjust(10)
    request = reserve(p1=3)
    first = await shop.orders.Reserve(request)
    again = await shop.orders.Reserve(request)
    await shop.orders.Confirm(confirm())
    later = await shop.orders.Reserve(request)

    assert again == first
    assert later.state == CONFIRMED
    assert await shop.numbers() == (10, 3)


@pytest.mark.parametrize(
    "other", [{"order": "orders/o2"}, {"seconds": 61}, {"p1": 2}, {"p1": 1, "p2": 1}]
)
async def test_the_same_request_id_for_another_hold_is_refused(shop, other):
    await shop.adjust(10)
    request = reserve(p1=1)
    await shop.orders.Reserve(request)

    error = await refused(
        shop.orders.Reserve(reserve(**({"p1": 1} | other), request_id=request.request_id))
    )

    is_(error, InvalidArgument, "REQUEST_ID_REUSED")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"order": "orders/O"}, "order"),
        ({"lines": []}, "lines"),
        ({"lines": [("p1", 1), ("p1", 1)]}, "lines"),
        ({"lines": [("p1", 0)]}, "lines[0].quantity"),
        ({"lines": [("p1", 1001)]}, "lines[0].quantity"),
        ({"lines": [("P", 1)]}, "lines[0].product"),
        ({"lines": [(f"p{number}", 1) for number in range(101)]}, "lines"),
        ({"ttl": None}, "ttl"),
        ({"ttl": Duration(seconds=0)}, "ttl"),
        ({"ttl": Duration(seconds=86_400, nanos=1)}, "ttl"),
        ({"request_id": ""}, "request_id"),
    ],
)
async def test_a_hold_that_breaks_a_rule_names_the_field(shop, wrong, field):
    usual = {"order": ORDER, "lines": [("p1", 1)], "ttl": Duration(seconds=1), "request_id": ""}
    said = usual | {"request_id": str(uuid.uuid4())} | wrong
    said["lines"] = [
        pb.ReservationLine(product=f"products/{name}", quantity=quantity)
        for name, quantity in said["lines"]
    ]

    error = await refused(shop.orders.Reserve(pb.ReserveRequest(**said)))

    assert isinstance(error, InvalidArgument)
    assert [violation.field for violation in error.violations] == [field]


# Confirm, Commit, Release, Restock


async def reach(shop, state):
    """Bring the order's reservation of three pieces into a state."""
    await shop.adjust(10)
    await shop.orders.Reserve(reserve(p1=3))
    if state in (CONFIRMED, COMMITTED, RESTOCKED):
        await shop.orders.Confirm(confirm())
    if state in (COMMITTED, RESTOCKED):
        await shop.orders.Commit(commit())
    if state == RESTOCKED:
        await shop.orders.Restock(restock())
    if state == RELEASED:
        await shop.orders.Release(release())
    if state == EXPIRED:
        shop.clock.advance(60)


async def test_an_order_goes_its_way(shop):
    await reach(shop, HELD)

    steps = [
        await shop.orders.Confirm(confirm()),
        await shop.orders.Commit(commit()),
        await shop.orders.Restock(restock()),
    ]

    assert [each.state for each in steps] == [CONFIRMED, COMMITTED, RESTOCKED]
    assert await shop.numbers() == (10, 0)


async def test_confirming_what_is_not_there_is_refused(shop):
    error = is_(await refused(shop.orders.Confirm(confirm())), NotFound, "RESERVATION_NOT_FOUND")

    assert error.resource == "reservations/o1"


@pytest.mark.parametrize(
    ("state", "reason"), [(RELEASED, "RESERVATION_RELEASED"), (EXPIRED, "RESERVATION_EXPIRED")]
)
async def test_confirming_what_is_free_again_is_refused(shop, state, reason):
    await reach(shop, state)

    is_(await refused(shop.orders.Confirm(confirm())), FailedPrecondition, reason)


async def test_a_confirmed_reservation_outlives_its_time(shop):
    await reach(shop, CONFIRMED)
    shop.clock.advance(86_400)
    await shop.store.sweep(10)

    assert await shop.numbers() == (10, 3)
    assert (await shop.orders.Confirm(confirm())).state == CONFIRMED


async def test_committed_pieces_have_left_the_shelf(shop):
    await reach(shop, CONFIRMED)

    first = await shop.orders.Commit(commit())
    again = await shop.orders.Commit(commit())

    assert (first.state, again) == (COMMITTED, first)
    assert await shop.numbers() == (7, 0)


async def test_committing_what_is_not_there_is_refused(shop):
    is_(await refused(shop.orders.Commit(commit())), NotFound, "RESERVATION_NOT_FOUND")


@pytest.mark.parametrize("state", [HELD, RELEASED, EXPIRED, RESTOCKED])
async def test_only_what_was_confirmed_is_committed(shop, state):
    await reach(shop, state)

    error = await refused(shop.orders.Commit(commit()))

    is_(error, FailedPrecondition, "RESERVATION_NOT_CONFIRMED")


@pytest.mark.parametrize("state", [HELD, CONFIRMED])
async def test_released_pieces_are_free(shop, state):
    await reach(shop, state)

    first = await shop.orders.Release(release())
    again = await shop.orders.Release(release())

    assert (first.state, again) == (RELEASED, first)
    assert await shop.numbers() == (10, 0)


async def test_releasing_what_has_expired_has_no_further_effect(shop):
    await reach(shop, EXPIRED)

    left = await shop.orders.Release(release())

    assert left.state == EXPIRED
    assert left.update_time == left.expire_time
    assert await shop.numbers() == (10, 0)


async def test_what_has_left_the_shelf_cannot_be_released(shop):
    await reach(shop, COMMITTED)

    error = await refused(shop.orders.Release(release()))

    is_(error, FailedPrecondition, "RESERVATION_COMMITTED")
    assert await shop.numbers() == (7, 0)


async def test_restocked_pieces_are_back_on_the_shelf(shop):
    await reach(shop, COMMITTED)

    first = await shop.orders.Restock(restock())
    again = await shop.orders.Restock(restock())

    assert (first.state, again) == (RESTOCKED, first)
    assert await shop.numbers() == (10, 0)


async def test_restocking_what_is_not_there_is_refused(shop):
    is_(await refused(shop.orders.Restock(restock())), NotFound, "RESERVATION_NOT_FOUND")


@pytest.mark.parametrize("state", [HELD, CONFIRMED, RELEASED, EXPIRED])
async def test_only_what_has_left_the_shelf_is_restocked(shop, state):
    await reach(shop, state)

    error = await refused(shop.orders.Restock(restock()))

    is_(error, FailedPrecondition, "RESERVATION_NOT_COMMITTED")


# Who may call


async def test_what_is_for_the_orders_service_is_for_nobody_else(shop):
    await shop.adjust(10)
    callers = [
        (shop.nobody, Unauthenticated),
        (shop.admin, Unauthenticated),
        (shop.called_by("users/u1", "customer"), Unauthenticated),
        (shop.called_by("", workload="payments"), PermissionDenied),
        (shop.called_by("users/admin", "admin", workload="gateway"), PermissionDenied),
    ]

    for stub, expected in callers:
        for method, request in [
            (stub.Reserve, reserve()),
            (stub.Confirm, confirm()),
            (stub.Commit, commit()),
            (stub.Release, release()),
            (stub.Restock, restock()),
        ]:
            assert isinstance(await refused(method(request)), expected)
    assert await shop.numbers() == (10, 0)


async def test_only_an_admin_adjusts(shop):
    callers = [
        (shop.nobody, Unauthenticated),
        (shop.called_by("users/u1", "customer", "agent"), PermissionDenied),
        (shop.orders, Unauthenticated),
    ]

    for stub, expected in callers:
        assert isinstance(await refused(stub.AdjustStock(adjustment(1))), expected)
    assert isinstance(await refused(shop.nobody.GetStock(get("p1"))), NotFound)


# WatchStock


async def told(stream):
    """The next message of a stream, in short."""
    message = await anext(stream)
    return message.stock.product.removeprefix("products/"), message.stock.available


async def test_everybody_watches_stock_as_it_is_and_as_it_changes(shop):
    await shop.adjust(10, "p1")
    stream = shop.nobody.WatchStock(watching("p2", "p1"))

    first = (await anext(stream)).stock
    there = await shop.nobody.GetStock(get("p1"))
    await shop.adjust(4, "p2")
    second = await told(stream)
    await shop.orders.Reserve(reserve(p1=3))
    third = await told(stream)
    await shop.orders.Release(release())
    fourth = await told(stream)
    stream.cancel()

    assert first == there
    assert (second, third, fourth) == (("p2", 4), ("p1", 7), ("p1", 10))


async def test_what_another_replica_changes_is_found_by_a_look(shop, open_database):
    await shop.adjust(10)
    stream = shop.nobody.WatchStock(watching("p1"))
    await told(stream)
    elsewhere = SqlStore(open_database(), clock=shop.clock)

    await elsewhere.adjust(goods.adjustment(5), None)
    await shop.watch.look()

    assert await told(stream) == ("p1", 15)
    stream.cancel()


async def test_a_watch_goes_on_where_it_was_left(shop):
    await shop.adjust(1, "p1")
    await shop.adjust(2, "p2")
    stream = shop.nobody.WatchStock(watching("p1", "p2"))
    tokens = [(await anext(stream)).resume_token for _ in range(2)]
    stream.cancel()
    await shop.adjust(5, "p2")

    middle = shop.nobody.WatchStock(watching("p1", "p2", token=tokens[0]))
    after = shop.nobody.WatchStock(watching("p2", "p1", token=tokens[1]))
    found = await told(middle), await told(after)
    middle.cancel()
    after.cancel()

    assert found == (("p2", 7), ("p2", 7))


@pytest.mark.parametrize("token", ["none", "AAAAAAAAAAAAAAAAAAAAAAAA"])
async def test_a_token_that_is_none_of_the_stream_is_refused(shop, token):
    error = await refused(anext(shop.nobody.WatchStock(watching("p1", token=token))))

    is_(error, InvalidArgument, "INVALID_RESUME_TOKEN")
    assert [violation.field for violation in error.violations] == ["resume_token"]


async def test_a_token_of_other_products_is_refused(shop):
    await shop.adjust(1)
    stream = shop.nobody.WatchStock(watching("p1"))
    token = (await anext(stream)).resume_token
    stream.cancel()

    error = await refused(anext(shop.nobody.WatchStock(watching("p2", token=token))))

    is_(error, InvalidArgument, "INVALID_RESUME_TOKEN")


async def test_a_watch_ends_with_a_word_when_the_server_drains(shop):
    await shop.adjust(1)
    stream = shop.nobody.WatchStock(watching("p1"))
    await told(stream)
    asked = asyncio.ensure_future(anext(stream))

    await shop.running.server.drain()

    error = is_(await refused(asked), Unavailable, "SERVER_STOPPING")
    assert error.code is Code.UNAVAILABLE


async def test_a_caller_who_leaves_leaves_nothing_behind(shop):
    await shop.adjust(1)
    stream = shop.nobody.WatchStock(watching("p1"))
    await told(stream)
    assert set(shop.watch._watchers) == {"products/p1"}
    left, leave = asyncio.Event(), shop.watch._leave

    def leaves(watcher):
        leave(watcher)
        left.set()

    shop.watch._leave = leaves
    stream.cancel()
    await left.wait()

    assert (shop.watch._watchers, shop.watch._latest) == ({}, {})


async def test_nothing_is_held_in_the_database_while_somebody_watches(shop, open_database):
    await shop.adjust(1)
    streams = [shop.nobody.WatchStock(watching("p1")) for _ in range(20)]
    for stream in streams:
        await told(stream)

    await shop.adjust(1)

    # There are four readers at a time: twenty who kept theirs would leave none.
    assert await shop.numbers() == (2, 0)
    assert [await told(stream) for stream in streams] == [("p1", 2)] * 20
    for stream in streams:
        stream.cancel()
