"""The rules of reservations: the states that they go through, and what each does to the stock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from plait.errors import AlreadyExists, FailedPrecondition, NotFound
from services.inventory.domain import Move


class State(Enum):
    """Where a reservation stands."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    RESTOCKED = "RESTOCKED"


_PIECES: Mapping[State, tuple[int, int]] = {
    State.HELD: (0, 1),
    State.CONFIRMED: (0, 1),
    State.COMMITTED: (-1, 0),
    State.RELEASED: (0, 0),
    State.EXPIRED: (0, 0),
    State.RESTOCKED: (0, 0),
}
"""What each piece of a reservation does to the stock: to `on_hand`, and to `reserved`."""

OPEN = frozenset(state for state, (_, reserved) in _PIECES.items() if reserved)
"""The states in which pieces on the shelf are kept for an order."""


class ReservationNotFound(NotFound):
    @classmethod
    def of(cls, order: str) -> Self:
        name = reservation_name(order)
        return cls(f"there is no reservation for {order}", resource=name, order=order)


class ReservationExists(AlreadyExists):
    @classmethod
    def of(cls, kept: "Reservation") -> Self:
        message = (
            f"{kept.order} has a reservation that was made with another request_id, and is "
            f"{kept.state.value}"
        )
        return cls(message, resource=kept.name, order=kept.order, state=kept.state.value)


class _WrongState(FailedPrecondition):
    @classmethod
    def of(cls, kept: "Reservation") -> Self:
        message = f"the reservation for {kept.order} is {kept.state.value}"
        return cls(message, resource=kept.name, order=kept.order, state=kept.state.value)


class ReservationReleased(_WrongState):
    """The pieces were given free, and the order can hold none any more."""


class ReservationExpired(_WrongState):
    """Nobody confirmed it in time: the pieces are free."""


class ReservationNotConfirmed(_WrongState):
    """Pieces leave the shelf only once they are kept for good."""


class ReservationCommitted(_WrongState):
    """The pieces have left the shelf."""


class ReservationNotCommitted(_WrongState):
    """The pieces have not left the shelf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Pieces of one product, at least one."""

    product: str
    quantity: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"a line holds a piece or more, not {self.quantity}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Pieces kept for an order. One that was released before it was made has no lines.

    Raises:
        ValueError: it names a product twice, or holds nothing and was not released.
    """

    order: str
    lines: tuple[Line, ...] = ()
    state: State
    expire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    def __post_init__(self) -> None:
        if len({line.product for line in self.lines}) != len(self.lines):
            raise ValueError(f"the reservation for {self.order} names a product twice")
        nothing = not self.lines or self.expire_time is None
        if nothing and self.state is not State.RELEASED:
            raise ValueError(f"the reservation for {self.order} is {self.state} and holds nothing")

    @property
    def name(self) -> str:
        return reservation_name(self.order)

    def at(self, now: datetime) -> "Reservation":
        """Return it as it is at this moment: a hold expires by itself, when its time has come."""
        due = self.expire_time
        if self.state is State.HELD and due is not None and due <= now:
            return self._become(State.EXPIRED, due)
        return self

    def confirm(self, now: datetime) -> "Reservation":
        """Return it kept until Commit or Release; itself if it is, or was.

        Raises:
            ReservationExpired, ReservationReleased: the pieces are free again.
        """
        if self.state is State.EXPIRED:
            raise ReservationExpired.of(self)
        if self.state is State.RELEASED:
            raise ReservationReleased.of(self)
        return self._become(State.CONFIRMED, now) if self.state is State.HELD else self

    def commit(self, now: datetime) -> "Reservation":
        """Return it with its pieces off the shelf; itself if they are.

        Raises:
            ReservationNotConfirmed: it is in any other state.
        """
        if self.state is State.COMMITTED:
            return self
        if self.state is not State.CONFIRMED:
            raise ReservationNotConfirmed.of(self)
        return self._become(State.COMMITTED, now)

    def release(self, now: datetime) -> "Reservation":
        """Return it with its pieces free; itself if they are, however that came about.

        Raises:
            ReservationCommitted: they have left the shelf.
        """
        if self.state is State.COMMITTED:
            raise ReservationCommitted.of(self)
        return self._become(State.RELEASED, now) if self.state in OPEN else self

    def restock(self, now: datetime) -> "Reservation":
        """Return it with its pieces back on the shelf; itself if they came back before.

        Raises:
            ReservationNotCommitted: they have not left it.
        """
        if self.state is State.RESTOCKED:
            return self
        if self.state is not State.COMMITTED:
            raise ReservationNotCommitted.of(self)
        return self._become(State.RESTOCKED, now)

    def another(self) -> ReservationExists | ReservationReleased:
        """Return why the order cannot have another one beside it."""
        if self.state is State.RELEASED:
            return ReservationReleased.of(self)
        return ReservationExists.of(self)

    def _become(self, state: State, now: datetime) -> "Reservation":
        return replace(self, state=state, update_time=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What an order wants to have kept for it, and for how long."""

    order: str
    lines: tuple[Line, ...]
    ttl: timedelta

    def at(self, now: datetime) -> Reservation:
        """Return the reservation that is made of it at this moment."""
        return Reservation(
            order=self.order,
            lines=self.lines,
            state=State.HELD,
            expire_time=now + self.ttl,
            create_time=now,
            update_time=now,
        )


Decide = Callable[[Reservation | None, str, datetime], Reservation]
"""What becomes of the reservation of an order, if it has one: itself if nothing does.

It gets the reservation as it is at this moment, the order's name and the moment."""


def confirmed(found: Reservation | None, order: str, now: datetime) -> Reservation:
    return _there(found, order).confirm(now)


def committed(found: Reservation | None, order: str, now: datetime) -> Reservation:
    return _there(found, order).commit(now)


def released(found: Reservation | None, order: str, now: datetime) -> Reservation:
    """Release it; without one, return what keeps the order from ever having one."""
    if found is None:
        return Reservation(order=order, state=State.RELEASED, create_time=now, update_time=now)
    return found.release(now)


def restocked(found: Reservation | None, order: str, now: datetime) -> Reservation:
    return _there(found, order).restock(now)


def moves(before: Reservation | None, after: Reservation) -> tuple[Move, ...]:
    """Return what this change of a reservation does to the stock of its products."""
    was = (0, 0) if before is None else _PIECES[before.state]
    on_hand, reserved = (new - old for new, old in zip(_PIECES[after.state], was, strict=True))
    return tuple(
        Move(
            product=line.product,
            on_hand=on_hand * line.quantity,
            reserved=reserved * line.quantity,
        )
        for line in after.lines
    )


def reservation_name(order: str) -> str:
    return f"reservations/{order.removeprefix('orders/')}"


def _there(found: Reservation | None, order: str) -> Reservation:
    if found is None:
        raise ReservationNotFound.of(order)
    return found
