"""The inventory's questions in SQL, the same for every kind of database.

What a transaction decides by it locks first (`FOR UPDATE`; SQLite has one writer at a time and no
such word): reservations before stock, and both in one order, so that no two wait for each other.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BindParameter,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from services.inventory.reservation import OPEN, State
from services.inventory.rows import ADJUSTMENTS, LINES, RESERVATIONS, STOCK

_PRODUCTS: BindParameter[Any] = bindparam("products", expanding=True)
_HELD = RESERVATIONS.c.state == literal_column(f"'{State.HELD.value}'")  # as its index says it

FIND_STOCK = select(STOCK).where(STOCK.c.product.in_(_PRODUCTS))
LOCK_STOCK = FIND_STOCK.order_by(STOCK.c.product).with_for_update()

# Both conditions are the domain's, said again to the database: it moves nothing that was changed
# since it was read, and never more than there is.
MOVE_STOCK = (
    update(STOCK)
    .where(
        STOCK.c.product == bindparam("this"),
        STOCK.c.revision == bindparam("read"),
        STOCK.c.on_hand + bindparam("brought") >= STOCK.c.reserved + bindparam("kept"),
    )
    .values(
        on_hand=STOCK.c.on_hand + bindparam("brought"),
        reserved=STOCK.c.reserved + bindparam("kept"),
        update_time=bindparam("now"),
        revision=bindparam("next"),
    )
)

FIND_ADJUSTMENT = select(ADJUSTMENTS).where(
    ADJUSTMENTS.c.actor == bindparam("actor"), ADJUSTMENTS.c.request_id == bindparam("request_id")
)

# The order's reservation, and the one that the request id made: as a rule one and the same.
FIND_RESERVATIONS = select(RESERVATIONS).where(
    or_(
        RESERVATIONS.c.order_name == bindparam("order"),
        RESERVATIONS.c.request_id == bindparam("request_id"),
    )
)
LOCK_RESERVATION = (
    select(RESERVATIONS).where(RESERVATIONS.c.order_name == bindparam("order")).with_for_update()
)
FIND_LINES = (
    select(LINES)
    .where(LINES.c.order_name.in_(bindparam("orders", expanding=True)))
    .order_by(LINES.c.order_name, LINES.c.position)
)
MOVE_RESERVATION = (
    update(RESERVATIONS)
    .where(
        RESERVATIONS.c.order_name == bindparam("this"), RESERVATIONS.c.state == bindparam("read")
    )
    .values(state=bindparam("next"), update_time=bindparam("then"))
)


def lock_expired(limit: int, products: Collection[str] | None) -> Select[Any]:
    """Lock at most `limit` holds whose time has come at `:now`.

    Of certain products: all of them, and whoever has one of them locked is waited for. Of any: the
    oldest, and what others have locked is left to them.
    """
    due = select(RESERVATIONS).where(_HELD, RESERVATIONS.c.expire_time <= bindparam("now"))
    if products is None:
        oldest = due.order_by(RESERVATIONS.c.expire_time).limit(limit)
        return oldest.with_for_update(skip_locked=True)
    wanted = exists().where(
        and_(LINES.c.order_name == RESERVATIONS.c.order_name, LINES.c.product.in_(products))
    )
    return due.where(wanted).order_by(RESERVATIONS.c.order_name).limit(limit).with_for_update()


def balances() -> Executable:
    """Select each product with its numbers and what they must agree with (`rows.Balance`)."""
    open_ = RESERVATIONS.c.state.in_(sorted(state.value for state in OPEN))
    sold = RESERVATIONS.c.state == State.COMMITTED.value
    lines = (
        select(
            LINES.c.product,
            func.sum(case((open_, LINES.c.quantity), else_=0)).label("kept"),
            func.sum(case((sold, LINES.c.quantity), else_=0)).label("sold"),
        )
        .join(RESERVATIONS, RESERVATIONS.c.order_name == LINES.c.order_name)
        .group_by(LINES.c.product)
        .subquery("lines")
    )
    adjustments = (
        select(ADJUSTMENTS.c.product, func.sum(ADJUSTMENTS.c.delta).label("adjusted"))
        .group_by(ADJUSTMENTS.c.product)
        .subquery("adjusted")
    )
    return (
        select(
            *(STOCK.c.product, STOCK.c.on_hand, STOCK.c.reserved),
            func.coalesce(lines.c.kept, 0).label("kept"),
            func.coalesce(lines.c.sold, 0).label("sold"),
            func.coalesce(adjustments.c.adjusted, 0).label("adjusted"),
        )
        .select_from(STOCK)
        .outerjoin(lines, lines.c.product == STOCK.c.product)
        .outerjoin(adjustments, adjustments.c.product == STOCK.c.product)
        .order_by(STOCK.c.product)
    )
