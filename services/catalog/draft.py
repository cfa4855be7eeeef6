"""What an admin may say of a product, and the rules that the contract writes at the fields."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plait.errors import InvalidArgument, Violation
from plait.money import Money

MOST_UNITS = 1_000_000_000  # of a price; with nanos it fits in a signed integer of 64 bits
MOST_TAGS, MOST_DESCRIPTION, MOST_ETAG, MOST_SHOWN = 20, 10_000, 64, 80
NUL = "\x00"  # no text of PostgreSQL can hold it

REQUIRED = ("sku", "title", "price")
_TEXTS = {  # what is expected, the pattern, and at most how many characters
    "name": (
        "products/ and an id of at most 63 lower-case letters, digits and hyphens",
        re.compile(r"products/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
        72,
    ),
    "sku": (
        "at most 64 letters, digits, dots, underscores and hyphens, a letter or digit first",
        re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        64,
    ),
    "title": (
        "one line of at most 200 characters, not all of them blank",
        re.compile(r"[^\x00-\x1F\x7F]*[^\x00-\x20\x7F][^\x00-\x1F\x7F]*"),
        200,
    ),
    "category": (
        "lower-case words joined by hyphens (board-games), at most 63 characters",
        re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
        63,
    ),
}


class InvalidProduct(InvalidArgument):
    """Fields that break a rule; the violations name them as seen from the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMoney:
    """A price that was sent and is no amount of money."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an admin says of a product, as it was said: nothing is checked, empty is left out."""

    name: str = ""
    sku: str = ""
    title: str = ""
    description: str = ""
    price: Money | NotMoney | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    etag: str = ""

    @property
    def label(self) -> str:
        """What a report calls it, in at most 100 characters."""
        return (self.name or self.sku)[:100]


def check(said: Draft) -> None:
    """Raise InvalidProduct unless a product can be as the draft says."""
    if violations := tuple(_violations(said)):
        message = "; ".join(f"{broken.field} {broken.description}" for broken in violations)
        raise InvalidProduct(message, violations=violations)


def _violations(said: Draft) -> Iterator[Violation]:
    """Yield what breaks the rules that the contract writes at the fields."""
    for field in REQUIRED:
        if not getattr(said, field):
            yield Violation(field=field, description="must be given", rule="required")
    for field, (expected, pattern, most) in _TEXTS.items():
        value: str = getattr(said, field)
        if value and (len(value) > most or not pattern.fullmatch(value)):
            yield _broken(field, expected, value)
    yield from _description_violations(said.description)
    if len(said.etag) > MOST_ETAG:
        yield _broken("etag", f"at most {MOST_ETAG} characters", f"{len(said.etag)} characters")
    yield from _price_violations(said.price)
    yield from _tag_violations(said.tags)


def _description_violations(text: str) -> Iterator[Violation]:
    if len(text) > MOST_DESCRIPTION:
        expected = f"at most {MOST_DESCRIPTION} characters"
        yield _broken("description", expected, f"{len(text)} characters")
    elif (at := text.find(NUL)) >= 0:
        yield _broken("description", "without the character NUL", text[: at + 1][-MOST_SHOWN:])


def _price_violations(price: Money | NotMoney | None) -> Iterator[Violation]:
    if isinstance(price, NotMoney):
        yield Violation(field="price", description=price.why, rule="money.price")
    elif price and (price.total_nanos < 0 or price.units > MOST_UNITS):
        yield _broken("price", f"not negative and at most {MOST_UNITS} units", str(price))


def _tag_violations(tags: Sequence[str]) -> Iterator[Violation]:
    if len(tags) > MOST_TAGS:
        yield _broken("tags", f"at most {MOST_TAGS}", f"{len(tags)}")
        return
    expected, pattern, most = _TEXTS["category"]
    for index, tag in enumerate(tags):
        if len(tag) > most or not pattern.fullmatch(tag):
            yield _broken(f"tags[{index}]", expected, tag)
        elif tag in tags[:index]:
            yield _broken("tags", "each once", f"{tag} again")


def _broken(field: str, expected: str, found: str) -> Violation:
    """Say it with what was found, cut short: it may be as long as a message may be."""
    shown = found if len(found) <= MOST_SHOWN else f"{found[:MOST_SHOWN]}..."
    return Violation(
        field=field, description=f"must be {expected}; found {shown!r}", rule=f"product.{field}"
    )
