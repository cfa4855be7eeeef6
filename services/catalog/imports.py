"""What an import makes of each line, and what it reports in the end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from plait.errors import Error
from services.catalog.domain import Product, SkuTaken, create
from services.catalog.draft import Draft, check

MOST_REFUSALS = 100  # that a report names; it counts them all


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    product: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    product: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    product: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that breaks a rule: why, for a program and a person, and the field if it is one."""

    reason: str
    message: str
    field: str = ""

    @classmethod
    def because(cls, error: Error) -> Self:
        fields = {violation.field for violation in error.violations}
        field = fields.pop() if len(fields) == 1 else ""
        return cls(reason=error.reason, message=error.message[:1000], field=field[:200])


Outcome = Created | Updated | Unchanged | Refused


def decide(
    line: Draft,
    *,
    named: Product | None,
    same_sku: Product | None,
    new_id: Callable[[], str],
    now: datetime,
) -> Outcome:
    """Say what an import makes of one line.

    Args:
        line: what the line says.
        named: the product with the line's name, a deleted one too; None if the line has none.
        same_sku: the product with the line's sku that is not deleted.
        new_id: makes the id of a product that the line does not name.
        now: when.
    """
    try:
        check(line)
        return _apply(line, named if line.name else same_sku, same_sku, new_id, now)
    except Error as error:
        return Refused.because(error)


def _apply(
    line: Draft,
    found: Product | None,
    same_sku: Product | None,
    new_id: Callable[[], str],
    now: datetime,
) -> Outcome:
    if found is None:
        if same_sku:
            raise SkuTaken.by_another(line.sku)
        product_id = line.name.removeprefix("products/") or new_id()
        return Created(product=create(line, product_id=product_id, now=now))
    found.check_on_sale()
    # An etag that is behind does no harm where the product is already what the line wants.
    changed = found.change(replace(line, etag=""), ("*",), now=now)
    if changed is found:
        return Unchanged(product=found)
    found.check_etag(line.etag)
    if same_sku and same_sku.name != found.name:
        raise SkuTaken.by_another(line.sku)
    return Updated(product=changed)


class Shelf:
    """The products that a batch of lines may meet, kept up to date from line to line.

    Args:
        products: those with the name of a line, deleted ones too, and those on sale with the sku of
            a line.
    """

    def __init__(self, products: Iterable[Product]) -> None:
        self._named: dict[str, Product] = {}
        self._by_sku: dict[str, Product] = {}
        for product in products:
            self._put(product)

    def take(self, line: Draft, *, new_id: Callable[[], str], now: datetime) -> Outcome:
        """Say what the import makes of the next line."""
        named, same_sku = self._named.get(line.name), self._by_sku.get(line.sku)
        outcome = decide(line, named=named, same_sku=same_sku, new_id=new_id, now=now)
        if isinstance(outcome, Created | Updated):
            self._put(outcome.product)
        return outcome

    def _put(self, product: Product) -> None:
        before = self._named.get(product.name)
        if before and not before.deleted:
            del self._by_sku[before.sku]
        self._named[product.name] = product
        if not product.deleted:
            self._by_sku[product.sku] = product


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A line (the first one is 1) that was refused."""

    line: int
    product: str
    reason: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of an import so far; the four counts add up to its lines."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()

    @property
    def lines(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused

    def after(self, line: Draft, outcome: Outcome) -> "Report":
        """Return the report with one more line."""
        match outcome:
            case Created():
                return replace(self, created=self.created + 1)
            case Updated():
                return replace(self, updated=self.updated + 1)
            case Unchanged():
                return replace(self, unchanged=self.unchanged + 1)
            case Refused():
                return self._refuse(line, outcome)

    def _refuse(self, line: Draft, why: Refused) -> "Report":
        refused = replace(self, refused=self.refused + 1)
        if self.refused >= MOST_REFUSALS:
            return refused
        refusal = Refusal(
            line=self.lines + 1,
            product=line.label,
            reason=why.reason,
            message=why.message,
            field=why.field,
        )
        return replace(refused, refusals=(*self.refusals, refusal))
