"""The catalog as a process of its own: how it starts, refuses to start, dies and ends."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.type.money_pb2 import Money
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.data.migrations import head, migrate
from plait.mesh.channel import connect
from plait.mesh.metadata import AUTHORIZATION
from plait.testing import TestKeys, serving
from services.catalog import main
from shop.catalog.v1 import catalog_pb2 as pb
from shop.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

ROOT = Path(__file__).parents[3]


def start(folder, keys=None, **environment):
    names = {"PATH", "PYTHONPATH", "COVERAGE_PROCESS_START", "LANG"}
    inherited = {name: value for name, value in os.environ.items() if name in names}
    usual = {
        "DATABASE_URL": f"sqlite:///{folder / 'catalog.db'}",
        "PORT": "0",
        "PLAIT_DRAIN_DELAY": "0",
        "OTEL_SDK_DISABLED": "true",
    }
    if keys:
        usual |= {
            "PLAIT_USER_JWKS": str(keys.user_jwks),
            "PLAIT_WORKLOAD_JWKS": str(keys.workload_jwks),
        }
    return subprocess.Popen(
        [sys.executable, "-m", "services.catalog.main"],
        env=inherited | usual | environment,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@contextmanager
def running(folder, keys=None, **environment):
    """A catalog that listens, and its address; killed where a test has not ended it."""
    process = start(folder, keys, **environment)
    try:
        for line in process.stderr:
            if found := re.search(r"listening on ([0-9.]+:\d+)", line):
                yield process, found[1]
                break
        else:
            pytest.fail(f"the catalog did not listen; it ended with {process.wait(10)}")
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.fixture
def keys(tmp_path):
    return TestKeys(tmp_path)


def migrated(folder):
    migrate(f"sqlite:///{folder / 'catalog.db'}", main.MIGRATIONS)


def as_admin(keys):
    return [(AUTHORIZATION, f"Bearer {keys.user_token('users/a', ['admin'])}")]


def creation(number):
    price = Money(currency_code="EUR", units=1)
    return pb.CreateProductRequest(
        product_id=f"p{number}", product=pb.Product(sku=f"S{number}", title="Go", price=price)
    )


async def serving_status(address):
    async with connect("catalog", target=address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def test_a_catalog_serves_until_it_is_told_to_stop(tmp_path, keys):
    migrated(tmp_path)

    with running(tmp_path, keys) as (process, address):
        assert await serving_status(address) == "SERVING"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert process.returncode == 0


async def test_a_catalog_whose_database_was_not_migrated_is_not_ready_and_says_why(tmp_path):
    with running(tmp_path) as (process, address):
        assert await serving_status(address) == "NOT_SERVING"
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]

    assert "cannot be found" in said


async def test_a_killed_catalog_loses_nothing_that_it_acknowledged(tmp_path, keys):
    migrated(tmp_path)
    acknowledged = []

    for round_ in range(2):
        with running(tmp_path, keys) as (process, address):
            async with connect("catalog", target=address) as channel:
                stub = CatalogServiceStub(channel)
                for number in range(20):
                    product = await stub.CreateProduct(
                        creation(round_ * 20 + number), metadata=as_admin(keys)
                    )
                    acknowledged.append(product)
                process.send_signal(signal.SIGKILL)
                process.wait(10)

    with running(tmp_path, keys) as (_, address):
        async with connect("catalog", target=address) as channel:
            stub = CatalogServiceStub(channel)
            for product in acknowledged:
                assert await stub.GetProduct(pb.GetProductRequest(name=product.name)) == product


async def test_main_hands_a_whole_service_to_the_chassis(tmp_path, monkeypatch):
    migrated(tmp_path)
    served = {}
    monkeypatch.setattr(sys, "argv", ["catalog"])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'catalog.db'}")
    monkeypatch.setattr(
        main, "serve", lambda settings, register, **other: served.update(other, register=register)
    )

    main.main()

    assert served["name"] == "catalog"
    async with serving(served["register"], name="catalog", ready=served["ready"]) as shop:
        listed = await CatalogServiceStub(shop.channel).ListProducts(pb.ListProductsRequest())
        assert await serving_status(shop.target) == "SERVING"
    await served["on_close"]()
    assert listed == pb.ListProductsResponse()


def test_main_refuses_a_database_that_it_cannot_use(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["catalog"])
    monkeypatch.setenv("DATABASE_URL", "mysql://catalog:secret@db/shop")

    with pytest.raises(SystemExit) as caught:
        main.main()

    assert "DATABASE_URL: expected" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "mysql://db/shop"}, "DATABASE_URL: expected a database URL like"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "found one in memory"),
        ({"PORT": "many"}, "PORT"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence_and_no_traceback(tmp_path, environment, said):
    process = start(tmp_path, **environment)

    errors = process.communicate(timeout=20)[1]

    assert process.returncode in {1, 2}
    assert said in errors
    assert "Traceback" not in errors


def test_the_migrations_are_one_chain():
    assert head(main.MIGRATIONS)
