"""The catalog: a customer looks around, an administrator keeps it."""

import base64
import json
import struct
import uuid
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from gateway.demo.people import ADMIN
from plait.cli.exchange import Request, Response
from plait.cli.walk import Walk

_CATALOG = "shop.catalog.v1.CatalogService"


def look_around(walk: Walk) -> str:
    """List what is sold, search for some of it, and return the name of a product."""
    query = {"pageSize": 3, "orderBy": "create_time"}
    listed = walk.step("Look around: the first three products", _list(query)).json
    product = listed["products"][0]
    word = max(product["title"].split(), key=len)
    found = walk.step(f"Search for {word}", _search(word)).json
    walk.expect("that it is found", found=product["name"] in _found(found), wanted=True)
    return str(product["name"])


def keep(walk: Walk) -> None:
    """Create, find, change, illustrate, import and export products; leave no trace of them."""
    mark = uuid.uuid4().hex[:8]  # finds again what this walk has made, whatever else is there
    with _tidied(walk, mark):
        name = _create(walk, mark)
        _find(walk, mark, name)
        _change(walk, name)
        _illustrate(walk, name)
        _import_and_export(walk, mark)


def _create(walk: Walk, mark: str) -> str:
    product = {
        "sku": f"DEMO-{mark}",
        "title": f"Travel chess {mark}",
        "price": {"currencyCode": "EUR", "units": "19", "nanos": 990_000_000},
        "category": f"demo-{mark}",
        "tags": ["demo"],
    }
    request = Request(
        verb="POST",
        path="/v1/products",
        rpc=f"{_CATALOG}/CreateProduct",
        message=[{"product": product}],
        body=product,
    )
    walk.step("Nobody but an admin creates products", request, expect=401)
    created = walk.step("Create a product as admin", replace(request, by=ADMIN), expect=201).json
    walk.expect("the sku", found=created["sku"], wanted=product["sku"])
    return str(created["name"])


def _find(walk: Walk, mark: str, name: str) -> None:
    query = {"filter": f'category = "demo-{mark}" AND price < 20', "orderBy": "price desc"}
    listed = walk.step("List products with a filter and an order", _list(query)).json
    walk.expect("the names", found=_names(listed.get("products", [])), wanted=[name])
    found = walk.step("Search; the last word may be unfinished", _search(f"{mark} che")).json
    walk.expect("the results", found=_found(found), wanted=[name])


def _list(query: Mapping[str, Any]) -> Request:
    return Request(
        verb="GET",
        path=f"/v1/products?{urlencode(query, quote_via=quote)}",
        rpc=f"{_CATALOG}/ListProducts",
        message=[query],
    )


def _search(words: str) -> Request:
    return Request(
        verb="GET",
        path=f"/v1/products:search?{urlencode({'query': words}, quote_via=quote)}",
        rpc=f"{_CATALOG}/SearchProducts",
        message=[{"query": words}],
    )


def _found(answer: Mapping[str, Any]) -> list[str]:
    return [result["product"]["name"] for result in answer.get("results", [])]


def _change(walk: Walk, name: str) -> None:
    read = Request(
        verb="GET",
        path=f"/v1/{name}",
        rpc=f"{_CATALOG}/GetProduct",
        message=[{"name": name}],
    )
    etag = walk.step("Read the product; its etag says which version it is", read).json["etag"]
    change = {"title": "Travel chess, magnetic", "etag": etag}
    patch = Request(
        verb="PATCH",
        path=f"/v1/{name}?updateMask=title",
        rpc=f"{_CATALOG}/UpdateProduct",
        message=[{"product": {"name": name, **change}, "updateMask": "title"}],
        body=change,
        by=ADMIN,
    )
    changed = walk.step("Change one field of the version that was read", patch).json
    walk.expect("the title", found=changed["title"], wanted=change["title"])
    refused = walk.step("The same with the etag that is stale now", patch, expect=409)
    walk.expect("the reason", found=refused.reason, wanted="ETAG_MISMATCH")


