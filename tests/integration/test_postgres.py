"""The whole shop on PostgreSQL, as `make up DATABASE=postgres` starts it."""

import asyncio
import json
import shutil
import tempfile
from itertools import permutations
from pathlib import Path

import asyncpg
import httpx
import pytest

from plait.data.blocking import wait_for
from plait.local.mistake import Mistake
from plait.local.postgres import binaries
from tests.integration.shop import start
from tests.integration.test_kill import BOUND, ENOUGH, WRITERS, Writing, kill_until_away
from tests.ports import free_port

SERVICES = ("catalog", "identity", "inventory")


@pytest.fixture(scope="module")
def shop():
    """A shop in a folder that the server's user may enter, whoever that is."""
    try:
        binaries()
    except Mistake as missing:
        pytest.skip(str(missing))
    folder = Path(tempfile.mkdtemp(prefix="plait-"))
    folder.chmod(0o755)
    running = start(folder, PLAIT_DATABASE="postgres", PLAIT_PORT_POSTGRES=str(free_port()))
    yield running
    running.plait("down")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def connect(shop):
    """Try to use a service's database as a role, and return what it answers."""

    def connect(role, database, statement="SELECT 1"):
        secret = (shop.folder / ".plait" / "keys" / f"postgres-{role}.secret").read_text()
        port = int(shop.environment["PLAIT_PORT_POSTGRES"])

        async def run():
            connection = await asyncpg.connect(
                host="127.0.0.1", port=port, user=role, password=secret, database=database
            )
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return wait_for(run)

    return connect


def test_the_server_is_a_process_like_the_others(shop):
    server = shop.process("postgres")

    assert server["state"] == "ready"
    assert server["address"] == f"127.0.0.1:{shop.environment['PLAIT_PORT_POSTGRES']}"
    assert not list((shop.folder / ".plait" / "data").glob("*.db"))


def test_a_visitor_browses_and_searches_what_was_seeded(shop):
    page = shop.ask("/v1/products?pageSize=50&filter=tags%3Awood&orderBy=price%20desc")
    found = shop.ask("/v1/products:search?query=chess")["results"]

    prices = [int(each["price"]["units"]) for each in page["products"]]
    assert prices == sorted(prices, reverse=True)
    assert len(prices) > 3
    assert "Chess" in found[0]["product"]["title"]


def test_an_administrator_adds_a_product_and_everybody_finds_it(shop):
    product = {"sku": "PG-1", "title": "Été", "price": {"currencyCode": "EUR", "units": "7"}}

    made = shop.ask("/v1/products", product, **shop.admin())

    assert shop.ask(f"/v1/{made['name']}") == made
    assert shop.ask("/v1/products:search?query=ete")["results"][0]["product"] == made


def test_somebody_new_signs_up_and_logs_in(shop, connect):
    before = connect("identity", "identity", "SELECT count(*) FROM users")

    person = shop.user()

    assert shop.ask("/v1/users/me", **person.headers)["name"] == person.name
    assert connect("identity", "identity", "SELECT count(*) FROM users") == before + 1


@pytest.mark.parametrize("role", SERVICES)
def test_a_role_can_use_its_own_database(connect, role):
    assert connect(role, role, "SELECT count(*) FROM alembic_version") == 1


@pytest.mark.parametrize(
    ("role", "database"), [*permutations(SERVICES, 2), ("catalog", "postgres")]
)
def test_a_role_cannot_connect_to_a_database_of_another(connect, role, database):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        connect(role, database)


def test_no_password_is_said_anywhere(shop):
    folder = shop.folder / ".plait"
    secrets = [path.read_text() for path in (folder / "keys").glob("postgres*.secret")]
    said = shop.plait("ps", "--json") + "".join(
        path.read_text(errors="replace") for path in (folder / "logs").glob("*.log")
    )

    assert len(secrets) == 1 + len(SERVICES)
    assert not [secret for secret in secrets if secret in said]


@pytest.fixture(scope="module")
def killed(shop):
    """What clients have seen whose writes met a server that was killed."""

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
                kills = await kill_until_away(shop, writing, "postgres")
                so_far = len(writing.acknowledged)
                await writing.until(lambda: len(writing.acknowledged) >= so_far + ENOUGH)
                writing.stop()
            return writing, kills

    return asyncio.run(act())


def test_while_the_server_is_away_writers_are_told_to_try_again(killed):
    writing, _ = killed

    assert {answer.status_code for answer in writing.answers} == {201, 503}


def test_a_killed_server_comes_back_and_no_service_was_started_again(shop, killed):
    _, kills = killed

    assert shop.process("postgres")["restarts"] == kills
    assert [shop.process(name)["restarts"] for name in SERVICES] == [0, 0, 0]


def test_nothing_that_was_acknowledged_is_lost_and_nothing_is_there_twice(shop, killed):
    writing, _ = killed
    answer = httpx.get(
        shop.url("/v1/products:export"), params={"filter": 'sku:"KILL-"'}, headers=shop.admin()
    )
    products = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
    kept = {product["sku"]: product for product in products}

    assert [each for each in writing.acknowledged if kept.get(each["sku"]) != each] == []
    assert len(kept) == len(products)
    assert kept.keys() == {each["sku"] for each in writing.acknowledged}
