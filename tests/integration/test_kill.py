"""The catalog is killed in the middle of its work, and nothing that it acknowledged is lost."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import Callable

import httpx
import pytest

from tests.integration.refusals import by_http
from tests.integration.shop import start

BOUND = 60.0  # seconds for everything, on a machine that has other things to do
WRITERS = 4
ENOUGH = 20  # products that are acknowledged before the first kill, and after the last one
KILLS = 10  # at most, until the catalog was seen to be away


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop of its own: the others' catalog is left alive."""
    running = start(tmp_path_factory.mktemp("killed"))
    yield running
    running.plait("down")


class Writing:
    """Several clients that create products, each again with its request_id until it is there."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._news = asyncio.Condition()
        self._done = False
        self.answers: list[httpx.Response] = []

    @property
    def acknowledged(self) -> list[dict]:
        return [answer.json() for answer in self.answers if answer.status_code == 201]

    @property
    def others(self) -> list[httpx.Response]:
        return [answer for answer in self.answers if answer.status_code != 201]

    async def run(self) -> None:
        while not self._done:
            await self._write(uuid.uuid4())

    async def until(self, condition: Callable[[], object]) -> None:
        async with self._news:
            await self._news.wait_for(condition)

    def stop(self) -> None:
        self._done = True

    async def _write(self, number: uuid.UUID) -> None:
        price = {"currencyCode": "EUR", "units": "1"}
        product = {"sku": f"KILL-{number.hex}", "title": "Teapot", "price": price}
        status = 0
        while status != 201:
            answer = await self._client.post(
                "/v1/products", params={"requestId": str(number)}, json=product
            )
            status = answer.status_code
            async with self._news:
                self.answers.append(answer)
                self._news.notify_all()
            if status not in {201, 503}:
                return


async def kill_until_away(shop, writing: Writing, process: str = "catalog") -> int:
    """Kill a process until an answer says that it is away; return how often that took."""
    for number in range(1, KILLS + 1):
        before = len(writing.answers)
        os.kill(shop.process(process)["pid"], signal.SIGKILL)
        await writing.until(
            lambda before=before: writing.others or len(writing.answers) >= before + ENOUGH
        )
        if writing.others:
            return number
    raise AssertionError(f"killed {KILLS} times, and nobody noticed")


@pytest.fixture(scope="module")
def killed(shop):
    """What the clients of a catalog that was killed have seen, and what is there afterwards."""

    async def act() -> tuple[Writing, int]:
        async with (
            asyncio.timeout(BOUND),
            httpx.AsyncClient(base_url=shop.url(""), headers=shop.admin(), timeout=BOUND) as client,
        ):
            writing = Writing(client)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(WRITERS):
                    tasks.create_task(writing.run())
                await writing.until(lambda: len(writing.acknowledged) >= ENOUGH)
                kills = await kill_until_away(shop, writing)
                so_far = len(writing.acknowledged)
                await writing.until(lambda: len(writing.acknowledged) >= so_far + ENOUGH)
                writing.stop()
            return writing, kills

    return asyncio.run(act())


@pytest.fixture(scope="module")
def kept(shop, killed):
    """The products that were written, by their sku, as they are afterwards."""
    answer = httpx.get(
        shop.url("/v1/products:export"), params={"filter": 'sku:"KILL-"'}, headers=shop.admin()
    )
    products = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
    assert len({product["sku"] for product in products}) == len(products)
    return {product["sku"]: product for product in products}


def test_every_request_was_answered_with_201_or_503(killed):
    writing, _ = killed

    assert {answer.status_code for answer in writing.answers} == {201, 503}


def test_while_it_is_away_the_gateway_says_so_and_when_to_come_back(killed):
    writing, _ = killed

    for answer in writing.others:
        said = by_http(answer, 503)
        assert (said.status, said.reason, said.domain) == (
            "UNAVAILABLE",
            "UPSTREAM_UNAVAILABLE",
            "gateway",
        )
        assert said.message == "catalog is not available right now; try again"
        assert said.metadata == {"service": "catalog"}
        assert said.headers["retry-after"] == "1"


def test_the_supervisor_starts_it_again_and_it_is_ready(shop, killed):
    _, kills = killed

    process = shop.process("catalog")

    assert process["restarts"] == kills
    assert process["state"] == "ready"
    assert shop.process("gateway")["restarts"] == 0


def test_every_product_that_was_acknowledged_is_there_as_it_was_acknowledged(killed, kept):
    writing, _ = killed

    lost = [product for product in writing.acknowledged if kept.get(product["sku"]) != product]

    assert lost == []
    assert len(writing.acknowledged) >= 2 * ENOUGH


def test_a_product_whose_answer_was_lost_is_there_once_when_it_is_asked_for_again(killed, kept):
    writing, _ = killed

    assert kept.keys() == {product["sku"] for product in writing.acknowledged}