def _illustrate(walk: Walk, name: str) -> None:
    picture = png()
    content = {"contentType": "image/png", "data": base64.b64encode(picture).decode()}
    walk.step(
        "Upload a picture",
        Request(
            verb="PUT",
            path=f"/v1/{name}/picture",
            rpc=f"{_CATALOG}/PutPicture",
            message=[{"name": f"{name}/picture", "content": content}],
            body=picture,
            content_type="image/png",
            by=ADMIN,
        ),
    )
    downloaded = walk.step(
        "Download it",
        Request(
            verb="GET",
            path=f"/v1/{name}/picture",
            rpc=f"{_CATALOG}/GetPicture",
            message=[{"name": f"{name}/picture"}],
        ),
    )
    walk.expect("the bytes", found=downloaded.body, wanted=picture)
    walk.expect("the type", found=downloaded.headers.get("content-type"), wanted="image/png")


def _import_and_export(walk: Walk, mark: str) -> None:
    products = [
        {
            "sku": f"DEMO-{mark}-{number}",
            "title": f"Demo product {number}",
            "price": {"currencyCode": "EUR", "units": str(number)},
            "category": f"demo-{mark}",
        }
        for number in (1, 2)
    ]
    nameless = {"sku": f"DEMO-{mark}-3", "price": {"currencyCode": "EUR", "units": "3"}}
    lines = [*products, nameless]
    imported = walk.step(
        "Import products, one a line; a line that breaks a rule is refused alone",
        Request(
            verb="POST",
            path="/v1/products:import",
            rpc=f"{_CATALOG}/ImportProducts",
            message=[{"product": line} for line in lines],
            body="".join(f"{json.dumps(line)}\n" for line in lines),
            content_type="application/x-ndjson",
            by=ADMIN,
        ),
    ).json
    walk.expect("created", found=int(imported.get("createdCount", 0)), wanted=2)
    walk.expect("refused", found=int(imported.get("refusedCount", 0)), wanted=1)
    exported = walk.step("Export them as lines of JSON", _export(mark))
    skus = {json.loads(line)["sku"] for line in exported.body.decode().splitlines()}
    wanted = {f"DEMO-{mark}", *(str(product["sku"]) for product in products)}
    walk.expect("the skus", found=skus, wanted=wanted)


def _export(mark: str) -> Request:
    query = {"filter": f'category = "demo-{mark}"'}
    return Request(
        verb="GET",
        path=f"/v1/products:export?{urlencode(query, quote_via=quote)}",
        rpc=f"{_CATALOG}/ExportProducts",
        message=[query],
        accept="application/x-ndjson",
        by=ADMIN,
    )


@contextmanager
def _tidied(walk: Walk, mark: str) -> Generator[None]:
    """Delete what the walk has made, also where it found something wrong."""
    try:
        yield
    except BaseException:
        for name in _made(walk.silently(_export(mark))):
            walk.silently(_delete(name))
        raise
    for name in _made(walk.silently(_export(mark))):
        walk.step("Delete what this walk has made", _delete(name), expect=204)
    walk.expect("what is left", found=_made(walk.silently(_export(mark))), wanted=[])


def _delete(name: str) -> Request:
    return Request(
        verb="DELETE",
        path=f"/v1/{name}",
        rpc=f"{_CATALOG}/DeleteProduct",
        message=[{"name": name}],
        by=ADMIN,
    )


def _made(exported: Response) -> list[str]:
    if exported.status != 200:
        return []
    return _names([json.loads(line) for line in exported.body.decode().splitlines()])


def _names(products: list[dict[str, str]]) -> list[str]:
    return [product["name"] for product in products]


def png() -> bytes:
    """Return a small picture, drawn here: a board of eight by eight squares."""
    size, square = 64, 8
    rows = b"".join(
        b"\x00" + bytes(255 * ((x // square + y // square) % 2) for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
