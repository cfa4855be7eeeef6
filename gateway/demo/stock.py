"""The stock of a product, watched while an administrator adjusts it."""

from urllib.parse import quote

from gateway.demo.people import ADMIN
from plait.cli.exchange import Request
from plait.cli.walk import Walk

INVENTORY = "shop.inventory.v1.InventoryService"


def watch(walk: Walk, product: str) -> None:
    """Watch the stock of a product as events, while pieces come and go again."""
    name = f"{product}/stock"
    before = walk.step("How many there are", _get(name)).json
    on_hand = int(before.get("onHand", 0))
    request = Request(
        verb="GET",
        path=f"/v1/stock:watch?names={quote(name, safe='/')}",
        rpc=f"{INVENTORY}/WatchStock",
        message=[{"names": [name]}],
        accept="text/event-stream",
    )
    with walk.stream("Watch the stock as server-sent events", request) as events:
        walk.expect("the stock", found=_on_hand(events.next()), wanted=on_hand)
        walk.step("An administrator puts a piece on the shelf", _adjust(name, 1, "demo: one more"))
        walk.expect("the stock", found=_on_hand(events.next()), wanted=on_hand + 1)
        walk.step("and takes it away again", _adjust(name, -1, "demo: one less"))
        walk.expect("the stock", found=_on_hand(events.next()), wanted=on_hand)


def _on_hand(message: dict[str, dict[str, str]]) -> int:
    return int(message["stock"].get("onHand", 0))


def _get(name: str) -> Request:
    return Request(
        verb="GET", path=f"/v1/{name}", rpc=f"{INVENTORY}/GetStock", message=[{"name": name}]
    )


def _adjust(name: str, delta: int, reason: str) -> Request:
    body = {"delta": str(delta), "reason": reason}
    return Request(
        verb="POST",
        path=f"/v1/{name}:adjust",
        rpc=f"{INVENTORY}/AdjustStock",
        message=[{"name": name, **body}],
        body=body,
        by=ADMIN,
    )
