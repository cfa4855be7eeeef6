"""Promises of the store, over each kind of database; what holds between many has its own file."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from plait.data.backend import Conflict, DatabaseBusy
from plait.data.claims import CLAIM_LIFETIME, RequestIdReused
from services.inventory import transactions
from services.inventory.domain import EtagMismatch, OutOfStock, StockNotFound, StockTooLow
from services.inventory.reservation import (
    ReservationExists,
    ReservationExpired,
    ReservationNotConfirmed,
    ReservationReleased,
    State,
    committed,
    confirmed,
    released,
    restocked,
)
from services.inventory.rows import ADJUSTMENTS, STOCK, stock_values
from services.inventory.store import SqlStore
from tests.services.inventory.goods import (
    MINUTE,
    adjustment,
    claim,
    faults,
    fill,
    hold,
    lines,
    numbers,
    stock,
)

ORDER = "orders/o1"
P1, P2 = "products/p1", "products/p2"
JUST = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
async def in_order(store):
    """After each test, whatever it was about, the books agree."""
    yield
    assert await faults(store) == []


async def reach(store, state, order="o1", **quantities):
    """Bring a new reservation into a state."""
    await store.reserve(hold(order, **quantities), claim())
    steps = {
        State.HELD: [],
        State.CONFIRMED: [confirmed],
        State.COMMITTED: [confirmed, committed],
        State.RELEASED: [released],
        State.RESTOCKED: [confirmed, committed, restocked],
    }
    for step in steps[state]:
        await store.change(f"orders/{order}", step)


# Stock


async def test_stock_is_read_as_it_was_adjusted(store, clock):
    made = await store.adjust(adjustment(10), None)

    assert await store.get(P1) == made == stock(10, update_time=clock.now())


async def test_stock_that_was_never_adjusted_is_not_there(store):
    with pytest.raises(StockNotFound, match=P1):
        await store.get(P1)


async def test_many_are_read_in_the_order_in_which_they_were_asked_for(store):
    await fill(store, p1=1, p2=2, p3=3)

    found = await store.get_all(["products/p3", P1, P2])

    assert [each.on_hand for each in found] == [3, 1, 2]


async def test_of_many_the_first_that_is_not_there_is_named(store):
    await fill(store, p1=1)

    with pytest.raises(StockNotFound, match="products/b"):
        await store.get_all([P1, "products/b", "products/a"])


async def test_those_that_are_there_are_found(store):
    await fill(store, p1=1, p2=2)

    found = await store.find([P1, "products/none", P2])

    assert sorted(each.product for each in found) == [P1, P2]
    assert await store.find([]) == ()


async def test_more_names_are_looked_for_than_a_statement_takes_parameters(store):
    await fill(store, p1=1, p2=2)

    found = await store.find([P1, *(f"products/x{number}" for number in range(40_000)), P2])

    assert sorted(each.product for each in found) == [P1, P2]


# Adjustments


async def test_adjustments_add_up(store, clock):
    await fill(store, p1=10)
    clock.advance(60)

    await store.adjust(adjustment(5), None)
    left = await store.adjust(adjustment(-12), None)

    assert (left.on_hand, left.update_time) == (3, clock.now())


async def test_every_adjustment_is_recorded_with_who_made_it_and_why(store, database, clock):
    await store.adjust(adjustment(10, reason="delivery 4711", actor="users/a"), None)
    clock.advance(60)
    await store.adjust(adjustment(-1, reason="broken", actor="users/b"), None)

    async with database.snapshot() as tx:
        rows = await tx.execute(select(ADJUSTMENTS).order_by(ADJUSTMENTS.c.revision))
    assert [(row.product, row.delta, row.on_hand, row.reason, row.actor) for row in rows] == [
        (P1, 10, 10, "delivery 4711", "users/a"),
        (P1, -1, 9, "broken", "users/b"),
    ]
    assert rows.rows[1].update_time - rows.rows[0].update_time == 60_000_000


async def test_an_adjustment_that_is_refused_leaves_no_trace(store, database):
    await fill(store, p1=2)
    before = await store.get(P1)

    with pytest.raises(StockTooLow):
        await store.adjust(adjustment(-3), claim())
    with pytest.raises(EtagMismatch):
        await store.adjust(adjustment(1, etag="another"), claim())
    with pytest.raises(StockTooLow):
        await store.adjust(adjustment(-1, "p2"), claim())

    async with database.snapshot() as tx:
        assert len((await tx.execute(select(ADJUSTMENTS))).rows) == 1
    assert await store.get(P1) == before
    assert await store.find([P2]) == ()


@pytest.mark.parametrize("later", [timedelta(0), CLAIM_LIFETIME - JUST, 400 * CLAIM_LIFETIME])
async def test_the_same_request_adjusts_once_however_late_it_comes_again(store, clock, later):
    request = claim("add 10")
    first = await store.adjust(adjustment(10), request)
    await store.adjust(adjustment(-4), None)
    await store.reserve(hold(p1=1), claim())
    clock.advance(later.total_seconds())

    again = await store.adjust(adjustment(10), request)

    assert again == first
    assert (await store.get(P1)).on_hand == 6


async def test_the_same_id_with_another_body_is_refused(store):
    request = claim("add 10")
    await store.adjust(adjustment(10), request)

    with pytest.raises(RequestIdReused):
        await store.adjust(adjustment(9), replace(request, fingerprint=b"another"))

    assert await numbers(store) == (10, 0)


async def test_an_id_belongs_to_who_made_it(store):
    mine = claim("add", caller="users/a")
    await store.adjust(adjustment(1, actor="users/a"), mine)
    await store.adjust(adjustment(1, actor="users/b"), replace(mine, caller="users/b"))

    assert await numbers(store) == (2, 0)


async def test_a_request_that_was_refused_may_come_again(store):
    request = claim("take 3")
    with pytest.raises(StockTooLow):
        await store.adjust(adjustment(-3), request)
    await fill(store, p1=3)

    assert (await store.adjust(adjustment(-3), request)).on_hand == 0


# Reserve


async def test_pieces_of_every_line_are_held(store, clock):
    await fill(store, p1=10, p2=1)

    made = await store.reserve(hold(ttl=MINUTE, p1=3, p2=1), claim())

    assert (made.order, made.state, made.lines) == (ORDER, State.HELD, lines(p1=3, p2=1))
    assert made.expire_time == clock.now() + MINUTE
    assert made.create_time == made.update_time == clock.now()
    assert await numbers(store, "p1") == (10, 3)
    assert await numbers(store, "p2") == (1, 1)
    assert (await store.get(P1)).revision == 2


async def test_all_lines_are_held_or_none(store, clock):
    await fill(store, p1=10, p2=1)
    before = await store.get(P1)

    with pytest.raises(OutOfStock) as caught:
        await store.reserve(hold(p1=3, p2=2, p3=1), claim())

    assert caught.value.metadata == {"products": "products/p2,products/p3"}
    assert await store.get(P1) == before
    assert (await store.change(ORDER, released)).lines == ()


async def test_lines_come_back_in_their_order(store):
    await fill(store, a=9, b=9, c=9)
    wanted = hold(c=1, a=2, b=3)

    await store.reserve(wanted, claim())

    assert (await store.change(ORDER, confirmed)).lines == wanted.lines


async def test_the_same_request_holds_once_and_is_told_what_became_of_it(store, clock):
    await fill(store, p1=10)
    request = claim("hold")
    first = await store.reserve(hold(p1=3), request)
    clock.advance(10)

    assert await store.reserve(hold(p1=3), request) == first
    await store.change(ORDER, confirmed)
    assert (await store.reserve(hold(p1=3), request)).state is State.CONFIRMED
    await store.change(ORDER, committed)
    clock.advance(400 * CLAIM_LIFETIME.total_seconds())
    assert (await store.reserve(hold(p1=3), request)).state is State.COMMITTED
    assert await numbers(store) == (7, 0)


async def test_who_held_the_last_pieces_is_told_so_again(store):
    await fill(store, p1=3)
    request = claim("hold")
    first = await store.reserve(hold(p1=3), request)

    assert await store.reserve(hold(p1=3), request) == first


@pytest.mark.parametrize(("after", "state"), [(MINUTE - JUST, State.HELD), (MINUTE, State.EXPIRED)])
async def test_a_hold_that_nobody_has_swept_is_expired_for_who_asks_again(
    store, clock, after, state
):
    await fill(store, p1=10)
    request = claim("hold")
    first = await store.reserve(hold(p1=3), request)
    clock.advance(after.total_seconds())

    again = await store.reserve(hold(p1=3), request)

    assert again.state is state
    assert again.update_time == (first.expire_time if state is State.EXPIRED else first.update_time)


async def test_a_released_reservation_is_told_to_who_repeats_the_request_that_made_it(store):
    await fill(store, p1=10)
    request = claim("hold")
    await store.reserve(hold(p1=3), request)
    await store.change(ORDER, released)

    assert (await store.reserve(hold(p1=3), request)).state is State.RELEASED
    assert await numbers(store) == (10, 0)


async def test_the_same_id_for_another_hold_is_refused(store):
    await fill(store, p1=10)
    request = claim("hold 3")
    await store.reserve(hold(p1=3), request)

    for order in ("o1", "o2"):
        with pytest.raises(RequestIdReused):
            await store.reserve(hold(order, p1=4), replace(request, fingerprint=b"hold 4"))

    assert await numbers(store) == (10, 3)


@pytest.mark.parametrize("state", [State.HELD, State.CONFIRMED, State.COMMITTED, State.RESTOCKED])
async def test_an_order_has_one_reservation(store, state):
    await fill(store, p1=10)
    await reach(store, state, p1=3)
    before = await numbers(store)

    with pytest.raises(ReservationExists):
        await store.reserve(hold(p1=1), claim())

    assert await numbers(store) == before


async def test_an_order_has_one_reservation_even_if_that_has_expired(store, clock):
    await fill(store, p1=10)
    await store.reserve(hold(p1=3), claim())
    clock.advance(60)
    await store.sweep(10)

    with pytest.raises(ReservationExists):
        await store.reserve(hold(p1=1), claim())


async def test_an_order_that_was_released_holds_nothing_any_more(store):
    await fill(store, p1=10)
    await reach(store, State.RELEASED)

    with pytest.raises(ReservationReleased):
        await store.reserve(hold(p1=1), claim())


async def test_an_order_that_was_released_before_it_was_reserved_holds_nothing(store, clock):
    await fill(store, p1=10)
    left = await store.change(ORDER, released)

    for _ in range(2):
        with pytest.raises(ReservationReleased):
            await store.reserve(hold(p1=1), claim())

    assert (left.state, left.lines, left.expire_time) == (State.RELEASED, (), None)
    assert await store.change(ORDER, released) == left
    assert await numbers(store) == (10, 0)


async def test_a_released_order_is_told_before_missing_stock_is(store):
    await store.change(ORDER, released)

    with pytest.raises(ReservationReleased):
        await store.reserve(hold(p1=1), claim())


async def test_a_request_that_was_refused_for_want_of_stock_may_come_again(store):
    request = claim("hold")
    with pytest.raises(OutOfStock):
        await store.reserve(hold(p1=1), request)
    await fill(store, p1=1)

    assert (await store.reserve(hold(p1=1), request)).state is State.HELD


async def test_the_longest_order_is_held(store):
    wanted = {f"p{number:03}": 1000 for number in range(100)}
    await fill(store, **wanted)

    await store.reserve(hold(**wanted), claim())

    found = await store.get_all([f"products/{name}" for name in wanted])
    assert {each.available for each in found} == {0}


# The other steps


async def test_each_step_moves_the_pieces(store, clock):
    await fill(store, p1=10)
    await store.reserve(hold(p1=3), claim())

    told = []
    for step in (confirmed, committed, restocked):
        clock.advance(1)
        left = await store.change(ORDER, step)
        told.append((left.state, await numbers(store), left.update_time == clock.now()))

    assert told == [
        (State.CONFIRMED, (10, 3), True),
        (State.COMMITTED, (7, 0), True),
        (State.RESTOCKED, (10, 0), True),
    ]


@pytest.mark.parametrize("state", [State.HELD, State.CONFIRMED])
async def test_released_pieces_are_free(store, state):
    await fill(store, p1=10, p2=5)
    await reach(store, state, p1=3, p2=5)

    assert (await store.change(ORDER, released)).state is State.RELEASED

    assert await numbers(store, "p1") == (10, 0)
    assert await numbers(store, "p2") == (5, 0)


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.CONFIRMED, confirmed),
        (State.COMMITTED, committed),
        (State.RELEASED, released),
        (State.RESTOCKED, restocked),
    ],
)
async def test_a_repeated_step_has_no_further_effect(store, clock, state, step):
    await fill(store, p1=10)
    await reach(store, state, p1=3)
    before, first = await store.get(P1), await store.change(ORDER, step)
    clock.advance(1)

    assert await store.change(ORDER, step) == first
    assert await store.get(P1) == before


async def test_a_step_that_is_refused_has_no_effect(store):
    await fill(store, p1=10)
    await reach(store, State.HELD, p1=3)
    before = await store.get(P1)

    with pytest.raises(ReservationNotConfirmed):
        await store.change(ORDER, committed)

    assert await store.get(P1) == before
    assert (await store.change(ORDER, confirmed)).state is State.CONFIRMED


async def test_a_confirmed_reservation_is_kept_beyond_its_time(store, clock):
    await fill(store, p1=10)
    await reach(store, State.CONFIRMED, p1=3)
    clock.advance(86_400)

    assert await store.sweep(10) == 0
    assert (await store.change(ORDER, committed)).state is State.COMMITTED


# Expiry


@pytest.mark.parametrize(("after", "swept"), [(MINUTE - JUST, 0), (MINUTE, 1), (MINUTE + JUST, 1)])
async def test_a_sweep_frees_what_has_expired(store, clock, after, swept):
    await fill(store, p1=10, p2=5)
    made = await store.reserve(hold(p1=3, p2=1), claim("hold"))
    clock.advance(after.total_seconds())

    assert await store.sweep(10) == swept
    assert await store.sweep(10) == 0

    assert await numbers(store, "p1") == (10, 0 if swept else 3)
    assert await numbers(store, "p2") == (5, 0 if swept else 1)
    left = await store.change(ORDER, released)
    assert left.state is (State.EXPIRED if swept else State.RELEASED)
    if swept:
        assert left.update_time == made.expire_time


@pytest.mark.parametrize(("after", "expired"), [(MINUTE - JUST, False), (MINUTE, True)])
async def test_what_has_expired_cannot_be_confirmed_even_if_nobody_has_swept_it(
    store, clock, after, expired
):
    await fill(store, p1=10)
    await store.reserve(hold(p1=3), claim())
    clock.advance(after.total_seconds())

    if expired:
        with pytest.raises(ReservationExpired):
            await store.change(ORDER, confirmed)
    else:
        assert (await store.change(ORDER, confirmed)).state is State.CONFIRMED


async def test_releasing_what_has_expired_frees_it_and_says_expired(store, clock):
    await fill(store, p1=10)
    await store.reserve(hold(p1=3), claim())
    clock.advance(60)

    assert (await store.change(ORDER, released)).state is State.EXPIRED

    assert await numbers(store) == (10, 0)
    assert await store.sweep(10) == 0


@pytest.mark.parametrize(("after", "free"), [(MINUTE - JUST, False), (MINUTE, True)])
async def test_nobody_is_refused_pieces_that_are_free_because_a_hold_has_expired(
    store, clock, after, free
):
    await fill(store, p1=3, p2=3)
    await store.reserve(hold("first", p1=3, p2=1), claim())
    clock.advance(after.total_seconds())

    if free:
        await store.reserve(hold("second", p1=2), claim())
        assert await numbers(store, "p1") == (3, 2)
        assert await numbers(store, "p2") == (3, 0)
    else:
        with pytest.raises(OutOfStock):
            await store.reserve(hold("second", p1=2), claim())
        assert await numbers(store, "p1") == (3, 3)


@pytest.mark.parametrize(("after", "free"), [(MINUTE - JUST, False), (MINUTE, True)])
async def test_pieces_that_are_free_because_a_hold_has_expired_can_be_taken_away(
    store, clock, after, free
):
    await fill(store, p1=3)
    await store.reserve(hold("first", p1=3), claim())
    etag = (await store.get(P1)).etag
    clock.advance(after.total_seconds())

    if free:
        assert (await store.adjust(adjustment(-3, etag=etag), None)).on_hand == 0
        assert await numbers(store) == (0, 0)
    else:
        with pytest.raises(StockTooLow):
            await store.adjust(adjustment(-3, etag=etag), None)


@pytest.fixture
def three_at_once(monkeypatch):
    monkeypatch.setattr(transactions, "SWEPT_AT_ONCE", 3)


async def expired(store, clock, count):
    """So many pieces of a product, all kept by holds that nobody has swept."""
    await fill(store, p1=count)
    for number in range(count):
        await store.reserve(hold(f"o{number}", p1=1), claim())
    clock.advance(60)


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7])
async def test_however_many_holds_have_expired_all_their_pieces_can_be_had(
    store, clock, three_at_once, count
):
    await expired(store, clock, count)
    told = []
    store.listen(lambda stocks: told.append([each.reserved for each in stocks]))

    await store.reserve(hold("all", p1=count), claim())

    assert await numbers(store) == (count, count)
    assert await store.sweep(10) == 0
    batches = [[count - freed] for freed in range(3, count + 1, 3)]
    assert told[: len(batches)] == batches


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7])
async def test_however_many_holds_have_expired_all_their_pieces_can_be_taken_away(
    store, clock, three_at_once, count
):
    await expired(store, clock, count)

    assert (await store.adjust(adjustment(-count), None)).on_hand == 0


async def test_who_needs_pieces_frees_only_what_keeps_them(store, clock):
    await fill(store, p1=3, p2=3)
    await store.reserve(hold("first", p1=3), claim())
    await store.reserve(hold("other", p2=3), claim())
    clock.advance(60)

    await store.reserve(hold("second", p1=1), claim())

    assert await numbers(store, "p2") == (3, 3)
    assert await store.sweep(10) == 1


@pytest.mark.parametrize(("limit", "first", "second"), [(2, 2, 1), (3, 3, 0), (4, 3, 0)])
async def test_a_sweep_is_bounded_and_begins_with_the_oldest(store, clock, limit, first, second):
    await fill(store, p1=9)
    for number in (3, 1, 2):
        await store.reserve(hold(f"o{number}", ttl=number * MINUTE, p1=number), claim())
    clock.advance(600)

    assert await store.sweep(limit) == first
    if limit == 2:
        assert await numbers(store) == (9, 3)
    assert await store.sweep(limit) == second
    assert await numbers(store) == (9, 0)


# What others are told


async def test_whoever_listens_is_told_each_change_once_it_is_durable(store, clock, open_database):
    told = []
    store.listen(told.append)
    elsewhere = SqlStore(open_database(), clock=clock)

    made = await store.adjust(adjustment(5), None)
    assert told == [[made]]
    await store.reserve(hold(p1=2), claim())
    assert told[1:] == [[await elsewhere.get(P1)]]
    await store.change(ORDER, released)
    assert told[2:] == [[await elsewhere.get(P1)]]


async def test_what_did_not_happen_is_told_to_nobody(store):
    await fill(store, p1=1)
    told = []
    store.listen(told.extend)

    with pytest.raises(OutOfStock):
        await store.reserve(hold(p1=2), claim())
    await store.change(ORDER, released)
    await store.change(ORDER, released)
    await store.sweep(10)

    assert told == []


async def test_a_sweep_tells_what_it_has_freed(store, clock):
    await fill(store, p1=1)
    await store.reserve(hold(p1=1), claim())
    told = []
    store.listen(told.extend)
    clock.advance(60)

    await store.sweep(10)

    assert [(each.product, each.reserved) for each in told] == [(P1, 0)]


# When others hold it up


class Held:
    """A store whose database is busy so many times, and what it says then."""

    def __init__(self, store, clock, error, times, patience=30.0):
        self.store = SqlStore(self, clock=clock, patience=patience)
        self._inner = store._database
        self._clock = clock
        self._error = error
        self._times = times
        self.tries = 0

    def transaction(self, **options):
        self.tries += 1
        if self.tries <= self._times:
            self._clock.advance(10)
            raise self._error
        return self._inner.transaction(**options)


BUSY = DatabaseBusy("others keep the database busy")


@pytest.mark.parametrize("error", [BUSY, Conflict("reservations_order_name")])
async def test_who_is_held_up_tries_again(store, clock, error):
    held = Held(store, clock, error, times=2)

    assert (await held.store.adjust(adjustment(1), None)).on_hand == 1

    assert held.tries == 3


@pytest.mark.parametrize(("patience", "tries"), [(29.9, 3), (30.0, 3), (30.1, 4)])
async def test_patience_has_an_end(store, clock, patience, tries):
    held = Held(store, clock, BUSY, times=99, patience=patience)

    with pytest.raises(DatabaseBusy):
        await held.store.adjust(adjustment(1), None)

    assert held.tries == tries


async def test_a_constraint_that_nobody_else_has_to_do_with_is_no_reason_to_try_again(store, clock):
    held = Held(store, clock, Conflict("stock_covers_reserved"), times=99)

    with pytest.raises(Conflict):
        await held.store.adjust(adjustment(1), None)

    assert held.tries == 1


# The books, and what the database itself refuses


async def test_the_books_show_every_product_from_both_sides(store):
    await fill(store, p1=10, p2=5, p3=1)
    await reach(store, State.CONFIRMED, "o1", p1=1, p2=2)
    await reach(store, State.COMMITTED, "o2", p1=3)
    await reach(store, State.RESTOCKED, "o3", p1=2)
    await reach(store, State.RELEASED, "o4", p1=1)
    await reach(store, State.HELD, "o5", p2=1)

    books = [balance async for balance in store.balances()]

    assert [(b.product, b.on_hand, b.reserved, b.kept, b.sold, b.adjusted) for b in books] == [
        ("products/p1", 7, 1, 1, 3, 10),
        ("products/p2", 5, 3, 3, 0, 5),
        ("products/p3", 1, 0, 0, 0, 1),
    ]


@pytest.mark.parametrize("wrong", ["on_hand = 4", "reserved = -1", "reserved = 11"])
async def test_the_database_itself_refuses_stock_that_cannot_be(store, database, wrong):
    await fill(store, p1=10)
    await reach(store, State.HELD, p1=5)

    async def break_it():
        async with database.transaction() as tx:
            await tx.execute(text(f"UPDATE stock SET {wrong}"))

    with pytest.raises(Conflict, match="stock_"):
        await break_it()


async def test_the_database_itself_refuses_a_second_stock_of_a_product(store, database):
    await fill(store, p1=10)

    async def break_it():
        async with database.transaction() as tx:
            await tx.execute(insert(STOCK), stock_values(stock()))

    with pytest.raises(Conflict, match="stock_product"):
        await break_it()


async def test_readers_do_not_wait_for_who_writes(store, database):
    await fill(store, p1=10)
    async with asyncio.timeout(10), database.transaction() as tx:
        await tx.execute(text("UPDATE stock SET on_hand = 20"))

        seen = await numbers(store)
        await tx.execute(text("UPDATE stock SET on_hand = 10"))

    assert seen == (10, 0)
