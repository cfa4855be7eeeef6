"""The rules of the catalog: what a product is, and how it comes, changes and goes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

from plait.errors import Aborted, AlreadyExists, InvalidArgument, NotFound, Violation
from plait.money import Money
from services.catalog.draft import Draft, check

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000

SETTABLE = ("sku", "title", "description", "price", "category", "tags")
"""The fields that an admin sets, as update masks name them."""

IGNORED = ("name", "picture", "create_time", "update_time", "delete_time", "etag")
"""The fields that a mask may name in vain: only the shop sets them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidUpdateMask(InvalidArgument):
    """A mask that names what is no field of a product."""


class ProductNotFound(NotFound):
    @classmethod
    def named(cls, name: str) -> Self:
        return cls(f"there is no product {name}", resource=name, product=name)

    @classmethod
    def deleted(cls, name: str) -> Self:
        return cls(f"the product {name} is deleted", resource=name, product=name)


class PictureNotFound(NotFound):
    @classmethod
    def named(cls, name: str) -> Self:
        return cls(f"there is no picture {name}", resource=name, picture=name)


class ProductExists(AlreadyExists):
    @classmethod
    def named(cls, name: str) -> Self:
        message = f"the name {name} was given to a product before: choose another product_id"
        return cls(message, resource=name, product=name)


class SkuTaken(AlreadyExists):
    @classmethod
    def by_another(cls, sku: str) -> Self:
        return cls(f"another product has the sku {sku}", sku=sku)


class EtagMismatch(Aborted):
    @classmethod
    def of(cls, product: "Product", given: str) -> Self:
        message = (
            f"{product.name} was changed since it had the etag {given[:64]!r}: read it again and "
            "repeat with the etag that it has now"
        )
        return cls(message, resource=product.name, product=product.name, etag=product.etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known of a product's picture; the bytes are kept elsewhere."""

    name: str
    content_type: str
    size_bytes: int
    sha256: str
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as it is kept; every change makes a new one, of the next revision.

    The rules for its fields are checked where it is made or changed, not where it is read: a rule
    that becomes stricter must not make an old product unreadable.
    """

    name: str
    sku: str
    title: str
    description: str = ""
    price: Money
    category: str = ""
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    create_time: datetime
    update_time: datetime
    delete_time: datetime | None = None
    revision: int = 1

    @property
    def etag(self) -> str:
        """Differs for every revision; with the time, so that a restored database repeats none."""
        micros = (self.update_time - _EPOCH) // timedelta(microseconds=1)
        return sha256(f"{self.name} {self.revision} {micros}".encode()).hexdigest()[:20]

    @property
    def deleted(self) -> bool:
        return self.delete_time is not None

    @property
    def draft(self) -> Draft:
        """What an admin would say to make it as it is."""
        return Draft(name=self.name, etag=self.etag, **{f: getattr(self, f) for f in SETTABLE})

    def check_etag(self, given: str) -> None:
        """Raise EtagMismatch if a caller knows another revision; an empty etag knows none."""
        if given and given != self.etag:
            raise EtagMismatch.of(self, given)

    def check_on_sale(self) -> None:
        """Raise ProductNotFound if it is deleted: it can be read, and nothing else."""
        if self.deleted:
            raise ProductNotFound.deleted(self.name)

    def change(self, said: Draft, paths: Collection[str] = (), *, now: datetime) -> "Product":
        """Return the product with the fields that an update mask (AIP-134) names; itself if equal.

        Args:
            said: the new values, and the etag that the caller knows.
            paths: names from SETTABLE and IGNORED, or `*`; empty: what is not empty in `said`.
            now: when.

        Raises:
            ProductNotFound: it is deleted.
            EtagMismatch: it was changed since.
            InvalidUpdateMask: a path is none of a product.
            InvalidProduct: the new values break a rule.
        """
        self.check_on_sale()
        self.check_etag(said.etag)
        return self._with_fields(said, _settable(said, paths), now)

    def with_picture(self, picture: Picture, *, now: datetime) -> "Product":
        """Return the product with this picture; itself if its picture has the same bytes and type.

        Raises:
            ProductNotFound: it is deleted.
        """
        self.check_on_sale()
        if self.picture and replace(picture, update_time=self.picture.update_time) == self.picture:
            return self
        return replace(self, picture=picture, update_time=now, revision=self.revision + 1)

    def delete(self, *, now: datetime) -> "Product":
        """Return the product as deleted.

        Raises:
            ProductNotFound: it is deleted already.
        """
        self.check_on_sale()
        return replace(self, delete_time=now, update_time=now, revision=self.revision + 1)

    def _with_fields(self, said: Draft, fields: Collection[str], now: datetime) -> "Product":
        wanted = replace(self.draft, **{field: getattr(said, field) for field in fields})
        if wanted == self.draft:
            return self
        check(wanted)
        return replace(
            self,
            **{field: getattr(wanted, field) for field in SETTABLE},
            update_time=now,
            revision=self.revision + 1,
        )


def create(said: Draft, *, product_id: str, now: datetime) -> Product:
    """Return a new product; the draft's name and etag do not count.

    Raises:
        InvalidProduct: a field is missing or breaks a rule.
    """
    name = f"products/{product_id}"
    check(replace(said, name=name, etag=""))
    values = {field: getattr(said, field) for field in SETTABLE}
    return Product(name=name, create_time=now, update_time=now, **values)


def deletion(
    found: Product | None, *, name: str, etag: str = "", allow_missing: bool = False, now: datetime
) -> Product | None:
    """Return the product as deleted, or None if nothing is to do.

    Raises:
        ProductNotFound: there is none, or it is deleted, and that is not allowed.
        EtagMismatch: it was changed since.
    """
    if found is None or found.deleted:
        if allow_missing:
            return None
        raise ProductNotFound.deleted(name) if found else ProductNotFound.named(name)
    found.check_etag(etag)
    return found.delete(now=now)


def picture_name(product: str) -> str:
    """Return the name of a product's picture."""
    return f"{product}/picture"


def product_of(picture: str) -> str:
    """Return the name of the product that a picture's name stands for."""
    return picture.removesuffix("/picture")


def page_size(asked: int) -> int:
    """Return how many products a page has (AIP-158): by default 50, never more than 1000."""
    return min(asked, LARGEST_PAGE) or DEFAULT_PAGE


def _settable(said: Draft, paths: Collection[str]) -> Sequence[str]:
    for path in paths:
        if path not in (*SETTABLE, *IGNORED, "*"):
            message = f"expected fields of a product ({', '.join(SETTABLE)}) or *, found {path!r}"
            violation = Violation(field="update_mask", description=message, rule="field_mask.in")
            raise InvalidUpdateMask(f"update_mask: {message}", violations=[violation])
    if "*" in paths:
        return SETTABLE
    if paths:
        return [field for field in SETTABLE if field in paths]
    return [field for field in SETTABLE if getattr(said, field)]
