"""Runs the catalog: settings -> store -> service -> serve."""

from pathlib import Path

from plait.clock import SystemClock
from plait.data.database import Database
from plait.data.url import DatabaseUrlError
from plait.ids import new_id
from plait.service import serve
from plait.settings import ServiceSettings, settings_from_environment
from services.catalog.service import CatalogService
from services.catalog.store import SqlStore
from shop.catalog.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server

MIGRATIONS = Path(__file__).parent / "migrations"


def main() -> None:
    """Serve until told to stop.

    Raises:
        SystemExit: a setting cannot be used; with a sentence.
    """
    settings = settings_from_environment(ServiceSettings)
    try:
        database = Database(settings.database_url, migrations=MIGRATIONS)
    except DatabaseUrlError as error:
        raise SystemExit(f"DATABASE_URL: {error}") from error
    service = CatalogService(SqlStore(database, new_id), clock=SystemClock(), new_id=new_id)
    serve(
        settings,
        lambda server: add_CatalogServiceServicer_to_server(service, server),
        name="catalog",
        ready=database.ready,
        on_close=database.close,
    )


if __name__ == "__main__":
    main()
