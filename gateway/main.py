"""The shop's gateway as a process: settings, services, serve."""

from importlib.metadata import version

from gateway.settings import SERVICES, ShopSettings
from plait.gateway.process import run
from plait.settings import settings_from_environment


def main() -> None:
    """Serve the shop's services to the outside until SIGTERM."""
    settings = settings_from_environment(ShopSettings)
    run(settings, SERVICES, title="The shop", version=version("plait"))


if __name__ == "__main__":
    main()
