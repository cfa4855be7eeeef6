"""Stock and reservations to test with."""

import uuid
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from plait.data.claims import Claim
from services.inventory.domain import Adjustment, Stock
from services.inventory.reservation import Hold, Line, Reservation, State
from services.inventory.store import Store

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def stock(on_hand: int = 10, reserved: int = 0, *, product: str = "products/p1", **more) -> Stock:
    return Stock(
        product=product, on_hand=on_hand, reserved=reserved, **({"update_time": NOW} | more)
    )


def lines(**quantities: int) -> tuple[Line, ...]:
    """Lines by the ids of their products: `lines(p1=2, p2=1)`."""
    return tuple(
        Line(product=f"products/{name}", quantity=quantity) for name, quantity in quantities.items()
    )


def reservation(state: State = State.HELD, **more) -> Reservation:
    usual = {
        "order": "orders/o1",
        "lines": lines(p1=2, p2=3),
        "expire_time": NOW + MINUTE,
        "create_time": NOW,
        "update_time": NOW,
    }
    return Reservation(state=state, **(usual | more))


def hold(order: str = "o1", *, ttl: timedelta = MINUTE, **quantities: int) -> Hold:
    return Hold(order=f"orders/{order}", lines=lines(**(quantities or {"p1": 1})), ttl=ttl)


def claim(said: object = "", *, request_id: str = "", caller: str = "users/admin") -> Claim:
    """The claim of a request that says this, under an id of its own or the one that is given."""
    return Claim(
        caller=caller,
        method="",
        request_id=request_id or str(uuid.uuid4()),
        fingerprint=repr(said).encode(),
    )


def adjustment(delta: int, product: str = "p1", **more) -> Adjustment:
    usual = {"reason": "delivery", "actor": "users/admin"}
    return Adjustment(product=f"products/{product}", delta=delta, **(usual | more))


async def fill(store: Store, **quantities: int) -> None:
    """Bring in stock by the ids of its products: `fill(store, p1=10)`."""
    for product, quantity in quantities.items():
        await store.adjust(adjustment(quantity, product), None)


async def numbers(store: Store, product: str = "p1") -> tuple[int, int]:
    """What is on hand and reserved of a product."""
    found = await store.get(f"products/{product}")
    return found.on_hand, found.reserved


async def faults(store: Store) -> list[str]:
    """Whatever is wrong with the books."""
    async with aclosing(store.balances()) as balances:
        return [fault async for balance in balances for fault in balance.faults]
