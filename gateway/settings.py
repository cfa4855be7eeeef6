"""What the shop shows outside, and the settings of its edge."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from plait.gateway.process import Exposed
from plait.gateway.settings import GatewaySettings

SERVICES: Mapping[str, Exposed] = {
    "shop.identity.v1.IdentityService": Exposed(name="identity", target="127.0.0.1:9091"),
    "shop.catalog.v1.CatalogService": Exposed(name="catalog", target="127.0.0.1:9092"),
    "shop.inventory.v1.InventoryService": Exposed(name="inventory", target="127.0.0.1:9093"),
}
"""The services that exist; what is not here is neither routed nor described."""


class ShopSettings(GatewaySettings):
    """The settings of the shop's gateway."""

    contracts: str = Field(
        default=str(Path(__file__).parents[1] / "gen" / "contracts.binpb"),
        description="file with the contracts: a FileDescriptorSet with imports and comments",
    )
