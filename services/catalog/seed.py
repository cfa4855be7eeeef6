"""Fills the catalog with sample products and their pictures, by calls like anybody's.

`plait up` runs it once for a new database, and `plait seed --products N` at any time: a sample
that was changed is set back, one that was deleted stays so, and other products are left alone.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from google.api.httpbody_pb2 import HttpBody

from plait.errors import Error
from plait.mesh.channel import connect
from services.catalog.domain import picture_name
from services.catalog.samples.products import assortment, samples
from shop.catalog.v1 import catalog_pb2 as pb
from shop.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

if TYPE_CHECKING:
    from shop.catalog.v1.catalog_pb2_grpc import CatalogServiceAsyncStub  # only checkers see it

PRODUCTS, MOST_PRODUCTS = 60, 1_000_000
TARGET = "127.0.0.1:9092"

_CALLS = 4  # at a time
_BATCH = 50  # products that one BatchGetProducts reads
_CALL_SECONDS = 10.0
_LINES_PER_SECOND = 100  # that the slowest machine takes in
_PROGRESS = 10_000  # lines of an import between two reports
_STAYS_DELETED = "PRODUCT_NOT_FOUND"


class SeedFailed(Exception):
    """Why the catalog is not filled, in a sentence for whoever asked for it."""


def main() -> None:
    """Fill the catalog of PLAIT_TARGET_CATALOG as the admin whose token PLAIT_TOKEN is."""
    count = _arguments().products
    token = os.environ.get("PLAIT_TOKEN", "")
    if not token:
        sys.exit("seed: expected an admin's token in PLAIT_TOKEN, found none: run `plait seed`")
    try:
        asyncio.run(_run(token, count))
    except SeedFailed as failed:
        sys.exit(f"seed: {failed}")
    except Error as error:
        sys.exit(f"seed: the catalog answered {error.code.name}: {error.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Fills a catalog.

    Args:
        catalog: the service, in any state.
        token: an admin's.
        say: takes each line of progress.
    """

    catalog: "CatalogServiceAsyncStub"
    token: str
    say: Callable[[str], None]

    async def run(self, count: int) -> None:
        """Bring in this many samples, and the pictures of those that have one.

        Raises:
            SeedFailed: a sample was refused.
            Error: a call failed; what was brought in before stays.
        """
        self.say(f"importing {count} products")
        report = await self.catalog.ImportProducts(
            self._lines(count),
            timeout=_CALL_SECONDS + count / _LINES_PER_SECOND,
            metadata=self._metadata,
        )
        _check(report)
        self.say(
            f"products: {report.created_count} created, {report.updated_count} set back, "
            f"{report.unchanged_count} there already, {report.refused_count} stay deleted"
        )
        await self._put_pictures(count)

    def _lines(self, count: int) -> Iterator[pb.ImportProductsRequest]:
        for number, product in enumerate(samples(count), start=1):
            yield pb.ImportProductsRequest(product=product)
            if number % _PROGRESS == 0:
                self.say(f"sent {number} of {count}")

    async def _found(self, names: list[str]) -> list[pb.Product]:
        found: list[pb.Product] = []
        for begin in range(0, len(names), _BATCH):
            request = pb.BatchGetProductsRequest(names=names[begin : begin + _BATCH])
            answer = await self.catalog.BatchGetProducts(
                request, timeout=_CALL_SECONDS, metadata=self._metadata
            )
            found += answer.products
        return found

    async def _put_pictures(self, count: int) -> None:
        draw = {drawn.product.name: drawn.draw for drawn in assortment(count)}
        if not draw:
            return
        found = await self._found([*draw])
        on_sale = [each for each in found if not each.HasField("delete_time")]
        turns = asyncio.Semaphore(_CALLS)

        async def put(product: pb.Product) -> bool:
            async with turns:
                return await self._put(product, draw[product.name]().png())

        try:
            async with asyncio.TaskGroup() as tasks:
                puts = [tasks.create_task(put(product)) for product in on_sale]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        new = sum(task.result() for task in puts)
        self.say(f"pictures: {new} set, {len(puts) - new} there already")

    async def _put(self, product: pb.Product, picture: bytes) -> bool:
        """Set a product's picture unless it has it, and say whether it had not."""
        if product.picture.sha256 == sha256(picture).hexdigest():
            return False
        request = pb.PutPictureRequest(
            name=picture_name(product.name),
            content=HttpBody(content_type="image/png", data=picture),
        )
        await self.catalog.PutPicture(request, timeout=_CALL_SECONDS, metadata=self._metadata)
        return True

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),)


async def _run(token: str, count: int) -> None:
    async with connect("catalog", target=TARGET) as channel:
        await Seed(catalog=CatalogServiceStub(channel), token=token, say=_say).run(count)


def _check(report: pb.ImportProductsResponse) -> None:
    for refusal in report.refusals:
        if refusal.reason != _STAYS_DELETED:
            raise SeedFailed(
                f"the sample {refusal.product} was refused, {refusal.reason}: {refusal.message}"
            )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # whoever waits reads it from a log or a pipe


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="seed", description="Fill the catalog with sample products and their pictures."
    )
    parser.add_argument(
        "--products", type=_count, default=PRODUCTS, help="how many; %(default)s without it"
    )
    return parser.parse_args()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PRODUCTS:
        raise argparse.ArgumentTypeError(
            f"expected a number from 0 to {MOST_PRODUCTS}, found {text!r}"
        )
    return int(text)
