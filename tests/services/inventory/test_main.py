"""The inventory as a process of its own: how it starts, refuses to start, works and ends."""

import os
import re
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.data.migrations import head, migrate
from plait.errors import NotFound, Unavailable
from plait.mesh.channel import connect
from plait.mesh.metadata import AUTHORIZATION, WORKLOAD
from plait.testing import TestKeys, serving
from services.inventory import main
from shop.inventory.v1 import inventory_pb2 as pb
from shop.inventory.v1.inventory_pb2_grpc import InventoryServiceStub

ROOT = Path(__file__).parents[3]
NAME = "products/p1/stock"
STOCK = pb.GetStockRequest(name=NAME)
WATCH = pb.WatchStockRequest(names=[NAME])


def start(folder, keys=None, **environment):
    names = {"PATH", "PYTHONPATH", "COVERAGE_PROCESS_START", "LANG"}
    inherited = {name: value for name, value in os.environ.items() if name in names}
    usual = {
        "DATABASE_URL": f"sqlite:///{folder / 'inventory.db'}",
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
        [sys.executable, "-m", "services.inventory.main"],
        env=inherited | usual | environment,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@contextmanager
def running(folder, keys=None, **environment):
    """An inventory that listens, and its address; killed where a test has not ended it."""
    process = start(folder, keys, **environment)
    try:
        for line in process.stderr:
            if found := re.search(r"listening on ([0-9.]+:\d+)", line):
                yield process, found[1]
                break
        else:
            pytest.fail(f"the inventory did not listen; it ended with {process.wait(10)}")
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.fixture
def keys(tmp_path):
    return TestKeys(tmp_path)


def migrated(folder):
    migrate(f"sqlite:///{folder / 'inventory.db'}", main.MIGRATIONS)


def as_admin(keys):
    return [(AUTHORIZATION, f"Bearer {keys.user_token('users/a', ['admin'])}")]


def as_orders(keys):
    return [(WORKLOAD, keys.workload_token("orders", "inventory"))]


def adjustment(delta):
    return pb.AdjustStockRequest(name=NAME, delta=delta, reason="delivery")


def reserve(**ttl):
    return pb.ReserveRequest(
        order="orders/o1",
        lines=[pb.ReservationLine(product="products/p1", quantity=4)],
        ttl=Duration(**ttl),
        request_id=str(uuid.uuid4()),
    )


async def serving_status(address):
    async with connect("inventory", target=address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def test_an_inventory_serves_until_it_is_told_to_stop(tmp_path, keys):
    migrated(tmp_path)

    with running(tmp_path, keys) as (process, address):
        assert await serving_status(address) == "SERVING"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert process.returncode == 0


async def test_an_inventory_whose_database_was_not_migrated_is_not_ready(tmp_path):
    with running(tmp_path) as (process, address):
        assert await serving_status(address) == "NOT_SERVING"
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]

    assert "cannot be found" in said


async def test_expired_holds_are_swept_and_who_watches_is_told_by_the_process_itself(
    tmp_path, keys
):
    migrated(tmp_path)
    quick = {"PLAIT_SWEEP_INTERVAL": "0.1", "PLAIT_WATCH_INTERVAL": "0.1"}

    with running(tmp_path, keys, **quick) as (_, address):
        async with connect("inventory", target=address) as channel:
            stub = InventoryServiceStub(channel)
            await stub.AdjustStock(adjustment(10), metadata=as_admin(keys))
            watched = stub.WatchStock(WATCH, timeout=60)
            seen = [(await anext(watched)).stock.available]
            await stub.Reserve(reserve(nanos=1), metadata=as_orders(keys))
            while not seen[1:] or seen[-1] != 10:  # held, and free again; perhaps seen as one
                seen.append((await anext(watched)).stock.available)
            watched.cancel()

    assert seen in ([10, 6, 10], [10, 10])


async def test_a_watch_ends_when_the_process_is_told_to_stop_long_before_its_grace_is_over(
    tmp_path, keys
):
    migrated(tmp_path)

    with running(tmp_path, keys, PLAIT_DRAIN_GRACE="600") as (process, address):
        async with connect("inventory", target=address) as channel:
            stub = InventoryServiceStub(channel)
            await stub.AdjustStock(adjustment(10), metadata=as_admin(keys))
            watched = stub.WatchStock(WATCH, timeout=60)
            await anext(watched)
            process.send_signal(signal.SIGTERM)

            with pytest.raises(Unavailable) as caught:
                await anext(watched)
        process.communicate(timeout=20)

    assert caught.value.reason == "SERVER_STOPPING"
    assert process.returncode == 0


async def test_main_hands_a_whole_service_to_the_chassis(tmp_path, monkeypatch):
    migrated(tmp_path)
    served = {}
    monkeypatch.setattr(sys, "argv", ["inventory"])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'inventory.db'}")
    monkeypatch.setattr(
        main, "serve", lambda settings, register, **other: served.update(other, register=register)
    )

    main.main()

    assert served["name"] == "inventory"
    chores = {getattr(chore, "__qualname__", "") for chore in served["background"]}
    assert chores == {"Sweeper.run", "StockWatch.follow"}
    parts = {key: served[key] for key in ("name", "ready", "background")}
    async with serving(served["register"], **parts) as shop:
        with pytest.raises(NotFound):
            await InventoryServiceStub(shop.channel).GetStock(STOCK)
        assert await serving_status(shop.target) == "SERVING"
    await served["on_close"]()


def test_main_refuses_a_database_that_it_cannot_use(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["inventory"])
    monkeypatch.setenv("DATABASE_URL", "mysql://inventory:secret@db/shop")

    with pytest.raises(SystemExit) as caught:
        main.main()

    assert "DATABASE_URL: expected" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("setting", ["PLAIT_SWEEP_INTERVAL", "PLAIT_WATCH_INTERVAL"])
@pytest.mark.parametrize(("value", "fits"), [("0.09", False), ("0.1", True), ("3600", True)])
def test_an_interval_has_bounds(monkeypatch, setting, value, fits):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///inventory.db")
    monkeypatch.setenv(setting, value)

    if fits:
        settings = main.InventorySettings()
        assert float(value) in (settings.sweep_interval, settings.watch_interval)
    else:
        with pytest.raises(ValueError, match="greater than or equal to"):
            main.InventorySettings()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "mysql://db/shop"}, "DATABASE_URL: expected a database URL like"),
        ({"PLAIT_SWEEP_INTERVAL": "never"}, "PLAIT_SWEEP_INTERVAL"),
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
