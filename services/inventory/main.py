"""Runs the inventory: settings -> store -> service -> serve."""

from pathlib import Path

from pydantic import Field

from plait.clock import SystemClock
from plait.data.database import Database
from plait.data.url import DatabaseUrlError
from plait.service import serve
from plait.settings import ServiceSettings, settings_from_environment
from services.inventory.service import InventoryService
from services.inventory.store import SqlStore
from services.inventory.sweeper import Sweeper
from services.inventory.watch import StockWatch
from shop.inventory.v1.inventory_pb2_grpc import add_InventoryServiceServicer_to_server

MIGRATIONS = Path(__file__).parent / "migrations"


class InventorySettings(ServiceSettings):
    """The settings of the inventory."""

    sweep_interval: float = Field(
        default=1.0, ge=0.1, le=3600, description="seconds between two sweeps of expired holds"
    )
    watch_interval: float = Field(
        default=1.0,
        ge=0.1,
        le=3600,
        description="seconds between two looks for changes by other replicas, for who watches",
    )


def main() -> None:
    """Serve until told to stop.

    Raises:
        SystemExit: a setting cannot be used; with a sentence.
    """
    settings = settings_from_environment(InventorySettings)
    try:
        database = Database(settings.database_url, migrations=MIGRATIONS)
    except DatabaseUrlError as error:
        raise SystemExit(f"DATABASE_URL: {error}") from error
    store = SqlStore(database, clock=SystemClock())
    watch = StockWatch(store, interval=settings.watch_interval)
    sweeper = Sweeper(store.sweep, interval=settings.sweep_interval)
    service = InventoryService(store, watch)
    serve(
        settings,
        lambda server: add_InventoryServiceServicer_to_server(service, server),
        name="inventory",
        ready=database.ready,
        on_close=database.close,
        background=[sweeper.run, watch.follow],
    )


if __name__ == "__main__":
    main()
