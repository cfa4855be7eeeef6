"""The shop's own edge: what it shows outside can be shown."""

import tomllib
from pathlib import Path

from gateway.settings import SERVICES, ShopSettings
from plait.gateway.contracts import load
from plait.gateway.process import built

ROOT = Path(__file__).parents[2]


async def test_the_shops_gateway_can_be_built_from_its_contracts():
    settings = ShopSettings(port=0)

    async with built(settings, SERVICES, title="The shop", version="1") as gateway:
        found = gateway._rest.find("GET", b"/v1/products/p1")

    assert found.variables == {"name": "products/p1"}
    assert Path(settings.contracts) == ROOT / "gen" / "contracts.binpb"


def test_all_contracts_of_the_shop_can_be_shown_outside():
    contracts = (ROOT / "gen" / "contracts.binpb").read_bytes()
    names = [
        f"shop.{name}.v1.{name.title()}Service"
        for name in ("catalog", "identity", "inventory", "notifications", "orders", "payments")
    ]

    shown = load(contracts, [*names, "shop.shipping.v1.ShippingService"])

    assert len(shown.services) == 7
    assert {"GET /v1/chats:connect"} <= {str(rule) for m in shown.methods for rule in m.rules}


def test_every_service_that_is_started_is_shown_outside_at_its_own_port():
    started = tomllib.loads((ROOT / "plait.toml").read_text(encoding="utf-8"))["services"]

    shown = {name: exposed.target for name, exposed in SERVICES.items()}

    assert shown == {
        contract: f"127.0.0.1:{service['port']}"
        for service in started
        for contract in service["contracts"]
    }
