"""The products of a new catalog: a hand-made assortment, and as many more as a load test wants."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from plait.money import Money
from plait.wire import money_to
from services.catalog.samples import living, open_air, playing, reading
from services.catalog.samples.canvas import Canvas
from services.catalog.samples.palette import PALETTES, Palette
from shop.catalog.v1 import catalog_pb2 as pb

CURRENCY = "EUR"

_ASSORTMENT = Path(__file__).with_name("products.ndjson")
_ROOMS = (reading, playing, living, open_air)

_QUALITIES = ("Plain", "Light", "Sturdy", "Folding", "Little", "Large", "Striped")
_MATERIALS = ("Cotton", "Oak", "Steel", "Glass", "Wool", "Paper", "Bamboo", "Clay", "Cork")
_THINGS: Mapping[str, tuple[str, ...]] = {
    "kitchen": ("Tray", "Coaster", "Spoon", "Canister"),
    "stationery": ("Folder", "Card", "Pen Tray"),
    "garden": ("Planter", "Label", "Trellis", "Bird Bath", "Basket"),
    "outdoors": ("Stool", "Cup"),
    "lighting": ("Lamp Shade", "Tea Light", "Lamp Base"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A product of the assortment, and how its picture is drawn."""

    product: pb.Product
    draw: Callable[[], Canvas]


def samples(count: int) -> Iterator[pb.Product]:
    """Yield this many products, the same ones in the same order each time, hand-made ones first."""
    made_by_hand = [drawn.product for drawn in assortment(count)]
    yield from made_by_hand
    for number in range(len(made_by_hand) + 1, count + 1):
        yield _made_up(number)


def assortment(most: int) -> Iterator[Drawn]:
    """Yield the products that are made by hand, at most so many."""
    for line in islice(_ASSORTMENT.read_text(encoding="utf-8").splitlines(), most):
        row: dict[str, Any] = json.loads(line)
        drawing, palette = row.pop("picture").split()
        row["price"] = money_to(Money.parse(row["price"], CURRENCY))
        yield Drawn(product=pb.Product(**row), draw=partial(_drawing(drawing), PALETTES[palette]))


def _drawing(name: str) -> Callable[[Palette], Canvas]:
    drawing: Callable[[Palette], Canvas] = next(
        getattr(room, name) for room in _ROOMS if hasattr(room, name)
    )
    return drawing


def _made_up(number: int) -> pb.Product:
    categories = tuple(_THINGS)
    category = categories[number % len(categories)]
    material = _MATERIALS[number % len(_MATERIALS)]
    quality = _QUALITIES[number % len(_QUALITIES)]
    thing = _THINGS[category][number // len(categories) % len(_THINGS[category])]
    cents = 190 + number * 12_239 % 19_800  # by the golden ratio: prices spread evenly
    return pb.Product(
        name=f"products/sample-{number}",
        sku=f"SAMPLE-{number}",
        title=f"{quality} {material} {thing} No. {number}",
        description=f"{thing} of {material.lower()}, from our warehouse, shelf {number % 480 + 1}.",
        price=money_to(Money.from_nanos(cents * 10_000_000, CURRENCY)),
        category=category,
        tags=("sample", material.lower()),
    )
